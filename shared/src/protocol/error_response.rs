//! The `error` frame and its codes.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::frame::sorted_json;

/// Why a frame was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ErrorCode {
    /// There is no token, or it is not valid, has expired, or is another user's.
    #[serde(rename = "AUTHENTICATION_ERROR")]
    Authentication,
    /// The user may not do this.
    #[serde(rename = "AUTHORIZATION_ERROR")]
    Authorization,
    /// The frame is malformed; `details.field` names the field at fault.
    #[serde(rename = "VALIDATION_ERROR")]
    Validation,
    /// The idempotency key was used for different work.
    #[serde(rename = "CONFLICT")]
    Conflict,
    /// The user's rate, open jobs or connections, or the recipient's inbox, are at their limit; `retryAfter` says when
    /// to try again.
    #[serde(rename = "RATE_LIMIT_EXCEEDED")]
    RateLimit,
    /// There is no such notification, subscription, session, room, connection or job; `details.field` names the
    /// field.
    #[serde(rename = "NOT_FOUND")]
    NotFound,
    /// A message reached nobody and could not be stored.
    #[serde(rename = "CONNECTION_ERROR")]
    Connection,
    /// The server is at fault; `details.errorId` finds the reason in its logs.
    #[serde(rename = "INTERNAL_ERROR")]
    Internal,
}

/// A frame was refused, or what it asked for failed.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ErrorFrame<'a> {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "error")))]
    r#type: &'a str,
    /// The sentence in `data.message`.
    content: &'a str,
    /// What went wrong.
    data: ErrorData<'a, ErrorCode>,
    /// Seconds until a retry may help.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// Whether a retry may help. Only in answers to `chat_message`.
    #[serde(skip_serializing_if = "Option::is_none")]
    retryable: Option<bool>,
    /// The `requestId` of the frame that was refused. At most 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    /// When it was refused, in Unix seconds.
    timestamp: i64,
}

/// What went wrong.
#[derive(Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "{C}Data")
)]
pub struct ErrorData<'a, C> {
    /// For programs.
    pub code: C,
    /// A sentence for people.
    pub message: &'a str,
    /// More about it, by code: `field`, `actions`, `kinds`, `statuses`, `missing`, `errorId`.
    pub details: Map<String, Value>,
}

impl ErrorCode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "AUTHENTICATION_ERROR",
            Self::Authorization => "AUTHORIZATION_ERROR",
            Self::Connection => "CONNECTION_ERROR",
            Self::Validation => "VALIDATION_ERROR",
            Self::Conflict => "CONFLICT",
            Self::NotFound => "NOT_FOUND",
            Self::RateLimit => "RATE_LIMIT_EXCEEDED",
            Self::Internal => "INTERNAL_ERROR",
        }
    }
}

/// Why a request failed. The message and the details are sent to the client unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorResponse {
    pub code: ErrorCode,
    pub message: String,
    pub details: Map<String, Value>,
    /// Seconds until a retry may help.
    pub retry_after: Option<u64>,
    /// Whether a retry may help, for the dialects that have this field.
    pub retryable: Option<bool>,
}

impl ErrorResponse {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: Map::new(),
            retry_after: None,
            retryable: None,
        }
    }

    /// A field of the frame is missing, unknown, too large or of the wrong type.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Validation, message).with("field", field)
    }

    pub fn authentication(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Authentication, message)
    }

    /// An internal error. The client receives only an id, which is in the logs.
    pub fn internal(error_id: &str) -> Self {
        Self::new(
            ErrorCode::Internal,
            "Something went wrong on our side. Please try again.",
        )
        .with("errorId", error_id)
    }

    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// The `error` frame. `content` and `data.message` are equal, because older dialects read one or the other.
    pub fn frame(&self, request_id: Option<&str>, now: Timestamp) -> String {
        sorted_json(&ErrorFrame {
            r#type: "error",
            content: &self.message,
            data: ErrorData {
                code: self.code,
                message: &self.message,
                details: self.details.clone(),
            },
            retry_after: self.retry_after,
            retryable: self.retryable,
            request_id,
            timestamp: now.as_second(),
        })
    }
}
