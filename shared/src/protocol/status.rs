//! Statuses that both requests and responses have.

use serde::{Deserialize, Serialize};

use crate::domain::job::Status;

/// The state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum JobStatus {
    /// It waits for a worker, or for the turn before it.
    Queued,
    /// A worker has it.
    Processing,
    /// It ended with a result.
    Completed,
    /// It ended with an error.
    Failed,
    /// It was cancelled.
    Cancelled,
}

/// Whether a connection is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum ConnectionStatus {
    /// It receives what is pushed.
    Connected,
    /// It is closed, or an admin marked it so.
    Disconnected,
}

impl From<Status> for JobStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Queued => Self::Queued,
            Status::Processing => Self::Processing,
            Status::Completed => Self::Completed,
            Status::Failed => Self::Failed,
            Status::Cancelled => Self::Cancelled,
        }
    }
}

impl ConnectionStatus {
    pub fn of(is_open: bool) -> Self {
        if is_open {
            Self::Connected
        } else {
            Self::Disconnected
        }
    }
}
