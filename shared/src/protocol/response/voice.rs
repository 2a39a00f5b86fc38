//! Responses to the frames of a recording. Like all of the `text_message` dialect, their `timestamp` is text.

use jiff::Timestamp;
use serde::Serialize;

use crate::protocol::frame::{rfc3339, sorted_json};

/// A direct response to a frame of a recording.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum VoiceResponse {
    /// A recording has begun. The response to `voice_start`.
    VoiceStarted {
        /// The session that the recording belongs to.
        data: VoiceSession,
    },
    /// A piece of a recording is stored. The response to `voice_data`.
    VoiceAck {
        /// The piece.
        data: RecordedPiece,
    },
}

/// The session of a recording.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct VoiceSession {
    /// A UUID: `voice_data` and `voice_end` name it.
    pub session_id: String,
}

/// A stored piece of a recording.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecordedPiece {
    /// The recording's session.
    pub session_id: String,
    /// The piece's position in the recording, from 0.
    pub index: u32,
}

/// A response as a frame.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct VoiceFrame<'a> {
    #[serde(flatten)]
    response: &'a VoiceResponse,
    /// The `requestId` of the frame that this responds to. At most 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    /// When the frame was answered. RFC 3339 in UTC, with milliseconds.
    timestamp: String,
}

impl VoiceResponse {
    /// The frame's JSON text.
    pub fn frame(&self, request_id: Option<&str>, now: Timestamp) -> String {
        sorted_json(&VoiceFrame {
            response: self,
            request_id,
            timestamp: rfc3339(now),
        })
    }
}
