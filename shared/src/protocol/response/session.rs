//! Sessions and their turns as responses show them.

use serde::Serialize;

use crate::domain::session::{Session, TurnRow};
use crate::protocol::frame::rfc3339;
use crate::protocol::status::JobStatus;

/// A session.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// A UUID.
    pub session_id: String,
    /// Whether it outlasts the connection that started it.
    pub keep: bool,
    /// Number of its turns.
    pub turns: u32,
    /// RFC 3339 in UTC, with milliseconds.
    pub started_at: String,
    /// When its last turn was accepted. RFC 3339 in UTC, with milliseconds.
    pub updated_at: String,
    /// RFC 3339 in UTC, with milliseconds; left out while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
}

/// One turn of a session.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TurnView {
    /// 1 for the session's first turn.
    pub turn: u32,
    /// The turn's job.
    pub job_id: String,
    /// The question. At most 24 KiB.
    pub message: String,
    /// The status in which the turn's job ended, or `open`.
    pub status: TurnStatus,
    /// When it was accepted. RFC 3339 in UTC, with milliseconds.
    pub at: String,
    /// The first 24 KiB of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// The state of a turn.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum TurnStatus {
    Ended(JobStatus),
    Open(Open),
}

/// The status of a turn that is not answered yet.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Open {
    /// Its job has not ended.
    Open,
}

impl SessionView {
    pub fn new(session: &Session) -> Self {
        Self {
            session_id: session.id.to_string(),
            keep: session.keep,
            turns: session.turns,
            started_at: rfc3339(session.started_at),
            updated_at: rfc3339(session.updated_at),
            ended_at: session.ended_at.map(rfc3339),
        }
    }
}

impl TurnView {
    pub fn new(turn: &TurnRow) -> Self {
        Self {
            turn: turn.number,
            job_id: turn.job.to_string(),
            message: turn.message.clone(),
            status: turn.status.map_or(TurnStatus::Open(Open::Open), |status| {
                TurnStatus::Ended(status.into())
            }),
            at: rfc3339(turn.at),
            answer: turn.answer.clone(),
        }
    }
}
