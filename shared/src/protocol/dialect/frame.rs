//! The frames of the dialects.

use serde::Serialize;
use serde_json::Map;

use crate::domain::event::Event;
use crate::protocol::error_response::ErrorData;
use crate::protocol::frame::{rfc3339, sorted_json};

/// A frame of the dialects of `sendMessage` (`chunk`, `complete`) and `chat_message` (`chat_response`,
/// `typing_indicator`, `system`). Both may send `error`.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum DialectFrame<'a> {
    /// The next piece of the answer, in the dialect of `sendMessage`.
    #[cfg_attr(feature = "schema", schemars(title = "SendMessageChunk"))]
    Chunk {
        /// To be appended to the pieces before it.
        content: &'a str,
    },
    /// The answer is complete, in the dialect of `sendMessage`.
    #[cfg_attr(feature = "schema", schemars(title = "SendMessageComplete"))]
    Complete {
        /// Always empty.
        content: &'a str,
    },
    /// A piece of the answer, in the dialect of `chat_message`.
    #[cfg_attr(feature = "schema", schemars(title = "ChatResponse"))]
    ChatResponse {
        /// To be appended to the pieces before it; empty in the last.
        content: &'a str,
        /// Which job, and whether it is the last.
        metadata: ChatMetadata,
    },
    /// The answer is being written, or no longer, in the dialect of `chat_message`.
    #[cfg_attr(feature = "schema", schemars(title = "ChatTyping"))]
    TypingIndicator {
        /// Whether it is being written.
        is_typing: bool,
    },
    /// A notice that is no part of the answer, in the dialect of `chat_message`.
    #[cfg_attr(feature = "schema", schemars(title = "ChatNotice"))]
    System {
        /// The notice. At most 512 bytes.
        content: &'a str,
    },
    /// The answer ends with an error, in the dialects of `sendMessage` and `chat_message`.
    #[cfg_attr(feature = "schema", schemars(title = "DialectError"))]
    Error {
        /// The sentence in `data.message`.
        content: &'a str,
        /// What went wrong.
        data: ErrorData<'a, DialectErrorCode<'a>>,
        /// Whether a retry may help. Only in the dialect of `chat_message`.
        #[serde(skip_serializing_if = "Option::is_none")]
        retryable: Option<bool>,
    },
}

/// A frame of the dialect of `text_message` and of voice messages.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum TextFrame<'a> {
    /// A piece of the answer, in the dialect of `text_message` and of voice messages.
    TextResponse {
        /// The piece.
        data: TextPiece<'a>,
    },
    /// The answer ends with an error, in the dialect of `text_message` and of voice messages.
    #[cfg_attr(feature = "schema", schemars(title = "TextError"))]
    Error {
        /// The sentence in `data.message`.
        content: &'a str,
        /// What went wrong.
        data: ErrorData<'a, DialectErrorCode<'a>>,
    },
}

/// Which job a piece belongs to, and whether it is the last.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChatMetadata {
    /// The job.
    pub job_id: String,
    /// Whether the answer is complete.
    pub done: bool,
}

/// A piece of the answer.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TextPiece<'a> {
    /// To be appended to the pieces before it; empty in the last.
    pub text: &'a str,
    /// Whether the answer is complete.
    pub done: bool,
}

/// A job's error code, `STREAM_RESET` or `CANCELLED`.
#[derive(Serialize)]
#[serde(transparent)]
pub struct DialectErrorCode<'a>(&'a str);

#[cfg(feature = "schema")]
impl schemars::JsonSchema for DialectErrorCode<'_> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DialectErrorCode".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        use crate::protocol::job_error_code::JobErrorCodeText;
        schemars::json_schema!({
            "description": "`STREAM_RESET`: a retry took back text that was already sent, and `subscribe` returns the new answer. `CANCELLED`: the answer was cancelled. Otherwise why the job failed.",
            "anyOf": [
                {"type": "string", "enum": ["STREAM_RESET", "CANCELLED"]},
                generator.subschema_for::<JobErrorCodeText>(),
            ],
        })
    }
}

/// A frame of a dialect with the fields that all frames of a job have.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct JobDialectFrame<'a, F, T> {
    #[serde(flatten)]
    frame: F,
    /// The job: a UUID. `subscribe` and `cancel` take it.
    job_id: String,
    /// The sequence number of the event that this shows. After a crash the last piece may come again under the same
    /// number.
    seq: u64,
    /// The `requestId` of the frame that submitted the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    /// When the event happened: in Unix seconds, or in the dialect of `text_message` RFC 3339 in UTC with milliseconds.
    timestamp: T,
}

/// What went wrong, as an `error` frame of any dialect has it.
pub(super) fn error_data<'a>(
    code: &'a str,
    message: &'a str,
) -> ErrorData<'a, DialectErrorCode<'a>> {
    ErrorData {
        code: DialectErrorCode(code),
        message,
        details: Map::new(),
    }
}

/// An `error` frame.
pub(super) fn error<'a>(
    code: &'a str,
    message: &'a str,
    retryable: Option<bool>,
) -> DialectFrame<'a> {
    DialectFrame::Error {
        content: message,
        data: error_data(code, message),
        retryable,
    }
}

impl DialectFrame<'_> {
    /// The frame's JSON text.
    pub(super) fn of_event(&self, event: &Event) -> String {
        json(self, event, event.at.as_second())
    }
}

impl TextFrame<'_> {
    /// The frame's JSON text. The clients of this dialect read its time as text.
    pub(super) fn of_event(&self, event: &Event) -> String {
        json(self, event, rfc3339(event.at))
    }
}

fn json<F: Serialize, T: Serialize>(frame: F, event: &Event, timestamp: T) -> String {
    sorted_json(&JobDialectFrame {
        frame,
        job_id: event.job.to_string(),
        seq: event.seq,
        request_id: event.request_id.as_deref(),
        timestamp,
    })
}
