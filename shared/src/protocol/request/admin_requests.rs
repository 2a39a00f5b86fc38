//! Requests of admins.

use serde::Deserialize;

use super::Request;
use crate::protocol::status::{ConnectionStatus, JobStatus};

/// Asks for connections of the tenant, by page.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ListConnectionsRequest {
    /// A user of the admin's tenant. At most 256 bytes.
    #[cfg_attr(feature = "schema", schemars(length(max = 256)))]
    pub user_id: Option<String>,
    /// Entries of the page, 1 to 100; 100 if left out.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 100)))]
    pub limit: Option<u32>,
    /// The `cursor` of the page before; left out for the first page.
    pub cursor: Option<String>,
}

impl Request for ListConnectionsRequest {
    const ACTIONS: &'static [&'static str] = &["listConnections"];
}

/// Sets the status in a connection's record. A disconnected one gets no more pushes.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SetStatusRequest {
    /// The gateway's id of the connection.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub connection_id: String,
    /// The status from now on.
    pub status: ConnectionStatus,
}

impl Request for SetStatusRequest {
    const ACTIONS: &'static [&'static str] = &["setStatus"];
}

/// Closes a connection.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CloseConnectionRequest {
    /// The gateway's id of the connection.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub connection_id: String,
}

impl Request for CloseConnectionRequest {
    const ACTIONS: &'static [&'static str] = &["closeConnection"];
}

/// Removes or closes connections without activity for an hour, a page at a time.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CleanupConnectionsRequest {
    /// The `cursor` of the page before; left out for the first page.
    pub cursor: Option<String>,
}

impl Request for CleanupConnectionsRequest {
    const ACTIONS: &'static [&'static str] = &["cleanupConnections"];
}

/// Pushes a `system` frame to a user, or to all connections of the tenant, a page at a time.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct BroadcastRequest {
    /// At most 24 KiB of UTF-8, and not blank.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 24_576)))]
    pub content: String,
    /// A user of the admin's tenant. At most 256 bytes.
    #[cfg_attr(feature = "schema", schemars(length(max = 256)))]
    pub user_id: Option<String>,
    /// The `cursor` of the page before; left out for the first page.
    pub cursor: Option<String>,
}

impl Request for BroadcastRequest {
    const ACTIONS: &'static [&'static str] = &["broadcast"];
}

/// Asks for the tenant's open jobs, oldest first.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ListOpenJobsRequest {
    /// Only jobs in this state.
    pub status: Option<JobStatus>,
    /// Entries of the page, 1 to 100; 100 if left out.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 100)))]
    pub limit: Option<u32>,
}

impl Request for ListOpenJobsRequest {
    const ACTIONS: &'static [&'static str] = &["listOpenJobs"];
}

/// Asks for the tenant's failed runs.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ListDeadLettersRequest {}

impl Request for ListDeadLettersRequest {
    const ACTIONS: &'static [&'static str] = &["listDeadLetters"];
}

/// Resolves a failed job: usually it runs again.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReplayJobRequest {
    /// The job: a UUID. Any other text is answered like the id of an unknown job.
    pub job_id: String,
    /// Whether the new run ignores the checkpoints.
    pub from_start: Option<bool>,
}

impl Request for ReplayJobRequest {
    const ACTIONS: &'static [&'static str] = &["replayJob"];
}
