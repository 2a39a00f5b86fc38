//! `SendMessage` and `SendMessageBatch`: from the request to a checked message, and the answer.
//!
//! It runs in the caller's task, so that digests and JSON cost the store's thread nothing. It knows
//! no table.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::attributes::{self, Attributes};
use super::batch;
use super::engine::{Command, Engine};
use super::error::SqsError;
use super::messages::Outgoing;
use super::settings::{MAX_DELAY, MAX_MESSAGE_BYTES};
use super::wire::{QueueRef, parse, within};

#[derive(Deserialize)]
struct SendMessage {
    #[serde(flatten)]
    queue: QueueRef,
    #[serde(flatten)]
    draft: Draft,
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
    draft: Draft,
}

/// What a sender says of one message.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Draft {
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

/// A checked message and the answer that its sender gets once it is stored.
struct Checked {
    message: Outgoing,
    answer: Value,
}

/// Stores one message and answers with its id and digests.
pub(super) async fn send(engine: &Engine, body: &[u8]) -> Result<Value, SqsError> {
    let request: SendMessage = parse(body)?;
    let queue = request.queue.name()?.to_owned();
    let Checked { message, answer } = check(request.draft)?;
    let messages = vec![message];
    let mut fates = engine.each(Command::Send { queue, messages }).await?;
    fates.pop().unwrap_or(Ok(())).map(|()| answer)
}

/// Stores up to ten messages, each with a fate of its own.
pub(super) async fn send_batch(engine: &Engine, body: &[u8]) -> Result<Value, SqsError> {
    let request: SendMessageBatch = parse(body)?;
    let queue = request.queue.name()?.to_owned();
    batch::check_ids(request.entries.iter().map(|entry| entry.id.as_str()))?;
    let mut report = batch::Report::default();
    let (mut messages, mut accepted) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    for Entry { id, draft } in request.entries {
        match check(draft) {
            Ok(Checked {
                message,
                mut answer,
            }) => {
                answer["Id"] = json!(id);
                bytes += message.bytes;
                messages.push(message);
                accepted.push((id, answer));
            }
            Err(refusal) => report.failed(&id, &refusal),
        }
    }
    if bytes > MAX_MESSAGE_BYTES {
        let count = |bytes: i64| usize::try_from(bytes).unwrap_or_default();
        return Err(SqsError::batch_too_long(
            count(MAX_MESSAGE_BYTES),
            count(bytes),
        ));
    }
    let fates = engine.each(Command::Send { queue, messages }).await?;
    for ((id, answer), fate) in accepted.into_iter().zip(fates) {
        report.add(&id, answer, fate);
    }
    Ok(report.render())
}

fn check(draft: Draft) -> Result<Checked, SqsError> {
    if draft.message_body.is_empty() {
        return Err(SqsError::missing("MessageBody"));
    }
    attributes::check_text("MessageBody", &draft.message_body)?;
    if let Some(delay) = draft.delay_seconds {
        within("DelaySeconds", delay, 0, MAX_DELAY)?;
    }
    if draft.message_deduplication_id.is_some() {
        return Err(SqsError::parameter(
            "Value for parameter MessageDeduplicationId is invalid. Reason: The request includes a parameter that is not valid for this queue type.",
        ));
    }
    let group = draft.message_group_id.unwrap_or_default();
    check_group(&group)?;
    let bytes = draft.message_body.len() + attributes::check(&draft.message_attributes)?;
    let trace = trace_header(&draft.message_system_attributes)?;
    let message_id = Uuid::new_v4();
    let mut answer = json!({
        "MessageId": message_id.to_string(),
        "MD5OfMessageBody": attributes::md5_of(&draft.message_body),
    });
    if let Some(digest) = attributes::digest(&draft.message_attributes) {
        answer["MD5OfMessageAttributes"] = json!(digest);
    }
    if let Some(digest) = attributes::digest(&draft.message_system_attributes) {
        answer["MD5OfMessageSystemAttributes"] = json!(digest);
    }
    let attributes = (!draft.message_attributes.is_empty())
        .then(|| serde_json::to_string(&draft.message_attributes))
        .transpose()
        .map_err(|problem| SqsError::malformed(&problem))?;
    Ok(Checked {
        message: Outgoing {
            message_id: message_id.into_bytes(),
            body: draft.message_body,
            attributes,
            trace,
            group,
            delay: draft.delay_seconds,
            bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
        },
        answer,
    })
}

/// `AWSTraceHeader` is the only system attribute that a sender may set, and a String.
fn trace_header(given: &Attributes) -> Result<Option<String>, SqsError> {
    attributes::check(given)?;
    if let Some(unknown) = given.keys().find(|name| *name != "AWSTraceHeader") {
        return Err(SqsError::parameter(format!(
            "Message system attribute name '{unknown}' is invalid."
        )));
    }
    match given.get("AWSTraceHeader") {
        None => Ok(None),
        Some(header) => match attributes::text(header) {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(SqsError::parameter(
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
    Err(SqsError::parameter(
        "Value for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.",
    ))
}
