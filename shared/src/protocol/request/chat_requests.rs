//! Requests of chats: messages in the dialects, sessions, voice messages.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Request;

/// Sends a message of a chat. The answer comes as `chunk` frames and `complete`.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SendMessageRequest {
    /// At most 24 KiB of UTF-8, and not blank.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 24_576)))]
    pub message: String,
    /// The kind of analysis; `chat` if left out.
    pub kind: Option<String>,
    /// Parameters of the analysis: an object.
    pub params: Option<Map<String, Value>>,
    /// Seconds until the job fails with `DEADLINE` if it has not ended: 1 to 604,800; a day if left out.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 604_800)))]
    pub deadline_seconds: Option<u32>,
    /// The client's own span, in the form of W3C Trace Context.
    pub traceparent: Option<String>,
    /// Has to agree with the token.
    pub user_id: Option<String>,
    /// Has to agree with the token.
    pub username: Option<String>,
    /// The session that the message belongs to; left out, the connection's own.
    pub session_id: Option<String>,
    /// Cancels the session's open turns instead of waiting for them.
    pub supersede: Option<bool>,
}

impl Request for SendMessageRequest {
    const ACTIONS: &'static [&'static str] = &["sendMessage"];
}

/// Sends a message of a chat. The answer comes as `chat_response` frames. Either `message` or `content` is required.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChatMessageRequest {
    /// At most 24 KiB of UTF-8, and not blank.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 24_576)))]
    pub message: Option<String>,
    /// In place of `message`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 24_576)))]
    pub content: Option<String>,
    /// The kind of analysis; `chat` if left out.
    pub kind: Option<String>,
    /// Parameters of the analysis: an object.
    pub params: Option<Map<String, Value>>,
    /// Seconds until the job fails with `DEADLINE` if it has not ended: 1 to 604,800; a day if left out.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 604_800)))]
    pub deadline_seconds: Option<u32>,
    /// The client's own span, in the form of W3C Trace Context.
    pub traceparent: Option<String>,
    /// Has to agree with the token.
    pub user_id: Option<String>,
    /// Has to agree with the token.
    pub username: Option<String>,
    /// The session that the message belongs to; left out, the connection's own.
    pub session_id: Option<String>,
    /// Cancels the session's open turns instead of waiting for them.
    pub supersede: Option<bool>,
}

impl Request for ChatMessageRequest {
    const ACTIONS: &'static [&'static str] = &["chat_message"];
}

/// Sends a message of a chat. The answer comes as `text_response` frames.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TextMessageRequest {
    /// At most 24 KiB of UTF-8, and not blank.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 24_576)))]
    pub text: String,
    /// The kind of analysis; `chat` if left out.
    pub kind: Option<String>,
    /// Parameters of the analysis: an object.
    pub params: Option<Map<String, Value>>,
    /// Seconds until the job fails with `DEADLINE` if it has not ended: 1 to 604,800; a day if left out.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 604_800)))]
    pub deadline_seconds: Option<u32>,
    /// The client's own span, in the form of W3C Trace Context.
    pub traceparent: Option<String>,
    /// Has to agree with the token.
    pub user_id: Option<String>,
    /// Has to agree with the token.
    pub username: Option<String>,
    /// The session that the message belongs to; left out, the connection's own.
    pub session_id: Option<String>,
    /// Cancels the session's open turns instead of waiting for them.
    pub supersede: Option<bool>,
}

impl Request for TextMessageRequest {
    const ACTIONS: &'static [&'static str] = &["text_message"];
}

/// Gives the connection's messages a session, new or an earlier one of the user's.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StartSessionRequest {
    /// An earlier session; left out for a new one.
    pub session_id: Option<String>,
    /// Whether it outlasts the connection.
    pub keep: Option<bool>,
}

impl Request for StartSessionRequest {
    const ACTIONS: &'static [&'static str] = &["startSession"];
}

/// Ends a session. A turn that is being answered goes on.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EndSessionRequest {
    /// The session: a UUID. Left out, the connection's own.
    pub session_id: Option<String>,
}

impl Request for EndSessionRequest {
    const ACTIONS: &'static [&'static str] = &["endSession"];
}

/// Asks for a session and a page of its turns, oldest first.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GetSessionRequest {
    /// The session: a UUID. Left out, the connection's own.
    pub session_id: Option<String>,
    /// Entries of the page, 1 to 100; 100 if left out.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 100)))]
    pub limit: Option<u32>,
    /// The `cursor` of the page before; left out for the first page.
    pub cursor: Option<String>,
}

impl Request for GetSessionRequest {
    const ACTIONS: &'static [&'static str] = &["getSession"];
}

/// Asks for the user's sessions, newest first, by page.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ListSessionsRequest {
    /// Entries of the page, 1 to 100; 100 if left out.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 100)))]
    pub limit: Option<u32>,
    /// The `cursor` of the page before; left out for the first page.
    pub cursor: Option<String>,
}

impl Request for ListSessionsRequest {
    const ACTIONS: &'static [&'static str] = &["listSessions"];
}

/// Begins a recording.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct VoiceStartRequest {
    /// The session: a UUID. Left out, the connection's own.
    pub session_id: Option<String>,
    /// Such as `wav` or `pcm`; `wav` if left out. At most 64 characters.
    #[cfg_attr(feature = "schema", schemars(length(max = 64)))]
    pub format: Option<String>,
}

impl Request for VoiceStartRequest {
    const ACTIONS: &'static [&'static str] = &["voice_start"];
}

/// Stores a piece of a recording.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct VoiceDataRequest {
    /// The session of `voice_started`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub session_id: String,
    /// The piece's position in the recording, from 0; below 36,000.
    #[cfg_attr(feature = "schema", schemars(range(max = 35_999)))]
    pub index: u32,
    /// Base64, at most 24 KiB of it.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 24_576)))]
    pub audio: String,
}

impl Request for VoiceDataRequest {
    const ACTIONS: &'static [&'static str] = &["voice_data"];
}

/// Ends a recording and submits the job that processes it.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct VoiceEndRequest {
    /// The session of `voice_started`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub session_id: String,
}

impl Request for VoiceEndRequest {
    const ACTIONS: &'static [&'static str] = &["voice_end"];
}
