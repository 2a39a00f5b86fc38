//! The administrative requests of the JSON protocol and their parsing. `queues` executes them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::error::SqsError;
use super::move_task::MoveTask;
use super::settings::arn;
use crate::permissions::queue_name_of;
use crate::stack_spec;

/// An administrative request.
#[derive(Debug)]
pub(super) enum AdminRequest {
    CreateQueue(CreateQueue),
    DeleteQueue(QueueRef),
    ListQueues(ListQueues),
    GetQueueUrl(GetQueueUrl),
    GetQueueAttributes(GetQueueAttributes),
    SetQueueAttributes(SetQueueAttributes),
    PurgeQueue(QueueRef),
    TagQueue(TagQueue),
    UntagQueue(UntagQueue),
    ListQueueTags(QueueRef),
    ListDeadLetterSourceQueues(ListDeadLetterSourceQueues),
    StartMessageMoveTask(StartMessageMoveTask),
    ListMessageMoveTasks(ListMessageMoveTasks),
    CancelMessageMoveTask(CancelMessageMoveTask),
    /// Internal, not part of the protocol: creates the template's queues.
    Provision(Vec<stack_spec::Queue>),
    /// Internal: makes the received messages of these queues visible.
    ReturnReceived(Vec<String>),
}

impl AdminRequest {
    /// Parses the request of an operation; `None` for any other operation.
    pub(super) fn parse(operation: &str, body: &[u8]) -> Result<Option<Self>, SqsError> {
        Ok(Some(match operation {
            "CreateQueue" => Self::CreateQueue(parse(body)?),
            "DeleteQueue" => Self::DeleteQueue(parse(body)?),
            "ListQueues" => Self::ListQueues(parse(body)?),
            "GetQueueUrl" => Self::GetQueueUrl(parse(body)?),
            "GetQueueAttributes" => Self::GetQueueAttributes(parse(body)?),
            "SetQueueAttributes" => Self::SetQueueAttributes(parse(body)?),
            "PurgeQueue" => Self::PurgeQueue(parse(body)?),
            "TagQueue" => Self::TagQueue(parse(body)?),
            "UntagQueue" => Self::UntagQueue(parse(body)?),
            "ListQueueTags" => Self::ListQueueTags(parse(body)?),
            "ListDeadLetterSourceQueues" => Self::ListDeadLetterSourceQueues(parse(body)?),
            "StartMessageMoveTask" => Self::StartMessageMoveTask(parse(body)?),
            "ListMessageMoveTasks" => Self::ListMessageMoveTasks(parse(body)?),
            "CancelMessageMoveTask" => Self::CancelMessageMoveTask(parse(body)?),
            _ => return Ok(None),
        }))
    }
}

/// The queue of a request.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct QueueRef {
    #[serde(rename = "QueueUrl", default)]
    queue_url: String,
}

impl QueueRef {
    /// The queue's name.
    pub(super) fn name(&self) -> Result<&str, SqsError> {
        if self.queue_url.is_empty() {
            return Err(SqsError::missing_parameter("QueueUrl"));
        }
        Ok(queue_name_of(&self.queue_url))
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateQueue {
    pub(super) queue_name: String,
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, String>,
    #[serde(default, rename = "tags", alias = "Tags")]
    pub(super) tags: BTreeMap<String, String>,
}

/// The requested page of a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Page {
    pub(super) next_token: Option<String>,
    pub(super) max_results: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListQueues {
    pub(super) queue_name_prefix: Option<String>,
    #[serde(flatten)]
    pub(super) page: Page,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetQueueUrl {
    pub(super) queue_name: String,
    #[serde(rename = "QueueOwnerAWSAccountId")]
    pub(super) queue_owner_aws_account_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetQueueAttributes {
    #[serde(flatten)]
    pub(super) queue: QueueRef,
    #[serde(default)]
    pub(super) attribute_names: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SetQueueAttributes {
    #[serde(flatten)]
    pub(super) queue: QueueRef,
    pub(super) attributes: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagQueue {
    #[serde(flatten)]
    pub(super) queue: QueueRef,
    pub(super) tags: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UntagQueue {
    #[serde(flatten)]
    pub(super) queue: QueueRef,
    pub(super) tag_keys: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ListDeadLetterSourceQueues {
    #[serde(flatten)]
    pub(super) queue: QueueRef,
    #[serde(flatten)]
    pub(super) page: Page,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StartMessageMoveTask {
    pub(super) source_arn: String,
    pub(super) destination_arn: Option<String>,
    pub(super) max_number_of_messages_per_second: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListMessageMoveTasks {
    pub(super) source_arn: String,
    pub(super) max_results: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CancelMessageMoveTask {
    pub(super) task_handle: String,
}

/// One entry of `ListMessageMoveTasks`. As in AWS, only a running task has a handle.
pub(super) fn render_move_task(task: &MoveTask) -> Value {
    let running = task.status == "RUNNING";
    let fields = [
        ("TaskHandle", running.then(|| json!(task.handle))),
        ("Status", Some(json!(task.status))),
        ("SourceArn", Some(json!(arn(&task.source)))),
        (
            "DestinationArn",
            task.destination.as_deref().map(|name| json!(arn(name))),
        ),
        (
            "MaxNumberOfMessagesPerSecond",
            task.rate.map(|rate| json!(rate)),
        ),
        ("ApproximateNumberOfMessagesMoved", Some(json!(task.moved))),
        (
            "ApproximateNumberOfMessagesToMove",
            Some(json!(task.to_move)),
        ),
        ("StartedTimestamp", Some(json!(task.started_at))),
        (
            "FailureReason",
            task.reason.as_ref().map(|reason| json!(reason)),
        ),
    ];
    fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Parses a request body; an empty body is `{}`.
///
/// # Errors
/// `MissingParameter` or `SerializationException`, with the field.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, SqsError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|problem| {
        let message = problem.to_string();
        let missing = message.strip_prefix("missing field `");
        match missing.and_then(|rest| rest.split('`').next()) {
            Some(field) => SqsError::missing_parameter(field),
            None => SqsError::malformed_request(&problem),
        }
    })
}

/// Checks that a number is in a range, bounds included.
///
/// # Errors
/// `InvalidParameterValue`, with the parameter.
pub(super) fn check_range(parameter: &str, value: i64, min: i64, max: i64) -> Result<(), SqsError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(SqsError::invalid_parameter(format!(
        "Value {value} for parameter {parameter} is invalid. Reason: Must be between {min} and {max}, if provided."
    )))
}
