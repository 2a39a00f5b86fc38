//! Queue attributes: validation, defaults and parsing. Whether a redrive target exists is checked by
//! `queues`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::error::SqsError;
use crate::stack_spec::{ACCOUNT, REGION};

/// Maximum size of a message and of a batch, in bytes (AWS raised it from 256 KiB in August 2025).
pub(super) const MAX_MESSAGE_BYTES: i64 = 1_048_576;
/// Maximum visibility timeout, and maximum time in flight: 12 hours, in seconds.
pub(super) const MAX_VISIBILITY: i64 = 43_200;
/// Maximum delay, in seconds.
pub(super) const MAX_DELAY: i64 = 900;
/// Maximum wait time of a receive, in seconds.
pub(super) const MAX_WAIT: i64 = 20;

/// Numeric attributes: name, default, minimum, maximum (SQS API reference, `SetQueueAttributes`).
const NUMERIC_ATTRIBUTES: [(&str, i64, i64, i64); 6] = [
    ("VisibilityTimeout", 30, 0, MAX_VISIBILITY),
    ("DelaySeconds", 0, 0, MAX_DELAY),
    (
        "MaximumMessageSize",
        MAX_MESSAGE_BYTES,
        1024,
        MAX_MESSAGE_BYTES,
    ),
    ("MessageRetentionPeriod", 345_600, 60, 1_209_600),
    ("ReceiveMessageWaitTimeSeconds", 0, 0, MAX_WAIT),
    ("KmsDataKeyReusePeriodSeconds", 300, 60, 86_400),
];
/// Stored and returned without effect: nothing is encrypted and every caller is the owner.
const UNUSED_ATTRIBUTES: [&str; 3] = ["Policy", "KmsMasterKeyId", "SqsManagedSseEnabled"];
const FIFO_ATTRIBUTES: [&str; 4] = [
    "FifoQueue",
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoThroughputLimit",
];
/// Attributes that can be read but not set.
pub(super) const DERIVED: [&str; 6] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
];

/// A queue's parsed attributes.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// Seconds.
    pub(super) visibility: i64,
    /// Seconds.
    pub(super) delay: i64,
    /// Maximum size of body and attributes together, in bytes.
    pub(super) max_bytes: i64,
    /// Seconds since the first send.
    pub(super) retention: i64,
    /// Seconds.
    pub(super) wait: i64,
    pub(super) redrive: Option<Redrive>,
    pub(super) allow: RedriveAllow,
}

/// A redrive policy.
#[derive(Debug, Clone)]
pub(super) struct Redrive {
    /// The dead-letter queue's name.
    pub(super) target: String,
    /// A message is received this many times; the next receive moves it instead.
    pub(super) max_receive_count: i64,
}

/// The queues that may use this queue as dead-letter queue.
#[derive(Debug, Clone)]
pub(super) enum RedriveAllow {
    AllowAll,
    DenyAll,
    /// These queues, by ARN.
    Queues(Vec<String>),
}

impl Settings {
    /// Parses attributes that [`normalise`] has checked; missing ones have their defaults.
    pub(super) fn read(attributes: &BTreeMap<String, String>) -> Result<Self, SqsError> {
        let number = |name: &str| -> Result<i64, SqsError> {
            let (_, default, ..) = NUMERIC_ATTRIBUTES
                .iter()
                .find(|(known, ..)| *known == name)
                .expect("every name is in the table");
            attributes
                .get(name)
                .map_or(Ok(*default), |value| integer(name, value))
        };
        Ok(Self {
            visibility: number("VisibilityTimeout")?,
            delay: number("DelaySeconds")?,
            max_bytes: number("MaximumMessageSize")?,
            retention: number("MessageRetentionPeriod")?,
            wait: number("ReceiveMessageWaitTimeSeconds")?,
            redrive: attributes
                .get("RedrivePolicy")
                .map(|policy| read_redrive(policy))
                .transpose()?,
            allow: attributes
                .get("RedriveAllowPolicy")
                .map_or(Ok(RedriveAllow::AllowAll), |policy| read_allow(policy))?,
        })
    }

    /// Whether `source` (an ARN) may use this queue as dead-letter queue.
    pub(super) fn allows_source(&self, source: &str) -> bool {
        match &self.allow {
            RedriveAllow::AllowAll => true,
            RedriveAllow::DenyAll => false,
            RedriveAllow::Queues(sources) => sources.iter().any(|allowed| allowed == source),
        }
    }
}

