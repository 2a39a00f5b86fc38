//! SQS errors: HTTP status, error type, query-protocol code and message.

use serde_json::json;

/// An SQS error. SDKs match on `kind`, older ones on `code`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct SqsError {
    /// HTTP status: 4xx is the caller's error, 5xx a failure of the store.
    pub status: u16,
    /// `__type` of the JSON body, such as `com.amazonaws.sqs#QueueDoesNotExist`.
    pub kind: &'static str,
    /// The error's code in the query protocol, such as `AWS.SimpleQueueService.NonExistentQueue`;
    /// it is also the `Code` of a failed batch entry.
    pub code: &'static str,
    /// A readable message that names the parameter.
    pub message: String,
}

impl SqsError {
    /// The response body: `{"__type": ..., "message": ...}`.
    pub fn body(&self) -> Vec<u8> {
        json!({"__type": self.kind, "message": self.message})
            .to_string()
            .into_bytes()
    }

    /// The value of the `x-amzn-query-error` header: the code and `Sender` or `Receiver`.
    pub fn query_error(&self) -> String {
        let fault = if self.is_server_error() {
            "Receiver"
        } else {
            "Sender"
        };
        format!("{};{fault}", self.code)
    }

    /// Whether the store failed.
    pub(super) fn is_server_error(&self) -> bool {
        self.status >= 500
    }

    /// An entry of a batch response's `Failed` list.
    pub(super) fn batch_entry(&self, id: &str) -> serde_json::Value {
        json!({"Id": id, "SenderFault": !self.is_server_error(), "Code": self.code, "Message": self.message})
    }

    fn new(
        status: u16,
        kind: &'static str,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            kind,
            code,
            message: message.into(),
        }
    }

    pub(super) fn queue_does_not_exist() -> Self {
        Self::new(
            400,
            "com.amazonaws.sqs#QueueDoesNotExist",
            "AWS.SimpleQueueService.NonExistentQueue",
            "The specified queue does not exist.",
        )
    }

    pub(super) fn queue_name_exists(attribute: &str) -> Self {
        Self::new(
            400,
            "com.amazonaws.sqs#QueueNameExists",
            "QueueAlreadyExists",
            format!(
                "A queue already exists with the same name and a different value for attribute {attribute}"
            ),
        )
    }

    pub(super) fn purge_in_progress(queue: &str) -> Self {
        Self::new(
            403,
            "com.amazonaws.sqs#PurgeQueueInProgress",
            "AWS.SimpleQueueService.PurgeQueueInProgress",
            format!("Only one PurgeQueue operation on {queue} is allowed every 60 seconds."),
        )
    }

    pub(super) fn invalid_attribute_name(name: &str) -> Self {
        Self::new(
            400,
            "com.amazonaws.sqs#InvalidAttributeName",
            "InvalidAttributeName",
            format!("Unknown Attribute {name}."),
        )
    }

    pub(super) fn invalid_attribute_value(name: &str, reason: &str) -> Self {
        Self::new(
            400,
            "com.amazonaws.sqs#InvalidAttributeValue",
            "InvalidAttributeValue",
            format!("Invalid value for the parameter {name}. Reason: {reason}"),
        )
    }

    pub(super) fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::new(
            400,
            "com.amazonaws.sqs#InvalidParameterValueException",
            "InvalidParameterValue",
            message,
        )
    }

    /// Unlike for other attributes, AWS reports an invalid parameter.
    pub(super) fn invalid_redrive_policy(reason: &str) -> Self {
        Self::invalid_parameter(format!(
            "Value for parameter RedrivePolicy is invalid. Reason: {reason}"
        ))
    }

    pub(super) fn missing_parameter(parameter: &str) -> Self {
        Self::new(
            400,
            "com.amazonaws.sqs#MissingRequiredParameterException",
            "MissingParameter",
            format!("The request must contain the parameter {parameter}."),
        )
    }

    pub(super) fn malformed_request(problem: &serde_json::Error) -> Self {
        Self::new(
            400,
            "com.amazon.coral.service#SerializationException",
            "SerializationException",
            format!("The request's JSON does not fit the operation: {problem}"),
        )
    }

    pub(super) fn unknown_operation(operation: &str) -> Self {
        Self::new(
            404,
            "com.amazon.coral.service#UnknownOperationException",
            "InvalidAction",
            format!("The operation {operation} is not valid for this endpoint."),
        )
    }

    pub(super) fn unsupported_operation(message: impl Into<String>) -> Self {
        Self::new(
            400,
            "com.amazonaws.sqs#UnsupportedOperation",
            "AWS.SimpleQueueService.UnsupportedOperation",
            message,
        )
    }

    pub(super) fn over_limit(message: impl Into<String>) -> Self {
        Self::new(403, "com.amazonaws.sqs#OverLimit", "OverLimit", message)
    }

    pub(super) fn invalid_contents(parameter: &str) -> Self {
        Self::new(
            400,
            "com.amazonaws.sqs#InvalidMessageContents",
            "InvalidMessageContents",
            format!(
                "Invalid characters found in {parameter}. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
            ),
        )
    }

    pub(super) fn invalid_receipt_handle(handle: &str) -> Self {
        Self::new(
            400,
            "com.amazonaws.sqs#ReceiptHandleIsInvalid",
            "ReceiptHandleIsInvalid",
            format!("The input receipt handle \"{handle}\" is not a valid receipt handle."),
        )
    }

    pub(super) fn not_in_flight() -> Self {
        Self::new(
            400,
            "com.amazonaws.sqs#MessageNotInflight",
            "AWS.SimpleQueueService.MessageNotInflight",
            "The message referred to is not in flight.",
        )
    }

    pub(super) fn resource_not_found(parameter: &str) -> Self {
        Self::new(
            404,
            "com.amazonaws.sqs#ResourceNotFoundException",
            "ResourceNotFoundException",
            format!("The resource that you specified for the {parameter} parameter doesn't exist."),
        )
    }

    pub(super) fn empty_batch() -> Self {
        Self::new(
            400,
            "com.amazonaws.sqs#EmptyBatchRequest",
            "AWS.SimpleQueueService.EmptyBatchRequest",
            "There should be at least one Entry in the request.",
        )
    }

    pub(super) fn too_many_batch_entries(count: usize) -> Self {
        Self::new(
            400,
            "com.amazonaws.sqs#TooManyEntriesInBatchRequest",
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            format!("Maximum number of entries per request are 10. You have sent {count}."),
        )
    }

    pub(super) fn batch_ids_not_distinct(id: &str) -> Self {
        Self::new(
            400,
            "com.amazonaws.sqs#BatchEntryIdsNotDistinct",
            "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            format!("Id {id} repeated."),
        )
    }

    pub(super) fn invalid_batch_entry_id() -> Self {
        Self::new(
            400,
            "com.amazonaws.sqs#InvalidBatchEntryId",
            "AWS.SimpleQueueService.InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
        )
    }

    pub(super) fn batch_request_too_long(limit: usize, sent: usize) -> Self {
        Self::new(
            400,
            "com.amazonaws.sqs#BatchRequestTooLong",
            "AWS.SimpleQueueService.BatchRequestTooLong",
            format!(
                "Batch requests cannot be longer than {limit} bytes. You have sent {sent} bytes."
            ),
        )
    }

    /// The store failed or has stopped; the caller may retry.
    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(
            500,
            "com.amazon.coral.service#InternalFailure",
            "InternalFailure",
            message,
        )
    }
}

impl From<rusqlite::Error> for SqsError {
    fn from(error: rusqlite::Error) -> Self {
        Self::internal(format!("The queue store failed: {error}"))
    }
}
