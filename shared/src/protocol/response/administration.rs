//! Connections and failed runs as admins see them.

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::connection::{BroadcastOutcome, CleanupOutcome, ConnectionRow};
use crate::domain::dead_letter::{FailedRun, Resolution};
use crate::protocol::frame::rfc3339;
use crate::protocol::job_error_code::JobErrorCodeText;
use crate::protocol::status::{ConnectionStatus, JobStatus};

/// The record of a connection, without the fields that it lacks.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConnectionView {
    /// The gateway's id.
    pub connection_id: String,
    /// Whether it is open.
    pub status: ConnectionStatus,
    /// RFC 3339 in UTC, with milliseconds.
    pub connected_at: String,
    /// To the minute. RFC 3339 in UTC, with milliseconds.
    pub last_activity: String,
    /// Until when the record is stored, in Unix seconds.
    pub ttl: i64,
    /// The user, once the connection is authenticated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The user's tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// The user's name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The session that its messages belong to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// RFC 3339 in UTC, with milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disconnected_at: Option<String>,
    /// As API Gateway reports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// As the client sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

/// A connection whose status changed.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConnectionStatusSet {
    /// The gateway's id.
    pub connection_id: String,
    /// The status from now on.
    pub status: ConnectionStatus,
}

/// What became of connections without activity for an hour.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CleanupCounts {
    /// Records removed, since the gateway had no such connection.
    pub removed: usize,
    /// Idle connections that were closed.
    pub closed: usize,
    /// Connections with later activity, which stay.
    pub kept: usize,
}

/// What became of the pushes to connections.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BroadcastCounts {
    /// Connections that received it.
    pub sent: usize,
    /// Closed connections, which are not pushed to again.
    pub gone: usize,
    /// Pushes that failed.
    pub lost: usize,
}

/// A failed run of a job, and what a replay would do with it.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterView {
    /// The job.
    pub job_id: String,
    /// The number of the run, from 0; `null` where the dead letter does not say.
    pub run: Option<u32>,
    /// What `replayJob` would do.
    pub r#do: ResolutionName,
    /// The job's status; `null` if it is gone.
    pub status: Option<JobStatus>,
    /// When it failed. RFC 3339 in UTC, with milliseconds.
    pub since: String,
    /// The kind of analysis; `null` if it is not known.
    pub kind: Option<String>,
    /// The job's owner; `null` if that is not known.
    pub user_id: Option<String>,
    /// Why it failed; `null` where the dead letter does not say.
    pub code: Option<JobErrorCodeText>,
    /// A sentence; `null` where the dead letter does not say.
    pub error: Option<String>,
    /// The attempts of this run; `null` where the dead letter does not say.
    pub attempts: Option<u32>,
    /// Number of its dead letters.
    pub letters: usize,
}

/// What is done with a failed run.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ResolutionName {
    /// The job starts a new run.
    Replay,
    /// The job still waits: its id is sent to the queue again.
    Send,
    /// The job went on after this run: its dead letters are deleted.
    Delete,
    /// The job is gone, or older than the dead letter: a person must look at it.
    Leave,
}

/// What was done about a failed job.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReplayedJob {
    /// The job.
    pub job_id: String,
    /// What was done.
    pub did: ResolutionName,
    /// The job's status afterwards; `null` if it is gone.
    pub status: Option<JobStatus>,
    /// The number of the run, from 0; `null` if the job is gone.
    pub run: Option<u32>,
    /// Number of dead letters that were deleted.
    pub letters: usize,
}

impl ConnectionView {
    pub fn new(row: &ConnectionRow) -> Self {
        let owner = row.owner.as_ref();
        Self {
            connection_id: row.connection.0.clone(),
            status: ConnectionStatus::of(row.is_open),
            connected_at: rfc3339(row.connected_at),
            last_activity: rfc3339(row.last_activity),
            ttl: row.kept_until.as_second(),
            user_id: owner.map(|owner| owner.user.clone()),
            tenant_id: owner.and_then(|owner| owner.tenant.clone()),
            username: row.username.clone(),
            session_id: row.session.map(|id| id.to_string()),
            disconnected_at: row.disconnected_at.map(rfc3339),
            ip_address: row.ip_address.clone(),
            user_agent: row.user_agent.clone(),
        }
    }
}

impl From<CleanupOutcome> for CleanupCounts {
    fn from(outcome: CleanupOutcome) -> Self {
        let CleanupOutcome {
            removed,
            closed,
            kept,
        } = outcome;
        Self {
            removed,
            closed,
            kept,
        }
    }
}

impl From<BroadcastOutcome> for BroadcastCounts {
    fn from(outcome: BroadcastOutcome) -> Self {
        let BroadcastOutcome { sent, gone, lost } = outcome;
        Self { sent, gone, lost }
    }
}

impl From<Resolution> for ResolutionName {
    fn from(resolution: Resolution) -> Self {
        match resolution {
            Resolution::Replay => Self::Replay,
            Resolution::Send => Self::Send,
            Resolution::Delete => Self::Delete,
            Resolution::Leave => Self::Leave,
        }
    }
}

impl DeadLetterView {
    pub fn new(run: &FailedRun, now: Timestamp) -> Self {
        let payload = run.payload.as_ref();
        Self {
            job_id: run.job.to_string(),
            run: run.run,
            r#do: run.resolution(now).into(),
            status: run.row.as_ref().map(|job| job.status.into()),
            since: rfc3339(run.failed_at()),
            kind: run.kind().map(Into::into),
            user_id: run.owner().map(|owner| owner.user.clone()),
            code: payload.map(|payload| JobErrorCodeText(payload.code.clone())),
            error: payload.map(|payload| payload.error.clone()),
            attempts: payload.map(|payload| payload.attempts),
            letters: run.messages.len(),
        }
    }
}
