//! `AWS::SQS::Queue`: its properties as the attributes of `CreateQueue`.
//!
//! That the target of a redrive policy exists is checked later, when all queues are known.

use std::collections::BTreeMap;

use serde_json::json;

use super::error::Result;
use super::properties::Properties;
use super::resolver::Resource;
use super::resource_identity;
use crate::stack_spec::Queue;

/// The numeric attributes with minimum and maximum, from the SQS API reference for `SetQueueAttributes`
/// (message size in bytes, all others in seconds).
const NUMERIC_ATTRIBUTES: [(&str, u32, u32); 5] = [
    ("DelaySeconds", 0, 900),
    ("MaximumMessageSize", 1_024, 1_048_576),
    ("MessageRetentionPeriod", 60, 1_209_600),
    ("ReceiveMessageWaitTimeSeconds", 0, 20),
    ("VisibilityTimeout", 0, 43_200),
];
/// The maximum `maxReceiveCount` of a redrive policy (SQS API reference).
const MAX_RECEIVE_COUNT: u32 = 1_000;

pub(super) fn read(resource: &Resource) -> Result<Queue> {
    let mut queue = Properties::of(resource)?;
    queue.ignore(&[
        "KmsDataKeyReusePeriodSeconds",
        "KmsMasterKeyId",
        "SqsManagedSseEnabled",
        "Tags",
    ]);
    let fifo = queue.error(
        "FifoQueue",
        "must not be true: the embedded cloud supports only standard queues",
    );
    if queue.flag("FifoQueue")? == Some(true) {
        return Err(fifo);
    }
    let name = queue.text("QueueName")?;
    let name = name.map_or_else(
        || resource_identity::default_name(&resource.id),
        str::to_string,
    );
    let mut attributes = BTreeMap::new();
    for (key, min, max) in NUMERIC_ATTRIBUTES {
        if let Some(number) = queue.number(key, min, max)? {
            attributes.insert(key.to_string(), number.to_string());
        }
    }
    if let Some(mut redrive) = queue.map("RedrivePolicy")? {
        let target = redrive.required("deadLetterTargetArn")?;
        let receives = redrive.number("maxReceiveCount", 1, MAX_RECEIVE_COUNT)?;
        let receives = receives.ok_or_else(|| redrive.error("maxReceiveCount", "is required"))?;
        redrive.deny_unknown()?;
        let policy = json!({"deadLetterTargetArn": target, "maxReceiveCount": receives});
        attributes.insert("RedrivePolicy".into(), policy.to_string());
    }
    if let Some(mut allow) = queue.map("RedriveAllowPolicy")? {
        let mut policy = json!({"redrivePermission": allow.required("redrivePermission")?});
        let sources = allow.texts("sourceQueueArns")?;
        if !sources.is_empty() {
            policy["sourceQueueArns"] = sources.into();
        }
        allow.deny_unknown()?;
        attributes.insert("RedriveAllowPolicy".into(), policy.to_string());
    }
    queue.deny_unknown()?;
    Ok(Queue { name, attributes })
}