/// Checks the attributes of a request and normalises them, so that equal settings compare equal. An empty
/// value removes the attribute and stays empty.
///
/// # Errors
/// `InvalidAttributeName`, or `InvalidAttributeValue`, also for FIFO attributes.
pub(super) fn normalise(
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, SqsError> {
    let mut checked = BTreeMap::new();
    for (name, value) in given {
        let value = value.trim();
        let normalised = if FIFO_ATTRIBUTES.contains(&name.as_str()) {
            return Err(SqsError::invalid_attribute_value(
                name,
                "FIFO queues are not supported, only standard queues",
            ));
        } else if value.is_empty() {
            if !is_settable(name) {
                return Err(SqsError::invalid_attribute_name(name));
            }
            String::new()
        } else if let Some((_, _, min, max)) =
            NUMERIC_ATTRIBUTES.iter().find(|(known, ..)| known == name)
        {
            let number = integer(name, value)?;
            if !(*min..=*max).contains(&number) {
                let reason = format!("must be an integer from {min} to {max}");
                return Err(SqsError::invalid_attribute_value(name, &reason));
            }
            number.to_string()
        } else if name == "RedrivePolicy" {
            let redrive = read_redrive(value)?;
            json!({"deadLetterTargetArn": arn(&redrive.target), "maxReceiveCount": redrive.max_receive_count}).to_string()
        } else if name == "RedriveAllowPolicy" {
            read_allow(value)?;
            value.to_owned()
        } else if UNUSED_ATTRIBUTES.contains(&name.as_str()) {
            value.to_owned()
        } else {
            return Err(SqsError::invalid_attribute_name(name));
        };
        checked.insert(name.clone(), normalised);
    }
    Ok(checked)
}

/// The attributes with all defaults, as `GetQueueAttributes` returns them.
pub(super) fn with_defaults(set: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = NUMERIC_ATTRIBUTES
        .iter()
        .filter(|(name, ..)| {
            // AWS returns the key reuse period only for a queue with a key.
            *name != "KmsDataKeyReusePeriodSeconds" || set.contains_key("KmsMasterKeyId")
        })
        .map(|(name, default, ..)| ((*name).to_owned(), default.to_string()))
        .collect();
    all.insert("SqsManagedSseEnabled".to_owned(), "true".to_owned());
    all.extend(
        set.iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    all
}

/// Whether `SetQueueAttributes` accepts the name for a standard queue.
pub(super) fn is_settable(name: &str) -> bool {
    NUMERIC_ATTRIBUTES.iter().any(|(known, ..)| *known == name)
        || UNUSED_ATTRIBUTES.contains(&name)
        || matches!(name, "RedrivePolicy" | "RedriveAllowPolicy")
}

/// Whether `GetQueueAttributes` accepts the name; FIFO attributes are accepted and never present.
pub(super) fn is_readable(name: &str) -> bool {
    is_settable(name) || DERIVED.contains(&name) || FIFO_ATTRIBUTES.contains(&name)
}

/// The ARN of an embedded queue.
pub(super) fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}")
}

/// The queue's name in an ARN; `None` for another account, region or service.
pub(super) fn name_in_arn(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:aws:sqs:")?
        .strip_prefix(REGION)?
        .strip_prefix(':')?
        .strip_prefix(ACCOUNT)?
        .strip_prefix(':')
}

fn integer(name: &str, value: &str) -> Result<i64, SqsError> {
    value
        .parse()
        .map_err(|_| SqsError::invalid_attribute_value(name, "must be an integer"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RedrivePolicy {
    dead_letter_target_arn: String,
    max_receive_count: serde_json::Value,
}

fn read_redrive(policy: &str) -> Result<Redrive, SqsError> {
    let invalid = SqsError::invalid_redrive_policy;
    let policy: RedrivePolicy =
        serde_json::from_str(policy).map_err(|problem| invalid(&problem.to_string()))?;
    let target = name_in_arn(&policy.dead_letter_target_arn).ok_or_else(|| {
        invalid("deadLetterTargetArn must be the ARN of a queue of this account and region")
    })?;
    // The console and CloudFormation write a number, some tools a string.
    let count = match &policy.max_receive_count {
        serde_json::Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    };
    match count {
        Some(count @ 1..=1000) => Ok(Redrive {
            target: target.to_owned(),
            max_receive_count: count,
        }),
        _ => Err(invalid("maxReceiveCount must be an integer from 1 to 1000")),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RedriveAllowPolicy {
    redrive_permission: String,
    #[serde(default)]
    source_queue_arns: Vec<String>,
}

fn read_allow(policy: &str) -> Result<RedriveAllow, SqsError> {
    let invalid = |reason: &str| SqsError::invalid_attribute_value("RedriveAllowPolicy", reason);
    let policy: RedriveAllowPolicy =
        serde_json::from_str(policy).map_err(|problem| invalid(&problem.to_string()))?;
    let named = policy.source_queue_arns.len();
    match policy.redrive_permission.as_str() {
        "allowAll" if named == 0 => Ok(RedriveAllow::AllowAll),
        "denyAll" if named == 0 => Ok(RedriveAllow::DenyAll),
        "byQueue" if (1..=10).contains(&named) => {
            Ok(RedriveAllow::Queues(policy.source_queue_arns))
        }
        "byQueue" => Err(invalid("byQueue needs 1 to 10 sourceQueueArns")),
        "allowAll" | "denyAll" => Err(invalid("sourceQueueArns is allowed only with byQueue")),
        _ => Err(invalid(
            "redrivePermission must be allowAll, denyAll or byQueue",
        )),
    }
}
