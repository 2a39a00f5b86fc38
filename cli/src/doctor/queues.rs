//! Checks the queues: their redrive, their visibility timeouts, and how many dead letters wait.

use std::collections::HashMap;

use aws_sdk_sqs::operation::get_queue_url::GetQueueUrlError;
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use serde_json::Value;

use super::failed_call;
use super::finding::{CHANGED, Findings, RESTORE};
use crate::target::AwsContext;

/// The visibility timeout that AWS recommends, in multiples of the function's timeout.
const TIMEOUT_MULTIPLE: u64 = 6;
/// The dead-letter queues.
const JOBS_DLQ: &str = "jobs-dlq";
const FANOUT_DLQ: &str = "fanout-dlq";

/// `timeout` is the worker's, in seconds, if it is known.
pub async fn check(aws: &AwsContext, timeout: Option<u64>, findings: &mut Findings) {
    for name in ["jobs", "continuations"] {
        if let Some(queue) = attributes(aws, name, findings).await {
            redrive(aws, name, JOBS_DLQ, &queue, findings);
            visibility(aws, name, &queue, timeout, findings);
        }
    }
    for name in ["publish", "fanout"] {
        if let Some(queue) = attributes(aws, name, findings).await {
            redrive(aws, name, FANOUT_DLQ, &queue, findings);
        }
    }
    // It needs no dead-letter queue: what could not be delivered stays in the inbox.
    attributes(aws, "deliveries", findings).await;
    let jobs = (
        "dead letters",
        "list them with: longhaul dlq list",
        "Replaying dead letters",
    );
    let published = (
        "publications not delivered",
        "find the reason in the logs of publish and fanout, then start the queue's redrive",
        "Notifications not delivered",
    );
    for (name, (check, advice, section)) in [(JOBS_DLQ, jobs), (FANOUT_DLQ, published)] {
        if let Some(queue) = attributes(aws, name, findings).await {
            let waiting = waiting(&queue);
            let found = format!("{waiting} on {}", aws.resource_name(name));
            match waiting {
                0 => findings.ok(check, found),
                _ => findings.warn(check, found, advice, section),
            }
        }
    }
}

type Attributes = HashMap<Attribute, String>;

async fn attributes(aws: &AwsContext, name: &str, findings: &mut Findings) -> Option<Attributes> {
    let queue = aws.resource_name(name);
    let check = format!("queue {queue}");
    let (found, advice) = match aws.sqs.get_queue_url().queue_name(queue).send().await {
        Ok(found) => {
            let get = aws
                .sqs
                .get_queue_attributes()
                .set_queue_url(found.queue_url);
            match get.attribute_names(Attribute::All).send().await {
                Ok(answer) => return Some(answer.attributes.unwrap_or_default()),
                Err(error) => failed_call::explain(&error, "sqs:GetQueueAttributes"),
            }
        }
        Err(error)
            if error
                .as_service_error()
                .is_some_and(GetQueueUrlError::is_queue_does_not_exist) =>
        {
            findings.fail(check, "it does not exist", RESTORE, CHANGED);
            return None;
        }
        Err(error) => failed_call::explain(&error, "sqs:GetQueueUrl"),
    };
    findings.warn(check, found, &advice, "");
    None
}

fn redrive(
    aws: &AwsContext,
    name: &str,
    dead_letters: &str,
    queue: &Attributes,
    findings: &mut Findings,
) {
    let check = format!("redrive of {}", aws.resource_name(name));
    let policy = queue.get(&Attribute::RedrivePolicy);
    let policy: Option<Value> = policy.and_then(|policy| serde_json::from_str(policy).ok());
    let target = policy
        .as_ref()
        .and_then(|policy| policy["deadLetterTargetArn"].as_str());
    let dead_letters = aws.resource_name(dead_letters);
    match target.and_then(|arn| arn.rsplit(':').next()) {
        Some(target) if target == dead_letters => findings.ok(check, format!("to {dead_letters}")),
        Some(other) => findings.fail(check, format!("to {other}"), RESTORE, CHANGED),
        None => {
            let found = "none: an unreadable message returns until it expires";
            findings.fail(check, found, RESTORE, CHANGED);
        }
    }
}

fn visibility(
    aws: &AwsContext,
    name: &str,
    queue: &Attributes,
    timeout: Option<u64>,
    findings: &mut Findings,
) {
    let check = format!("visibility of {}", aws.resource_name(name));
    let visibility_timeout = queue.get(&Attribute::VisibilityTimeout);
    let Some(visibility_timeout) =
        visibility_timeout.and_then(|visibility_timeout| visibility_timeout.parse::<u64>().ok())
    else {
        return findings.skipped(check, "SQS returned none");
    };
    let Some(timeout) = timeout else {
        return findings.skipped(
            check,
            format!("{visibility_timeout} s; the worker's timeout is not known"),
        );
    };
    let found = format!("{visibility_timeout} s, and the worker's timeout is {timeout} s");
    match visibility_timeout {
        visibility_timeout if visibility_timeout >= TIMEOUT_MULTIPLE * timeout => {
            findings.ok(check, found)
        }
        visibility_timeout if visibility_timeout >= timeout => {
            findings.warn(check, found, RESTORE, CHANGED)
        }
        _ => findings.fail(check, found, RESTORE, CHANGED),
    }
}

/// Number of messages in the queue, in flight or not.
fn waiting(queue: &Attributes) -> u64 {
    let counts = [
        Attribute::ApproximateNumberOfMessages,
        Attribute::ApproximateNumberOfMessagesNotVisible,
    ];
    let count = |name| queue.get(name)?.parse::<u64>().ok();
    counts.iter().filter_map(count).sum()
}
