//! `ReceiveMessage`, `DeleteMessage` and `ChangeMessageVisibility`, single and in batches.
//!
//! From the request to the engine's command and back to JSON. It knows neither tables nor waiting.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::attributes::{self, Attributes};
use super::batch;
use super::engine::{Command, Engine};
use super::error::SqsError;
use super::messages::{Delivered, Receive};
use super::receipt::Receipt;
use super::settings::{MAX_VISIBILITY, MAX_WAIT};
use super::wire::{QueueRef, parse, within};
use crate::stack_spec::ACCOUNT;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReceiveMessage {
    #[serde(flatten)]
    queue: QueueRef,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
}

#[derive(Deserialize)]
struct OnReceipt {
    #[serde(flatten)]
    queue: QueueRef,
    #[serde(flatten)]
    entry: Entry,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OnReceipts {
    #[serde(flatten)]
    queue: QueueRef,
    #[serde(default)]
    entries: Vec<Entry>,
}

/// One receipt, with a visibility where the operation is about that, and an id in a batch.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(default)]
    id: String,
    #[serde(default)]
    receipt_handle: String,
    visibility_timeout: Option<i64>,
}

/// What is done with a receipt.
#[derive(Debug, Clone, Copy)]
pub(super) enum Deed {
    Delete,
    ChangeVisibility,
}

/// Receives up to ten messages, waiting for the first if the request or the queue says so.
pub(super) async fn receive(engine: &Engine, body: &[u8]) -> Result<Value, SqsError> {
    let mut request: ReceiveMessage = parse(body)?;
    let most = request.max_number_of_messages.unwrap_or(1);
    within("MaxNumberOfMessages", most, 1, 10)?;
    if let Some(seconds) = request.visibility_timeout {
        within("VisibilityTimeout", seconds, 0, MAX_VISIBILITY)?;
    }
    if let Some(seconds) = request.wait_time_seconds {
        within("WaitTimeSeconds", seconds, 0, MAX_WAIT)?;
    }
    let mut system = std::mem::take(&mut request.attribute_names);
    system.append(&mut request.message_system_attribute_names);
    if let Some(unknown) = system
        .iter()
        .find(|name| !SYSTEM_ATTRIBUTES.contains(&name.as_str()))
    {
        return Err(SqsError::attribute_name(unknown));
    }
    let delivered = engine
        .receive(Receive {
            queue: request.queue.name()?.to_owned(),
            most: usize::try_from(most).unwrap_or(1),
            visibility: request.visibility_timeout,
            wait: request.wait_time_seconds,
        })
        .await?;
    if delivered.is_empty() {
        return Ok(json!({}));
    }
    let messages: Vec<_> = delivered
        .into_iter()
        .map(|message| render(message, &system, &request.message_attribute_names))
        .collect();
    Ok(json!({ "Messages": messages }))
}

/// Does one deed to one receipt.
pub(super) async fn one(engine: &Engine, deed: Deed, body: &[u8]) -> Result<Value, SqsError> {
    let request: OnReceipt = parse(body)?;
    let queue = request.queue.name()?.to_owned();
    let checked = check(&queue, deed, &request.entry)?;
    let mut fates = engine.each(deed.command(queue, vec![checked])).await?;
    fates.pop().unwrap_or(Ok(())).map(|()| json!({}))
}

/// Does one deed to up to ten receipts, each with a fate of its own.
pub(super) async fn many(engine: &Engine, deed: Deed, body: &[u8]) -> Result<Value, SqsError> {
    let request: OnReceipts = parse(body)?;
    let queue = request.queue.name()?.to_owned();
    batch::check_ids(request.entries.iter().map(|entry| entry.id.as_str()))?;
    let mut report = batch::Report::default();
    let (mut checked, mut accepted) = (Vec::new(), Vec::new());
    for entry in &request.entries {
        match check(&queue, deed, entry) {
            Ok(receipt) => {
                checked.push(receipt);
                accepted.push(&entry.id);
            }
            Err(refusal) => report.failed(&entry.id, &refusal),
        }
    }
    let fates = engine.each(deed.command(queue, checked)).await?;
    for (id, fate) in accepted.into_iter().zip(fates) {
        report.add(id, json!({ "Id": id }), fate);
    }
    Ok(report.render())
}

impl Deed {
    fn command(self, queue: String, receipts: Vec<(Receipt, i64)>) -> Command {
        match self {
            Self::Delete => Command::Delete {
                queue,
                receipts: receipts.into_iter().map(|(receipt, _)| receipt).collect(),
            },
            Self::ChangeVisibility => Command::ChangeVisibility { queue, receipts },
        }
    }
}

/// The receipt and its new visibility timeout in seconds (0 where the deed has none).
fn check(queue: &str, deed: Deed, entry: &Entry) -> Result<(Receipt, i64), SqsError> {
    if entry.receipt_handle.is_empty() {
        return Err(SqsError::missing("ReceiptHandle"));
    }
    let receipt = Receipt::parse(&entry.receipt_handle, queue)?;
    match (deed, entry.visibility_timeout) {
        (Deed::Delete, _) => Ok((receipt, 0)),
        (Deed::ChangeVisibility, None) => Err(SqsError::missing("VisibilityTimeout")),
        (Deed::ChangeVisibility, Some(seconds)) => {
            within("VisibilityTimeout", seconds, 0, MAX_VISIBILITY)?;
            Ok((receipt, seconds))
        }
    }
}

const SYSTEM_ATTRIBUTES: [&str; 10] = [
    "All",
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageDeduplicationId",
    "MessageGroupId",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
];

fn render(message: Delivered, system: &[String], named: &[String]) -> Value {
    let mut answer = json!({
        "MessageId": Uuid::from_bytes(message.message_id).to_string(),
        "ReceiptHandle": message.receipt.handle(),
        "MD5OfBody": attributes::md5_of(&message.body),
    });
    let known = [
        ("SenderId", Some(ACCOUNT.to_owned())),
        ("SentTimestamp", Some(message.sent_at.to_string())),
        (
            "ApproximateReceiveCount",
            Some(message.receive_count.to_string()),
        ),
        (
            "ApproximateFirstReceiveTimestamp",
            Some(message.first_received_at.to_string()),
        ),
        (
            "MessageGroupId",
            Some(message.group).filter(|group| !group.is_empty()),
        ),
        ("AWSTraceHeader", message.trace),
        ("DeadLetterQueueSourceArn", message.source),
    ];
    let asked = |name: &str| system.iter().any(|asked| asked == "All" || asked == name);
    let about: Map<String, Value> = known
        .into_iter()
        .filter(|(name, _)| asked(name))
        .filter_map(|(name, value)| Some((name.to_owned(), json!(value?))))
        .collect();
    if !about.is_empty() {
        answer["Attributes"] = about.into();
    }
    // What does not parse was not written by `sending`; the body is worth delivering all the same.
    let stored: Attributes = message
        .attributes
        .and_then(|stored| serde_json::from_str(&stored).ok())
        .unwrap_or_default();
    let picked = attributes::pick(stored, named);
    if let Some(digest) = attributes::digest(&picked) {
        answer["MD5OfMessageAttributes"] = json!(digest);
        answer["MessageAttributes"] = json!(picked);
    }
    answer["Body"] = message.body.into();
    answer
}
