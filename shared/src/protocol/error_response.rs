//! The `error` frame and its codes.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The code of an `error` frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    Authentication,
    Authorization,
    Validation,
    Conflict,
    RateLimit,
    NotFound,
    Connection,
    Internal,
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
        let mut frame = json!({
            "type": "error",
            "content": self.message,
            "data": {"code": self.code.as_str(), "message": self.message, "details": self.details},
            "timestamp": now.as_second(),
        });
        if let Some(seconds) = self.retry_after {
            frame["retryAfter"] = seconds.into();
        }
        if let Some(retryable) = self.retryable {
            frame["retryable"] = retryable.into();
        }
        if let Some(request_id) = request_id {
            frame["requestId"] = request_id.into();
        }
        frame.to_string()
    }
}
