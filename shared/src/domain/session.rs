//! A session (conversation), its turns, and the history that an analysis gets.

use jiff::Timestamp;

use crate::domain::ids::{ConnectionId, JobId, Owner, SessionId};
use crate::domain::job::Status;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub owner: Owner,
    /// The connection that started the session. The session ends with it, unless `keep` is set.
    pub connection: ConnectionId,
    /// Whether the session outlasts its connection.
    pub keep: bool,
    pub started_at: Timestamp,
    /// When the last turn was accepted.
    pub updated_at: Timestamp,
    /// Number of accepted turns.
    pub turns: u32,
    /// The last turn's job.
    pub last_job: Option<JobId>,
    pub ended_at: Option<Timestamp>,
    /// When the session counts as gone.
    pub expires_at: Timestamp,
}

impl Session {
    /// A session without turns that ends with this connection.
    pub fn new(
        id: SessionId,
        owner: Owner,
        connection: ConnectionId,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            id,
            owner,
            connection,
            keep: false,
            started_at: now,
            updated_at: now,
            turns: 0,
            last_job: None,
            ended_at: None,
            expires_at,
        }
    }
}

/// One turn of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnRow {
    /// 1 for the session's first turn.
    pub number: u32,
    pub job: JobId,
    pub message: String,
    pub at: Timestamp,
    /// The job's final status, once the turn is finished.
    pub status: Option<Status>,
    /// The answer's text, or its beginning.
    pub answer: Option<String>,
    /// Whether the job ended while it waited for an earlier turn, so that a finished turn does not imply that those
    /// before it are finished too.
    pub(crate) ended_waiting: bool,
    pub(crate) expires_at: Timestamp,
}

impl TurnRow {
    /// The bytes that the turn counts in a history.
    pub(crate) fn history_bytes(&self) -> usize {
        self.message.len() + self.answer.as_ref().map_or(0, String::len)
    }

    /// The bytes that the turn takes in a response, at least.
    pub(crate) fn response_bytes(&self) -> usize {
        let texts = [Some(&self.message), self.answer.as_ref()];
        let json_len = |text: &String| serde_json::Value::from(text.as_str()).to_string().len();
        256 + texts.into_iter().flatten().map(json_len).sum::<usize>()
    }
}

/// An earlier turn, as the analysis of a later one gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryTurn {
    pub message: String,
    /// Empty without an answer.
    pub answer: String,
}

/// The turns before one, within the limit of a history.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// Oldest first.
    pub turns: Vec<HistoryTurn>,
    /// Whether turns are left out here that the previous turn's history still contained.
    pub newly_truncated: bool,
}
