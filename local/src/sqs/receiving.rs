//! `ReceiveMessage`, `DeleteMessage` and `ChangeMessageVisibility`, single and batch: parses requests into
//! engine commands and renders the responses.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::attributes::{self, Attributes};
use super::batch;
use super::engine::{BatchCommand, Engine};
use super::error::SqsError;
use super::messages::{ReceiveRequest, ReceivedMessage};
use super::receipt::Receipt;
use super::requests::{QueueRef, check_range, parse};
use super::settings::{MAX_VISIBILITY, MAX_WAIT};
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
struct ReceiptRequest {
    #[serde(flatten)]
    queue: QueueRef,
    #[serde(flatten)]
    entry: Entry,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReceiptBatchRequest {
    #[serde(flatten)]
    queue: QueueRef,
    #[serde(default)]
    entries: Vec<Entry>,
}

/// One receipt handle, with a visibility timeout for `ChangeMessageVisibility` and an id in a batch.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(default)]
    id: String,
    #[serde(default)]
    receipt_handle: String,
    visibility_timeout: Option<i64>,
}

/// The action on a receipt's message.
#[derive(Debug, Clone, Copy)]
pub(super) enum ReceiptAction {
    Delete,
    ChangeVisibility,
}

/// Receives up to ten messages; waits for the first if the request or the queue has a wait time.
pub(super) async fn receive(engine: &Engine, body: &[u8]) -> Result<Value, SqsError> {
    let mut request: ReceiveMessage = parse(body)?;
    let limit = request.max_number_of_messages.unwrap_or(1);
    check_range("MaxNumberOfMessages", limit, 1, 10)?;
    if let Some(seconds) = request.visibility_timeout {
        check_range("VisibilityTimeout", seconds, 0, MAX_VISIBILITY)?;
    }
    if let Some(seconds) = request.wait_time_seconds {
        check_range("WaitTimeSeconds", seconds, 0, MAX_WAIT)?;
    }
    let mut system_names = std::mem::take(&mut request.attribute_names);
    system_names.append(&mut request.message_system_attribute_names);
    if let Some(unknown) = system_names
        .iter()
        .find(|name| !SYSTEM_ATTRIBUTES.contains(&name.as_str()))
    {
        return Err(SqsError::invalid_attribute_name(unknown));
    }
    let delivered = engine
        .receive(ReceiveRequest {
            queue: request.queue.name()?.to_owned(),
            limit: usize::try_from(limit).unwrap_or(1),
            visibility: request.visibility_timeout,
            wait: request.wait_time_seconds,
        })
        .await?;
    if delivered.is_empty() {
        return Ok(json!({}));
    }
    let messages: Vec<_> = delivered
        .into_iter()
        .map(|message| render(message, &system_names, &request.message_attribute_names))
        .collect();
    Ok(json!({ "Messages": messages }))
}

/// Applies an action to one receipt.
pub(super) async fn apply_one(
    engine: &Engine,
    action: ReceiptAction,
    body: &[u8],
) -> Result<Value, SqsError> {
    let request: ReceiptRequest = parse(body)?;
    let queue = request.queue.name()?.to_owned();
    let checked = check(&queue, action, &request.entry)?;
    let mut results = engine.each(action.command(queue, vec![checked])).await?;
    results.pop().unwrap_or(Ok(())).map(|()| json!({}))
}

/// Applies an action to up to ten receipts, each with its own result.
pub(super) async fn apply_batch(
    engine: &Engine,
    action: ReceiptAction,
    body: &[u8],
) -> Result<Value, SqsError> {
    let request: ReceiptBatchRequest = parse(body)?;
    let queue = request.queue.name()?.to_owned();
    batch::check_ids(request.entries.iter().map(|entry| entry.id.as_str()))?;
    let mut response = batch::BatchResponse::default();
    let (mut checked, mut accepted) = (Vec::new(), Vec::new());
    for entry in &request.entries {
        match check(&queue, action, entry) {
            Ok(receipt) => {
                checked.push(receipt);
                accepted.push(&entry.id);
            }
            Err(error) => response.add_failed(&entry.id, &error),
        }
    }
    let results = engine.each(action.command(queue, checked)).await?;
    for (id, result) in accepted.into_iter().zip(results) {
        response.add(id, json!({ "Id": id }), result);
    }
    Ok(response.render())
}

impl ReceiptAction {
    fn command(self, queue: String, receipts: Vec<(Receipt, i64)>) -> BatchCommand {
        match self {
            Self::Delete => BatchCommand::Delete {
                queue,
                receipts: receipts.into_iter().map(|(receipt, _)| receipt).collect(),
            },
            Self::ChangeVisibility => BatchCommand::ChangeVisibility { queue, receipts },
        }
    }
}

/// The receipt and its new visibility timeout in seconds (0 for a delete).
fn check(queue: &str, action: ReceiptAction, entry: &Entry) -> Result<(Receipt, i64), SqsError> {
    if entry.receipt_handle.is_empty() {
        return Err(SqsError::missing_parameter("ReceiptHandle"));
    }
    let receipt = Receipt::parse(&entry.receipt_handle, queue)?;
    match (action, entry.visibility_timeout) {
        (ReceiptAction::Delete, _) => Ok((receipt, 0)),
        (ReceiptAction::ChangeVisibility, None) => {
            Err(SqsError::missing_parameter("VisibilityTimeout"))
        }
        (ReceiptAction::ChangeVisibility, Some(seconds)) => {
            check_range("VisibilityTimeout", seconds, 0, MAX_VISIBILITY)?;
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

fn render(message: ReceivedMessage, requested: &[String], attribute_names: &[String]) -> Value {
    let mut rendered = json!({
        "MessageId": Uuid::from_bytes(message.message_id).to_string(),
        "ReceiptHandle": message.receipt.handle(),
        "MD5OfBody": attributes::md5_of(&message.body),
    });
    let available = [
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
    let is_requested = |name: &str| requested.iter().any(|item| item == "All" || item == name);
    let system_attributes: Map<String, Value> = available
        .into_iter()
        .filter(|(name, _)| is_requested(name))
        .filter_map(|(name, value)| Some((name.to_owned(), json!(value?))))
        .collect();
    if !system_attributes.is_empty() {
        rendered["Attributes"] = system_attributes.into();
    }
    // Attributes that do not parse were not written by `sending`; the body is delivered anyway.
    let stored: Attributes = message
        .attributes
        .and_then(|stored| serde_json::from_str(&stored).ok())
        .unwrap_or_default();
    let selected = attributes::select(stored, attribute_names);
    if let Some(digest) = attributes::digest(&selected) {
        rendered["MD5OfMessageAttributes"] = json!(digest);
        rendered["MessageAttributes"] = json!(selected);
    }
    rendered["Body"] = message.body.into();
    rendered
}
