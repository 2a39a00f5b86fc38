//! Requests about jobs, and about the connection's identity.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Request;
use crate::protocol::status::JobStatus;

/// Gives the connection an identity. Allowed before all others.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuthenticateRequest {
    /// A JWT; left out on a connection that has an identity.
    pub token: Option<String>,
    /// Has to agree with the token.
    pub user_id: Option<String>,
    /// Has to agree with the token.
    pub username: Option<String>,
}

impl Request for AuthenticateRequest {
    const ACTIONS: &'static [&'static str] = &["authenticate"];
}

/// Renews the connection's identity with a newer token of the same user.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RefreshTokenRequest {
    /// A JWT.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub token: String,
}

impl Request for RefreshTokenRequest {
    const ACTIONS: &'static [&'static str] = &["refreshToken"];
}

/// Asks for a `pong`. Allowed before `authenticate`.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PingRequest {}

impl Request for PingRequest {
    const ACTIONS: &'static [&'static str] = &["ping"];
}

/// Submits a job. Its events are pushed to the connection.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct QueryRequest {
    /// The kind of analysis, such as `finops`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub kind: String,
    /// The question. At most 24 KiB of UTF-8, and not blank.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 24_576)))]
    pub query: String,
    /// Parameters of the analysis: an object.
    pub params: Option<Map<String, Value>>,
    /// A submit with a key that this user has used starts nothing and is answered like `subscribe`; with different work
    /// it is a `CONFLICT`. At most 256 characters.
    #[cfg_attr(feature = "schema", schemars(length(max = 256)))]
    pub idempotency_key: Option<String>,
    /// Seconds until the job fails with `DEADLINE` if it has not ended: 1 to 604,800; a day if left out.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 604_800)))]
    pub deadline_seconds: Option<u32>,
    /// The client's own span, in the form of W3C Trace Context.
    pub traceparent: Option<String>,
    /// Has to agree with the token.
    pub user_id: Option<String>,
    /// Has to agree with the token.
    pub username: Option<String>,
    /// Makes the job the next turn of this session.
    pub session_id: Option<String>,
    /// Cancels the session's open turns instead of waiting for them. Needs `sessionId`.
    pub supersede: Option<bool>,
}

impl Request for QueryRequest {
    const ACTIONS: &'static [&'static str] = &["query"];
}

/// Submits a job of kind `finops`.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FinopsQueryRequest {
    /// The question. At most 24 KiB of UTF-8, and not blank.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 24_576)))]
    pub query: String,
    /// Parameters of the analysis: an object.
    pub params: Option<Map<String, Value>>,
    /// A submit with a key that this user has used starts nothing and is answered like `subscribe`; with different work
    /// it is a `CONFLICT`. At most 256 characters.
    #[cfg_attr(feature = "schema", schemars(length(max = 256)))]
    pub idempotency_key: Option<String>,
    /// Seconds until the job fails with `DEADLINE` if it has not ended: 1 to 604,800; a day if left out.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 604_800)))]
    pub deadline_seconds: Option<u32>,
    /// The client's own span, in the form of W3C Trace Context.
    pub traceparent: Option<String>,
    /// Has to agree with the token.
    pub user_id: Option<String>,
    /// Has to agree with the token.
    pub username: Option<String>,
}

impl Request for FinopsQueryRequest {
    const ACTIONS: &'static [&'static str] = &["finops_query"];
}

/// Follows a job, from the last event that the client has applied.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SubscribeJobRequest {
    /// The job: a UUID. Any other text is answered like the id of an unknown job.
    pub job_id: String,
    /// The `seq` of the last event applied; 0 or left out for all.
    pub after: Option<u64>,
}

impl Request for SubscribeJobRequest {
    const ACTIONS: &'static [&'static str] = &["subscribe", "resume"];
}

/// Stops following a job.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct UnsubscribeJobRequest {
    /// The job: a UUID. Any other text is answered like the id of an unknown job.
    pub job_id: String,
}

impl Request for UnsubscribeJobRequest {
    const ACTIONS: &'static [&'static str] = &["unsubscribe"];
}

/// Cancels a job.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CancelRequest {
    /// The job: a UUID. Any other text is answered like the id of an unknown job.
    pub job_id: String,
}

impl Request for CancelRequest {
    const ACTIONS: &'static [&'static str] = &["cancel"];
}

/// Asks for a job and its result.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GetJobRequest {
    /// The job: a UUID. Any other text is answered like the id of an unknown job.
    pub job_id: String,
}

impl Request for GetJobRequest {
    const ACTIONS: &'static [&'static str] = &["getJob"];
}

/// Asks for every event of a job, by page.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GetEventsRequest {
    /// The job: a UUID. Any other text is answered like the id of an unknown job.
    pub job_id: String,
    /// The `seq` after which the page begins; 0 or left out for the first page.
    pub after: Option<u64>,
    /// Events of the page, 1 to 100; 100 if left out.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 100)))]
    pub limit: Option<u32>,
}

impl Request for GetEventsRequest {
    const ACTIONS: &'static [&'static str] = &["getEvents"];
}

/// Asks for the user's jobs, newest first, by page.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ListJobsRequest {
    /// For admins: another user of the tenant. At most 256 bytes.
    #[cfg_attr(feature = "schema", schemars(length(max = 256)))]
    pub user_id: Option<String>,
    /// Only jobs in this state.
    pub status: Option<JobStatus>,
    /// Entries of the page, 1 to 100; 100 if left out.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 100)))]
    pub limit: Option<u32>,
    /// The `cursor` of the page before; left out for the first page.
    pub cursor: Option<String>,
}

impl Request for ListJobsRequest {
    const ACTIONS: &'static [&'static str] = &["listJobs"];
}
