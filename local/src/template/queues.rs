//! `AWS::SQS::Queue`: its properties as the attributes of `CreateQueue`.
//!
//! It does not know whether a redrive target exists (`read` checks it once all queues are known).

use std::collections::BTreeMap;

use serde_json::json;

use super::properties::Properties;
use super::scope::Resource;
use super::{Result, identity};
use crate::plan::Queue;

/// The numeric attributes and their ranges, as the SQS API reference states them for
/// `SetQueueAttributes` (the message size in bytes, all else in seconds).
const NUMBERS: [(&str, u32, u32); 5] = [
    ("DelaySeconds", 0, 900),
    ("MaximumMessageSize", 1_024, 1_048_576),
    ("MessageRetentionPeriod", 60, 1_209_600),
    ("ReceiveMessageWaitTimeSeconds", 0, 20),
    ("VisibilityTimeout", 0, 43_200),
];
/// The most receives that a redrive policy may allow (SQS API reference).
const MOST_RECEIVES: u32 = 1_000;

pub(super) fn read(resource: &Resource) -> Result<Queue> {
    let mut queue = Properties::of(resource)?;
    queue.ignore(&[
        "KmsDataKeyReusePeriodSeconds",
        "KmsMasterKeyId",
        "SqsManagedSseEnabled",
        "Tags",
    ]);
    let fifo = queue.fault(
        "FifoQueue",
        "must not be true: the local cloud has standard queues only",
    );
    if queue.flag("FifoQueue")? == Some(true) {
        return Err(fifo);
    }
    let name = queue.text("QueueName")?;
    let name = name.map_or_else(|| identity::default_name(&resource.id), str::to_string);
    let mut attributes = BTreeMap::new();
    for (key, least, most) in NUMBERS {
        if let Some(number) = queue.number(key, least, most)? {
            attributes.insert(key.to_string(), number.to_string());
        }
    }
    if let Some(mut redrive) = queue.map("RedrivePolicy")? {
        let target = redrive.required("deadLetterTargetArn")?;
        let receives = redrive.number("maxReceiveCount", 1, MOST_RECEIVES)?;
        let receives = receives.ok_or_else(|| redrive.fault("maxReceiveCount", "is required"))?;
        redrive.finish()?;
        let policy = json!({"deadLetterTargetArn": target, "maxReceiveCount": receives});
        attributes.insert("RedrivePolicy".into(), policy.to_string());
    }
    if let Some(mut allow) = queue.map("RedriveAllowPolicy")? {
        let mut policy = json!({"redrivePermission": allow.required("redrivePermission")?});
        let sources = allow.texts("sourceQueueArns")?;
        if !sources.is_empty() {
            policy["sourceQueueArns"] = sources.into();
        }
        allow.finish()?;
        attributes.insert("RedriveAllowPolicy".into(), policy.to_string());
    }
    queue.finish()?;
    Ok(Queue { name, attributes })
}
