//! `SendMessage` and `SendMessageBatch`: checks the request and renders the response.
//!
//! It runs in the caller's task, so that digests and JSON do not occupy the SQS thread.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::attributes::{self, Attributes};
use super::batch;
use super::engine::{BatchCommand, Engine};
use super::error::SqsError;
use super::messages::NewMessage;
use super::requests::{QueueRef, check_range, parse};
use super::settings::{MAX_DELAY, MAX_MESSAGE_BYTES};

#[derive(Deserialize)]
struct SendMessage {
    #[serde(flatten)]
    queue: QueueRef,
    #[serde(flatten)]
    input: MessageInput,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessageBatch {
    #[serde(flatten)]
    queue: QueueRef,
    #[serde(default)]
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "Id", default)]
    id: String,
    #[serde(flatten)]
    input: MessageInput,
}

/// One message of a request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MessageInput {
    #[serde(default)]
    message_body: String,
    delay_seconds: Option<i64>,
    #[serde(default)]
    message_attributes: Attributes,
    #[serde(default)]
    message_system_attributes: Attributes,
    message_deduplication_id: Option<String>,
    message_group_id: Option<String>,
}

/// A checked message and the response for its sender.
struct CheckedMessage {
    message: NewMessage,
    response: Value,
}

/// Stores one message; returns its id and digests.
pub(super) async fn send(engine: &Engine, body: &[u8]) -> Result<Value, SqsError> {
    let request: SendMessage = parse(body)?;
    let queue = request.queue.name()?.to_owned();
    let CheckedMessage { message, response } = check(request.input)?;
    let messages = vec![message];
    let mut results = engine.each(BatchCommand::Send { queue, messages }).await?;
    results.pop().unwrap_or(Ok(())).map(|()| response)
}

/// Stores up to ten messages, each with its own result.
pub(super) async fn send_batch(engine: &Engine, body: &[u8]) -> Result<Value, SqsError> {
    let request: SendMessageBatch = parse(body)?;
    let queue = request.queue.name()?.to_owned();
    batch::check_ids(request.entries.iter().map(|entry| entry.id.as_str()))?;
    let mut batch_response = batch::BatchResponse::default();
    let (mut messages, mut accepted) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    for Entry { id, input } in request.entries {
        match check(input) {
            Ok(CheckedMessage {
                message,
                mut response,
            }) => {
                response["Id"] = json!(id);
                bytes += message.bytes;
                messages.push(message);
                accepted.push((id, response));
            }
            Err(error) => batch_response.add_failed(&id, &error),
        }
    }
    if bytes > MAX_MESSAGE_BYTES {
        let count = |bytes: i64| usize::try_from(bytes).unwrap_or_default();
        return Err(SqsError::batch_request_too_long(
            count(MAX_MESSAGE_BYTES),
            count(bytes),
        ));
    }
    let results = engine.each(BatchCommand::Send { queue, messages }).await?;
    for ((id, response), result) in accepted.into_iter().zip(results) {
        batch_response.add(&id, response, result);
    }
    Ok(batch_response.render())
}

fn check(input: MessageInput) -> Result<CheckedMessage, SqsError> {
    if input.message_body.is_empty() {
        return Err(SqsError::missing_parameter("MessageBody"));
    }
    attributes::check_text("MessageBody", &input.message_body)?;
    if let Some(delay) = input.delay_seconds {
        check_range("DelaySeconds", delay, 0, MAX_DELAY)?;
    }
    if input.message_deduplication_id.is_some() {
        return Err(SqsError::invalid_parameter(
            "Value for parameter MessageDeduplicationId is invalid. Reason: The request includes a parameter that is not valid for this queue type.",
        ));
    }
    let group = input.message_group_id.unwrap_or_default();
    check_group(&group)?;
    let bytes = input.message_body.len() + attributes::check(&input.message_attributes)?;
    let trace = trace_header(&input.message_system_attributes)?;
    let message_id = Uuid::new_v4();
    let mut response = json!({
        "MessageId": message_id.to_string(),
        "MD5OfMessageBody": attributes::md5_of(&input.message_body),
    });
    if let Some(digest) = attributes::digest(&input.message_attributes) {
        response["MD5OfMessageAttributes"] = json!(digest);
    }
    if let Some(digest) = attributes::digest(&input.message_system_attributes) {
        response["MD5OfMessageSystemAttributes"] = json!(digest);
    }
    let attributes = (!input.message_attributes.is_empty())
        .then(|| serde_json::to_string(&input.message_attributes))
        .transpose()
        .map_err(|problem| SqsError::malformed_request(&problem))?;
    Ok(CheckedMessage {
        message: NewMessage {
            message_id: message_id.into_bytes(),
            body: input.message_body,
            attributes,
            trace,
            group,
            delay: input.delay_seconds,
            bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
        },
        response,
    })
}

/// The only system attribute that a sender may set, `AWSTraceHeader`, which must be a String.
fn trace_header(given: &Attributes) -> Result<Option<String>, SqsError> {
    attributes::check(given)?;
    if let Some(unknown) = given.keys().find(|name| *name != "AWSTraceHeader") {
        return Err(SqsError::invalid_parameter(format!(
            "Message system attribute name '{unknown}' is invalid."
        )));
    }
    match given.get("AWSTraceHeader") {
        None => Ok(None),
        Some(header) => match attributes::string_value(header) {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(SqsError::invalid_parameter(
                "The value of message system attribute 'AWSTraceHeader' must be a String.",
            )),
        },
    }
}

fn check_group(group: &str) -> Result<(), SqsError> {
    // At most 128 letters, digits and punctuation (SQS API reference, `SendMessage`).
    if group.len() <= 128 && group.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(SqsError::invalid_parameter(
        "Value for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.",
    ))
}
