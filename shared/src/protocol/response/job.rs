//! Jobs as responses show them.

use serde::Serialize;
use serde_json::Value;

use crate::domain::job::{AttemptError, Job, JobResult, Outcome};
use crate::domain::limits;
use crate::protocol::event::ResultRef;
use crate::protocol::frame::rfc3339;
use crate::protocol::job_error_code::JobErrorCodeText;
use crate::protocol::status::JobStatus;

/// The state of a job, or that you have no such job.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum StatusOrGone {
    Job(JobStatus),
    Gone(Gone),
}

/// The status of a job that is unknown, past its retention, or another user's.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Gone {
    /// You have no such job.
    Gone,
}

/// A job, or that you have no such job.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum JobResponse {
    Found(Box<JobWithResult>),
    Gone(GoneJob),
}

/// A job that is unknown, past its retention, or another user's.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GoneJob {
    /// As the frame named it, at most its first 64 bytes.
    pub job_id: String,
    /// Always `gone`.
    pub status: Gone,
}

/// A job without its result. Times are RFC 3339 in UTC, with milliseconds.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct JobView {
    /// A UUID.
    pub job_id: String,
    /// The owner.
    pub user_id: String,
    /// The kind of analysis.
    pub kind: String,
    /// The question, or the first 512 bytes of it.
    pub query: String,
    /// The state.
    pub status: JobStatus,
    /// Percent, 0 to 100.
    pub progress: u8,
    /// The latest progress message. At most 512 bytes.
    pub message: String,
    /// The sequence number of the latest event.
    pub seq: u64,
    /// The attempt of this run, from 1; 0 before the first.
    pub attempt: u32,
    /// When it was submitted.
    pub created_at: String,
    /// When its row was last written.
    pub updated_at: String,
    /// When it ends at the latest.
    pub deadline_at: String,
    /// The `requestId` of the frame that submitted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// When its first attempt began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// Number of replays by an operator or admin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replays: Option<u32>,
    /// The error of the attempt before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastErrorView>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<JobErrorView>,
    /// Who cancelled it: a user's id, or `operator`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<String>,
}

/// A job with its parameters and its result.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct JobWithResult {
    #[serde(flatten)]
    pub job: JobView,
    /// The parameters of its submit; `null` where a large result leaves no space for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(with = "Option<serde_json::Map<String, Value>>")
    )]
    pub params: Option<Value>,
    /// The result of the analysis: any JSON, at most 100 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Where a larger result is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_ref: Option<ResultRef>,
}

/// The error of an earlier attempt.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LastErrorView {
    /// What went wrong.
    pub code: JobErrorCodeText,
    /// A sentence.
    pub message: String,
    /// When. RFC 3339 in UTC, with milliseconds.
    pub at: String,
}

/// Why a job failed.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobErrorView {
    /// What went wrong.
    pub code: JobErrorCodeText,
    /// A sentence.
    pub message: String,
    /// Whether asking again may help.
    pub retryable: bool,
}

impl JobResponse {
    /// The job with its result, if its row has it.
    pub fn found(job: &Job) -> Self {
        Self::Found(Box::new(JobWithResult::new(job)))
    }

    /// The answer for a job that the caller does not have.
    pub fn gone(id: &str) -> Self {
        Self::Gone(GoneJob {
            job_id: id.to_owned(),
            status: Gone::Gone,
        })
    }
}

impl JobView {
    pub fn new(job: &Job) -> Self {
        let (mut error, mut cancelled_by) = (None, None);
        match &job.outcome {
            Some(Outcome::Failed(failed)) => {
                error = Some(JobErrorView {
                    code: JobErrorCodeText(failed.code.clone()),
                    message: failed.message.clone(),
                    retryable: failed.retryable,
                });
            }
            Some(Outcome::Cancelled { by, .. }) => cancelled_by = Some(by.clone()),
            Some(Outcome::Completed(_)) | None => {}
        }
        Self {
            job_id: job.id.to_string(),
            user_id: job.owner.user.clone(),
            kind: job.kind.clone(),
            query: job.input.query.clone(),
            status: job.status.into(),
            progress: job.percent_done(),
            message: job.message.clone(),
            seq: job.seq,
            attempt: job.attempt,
            created_at: rfc3339(job.created_at),
            updated_at: rfc3339(job.updated_at),
            deadline_at: rfc3339(job.deadline),
            request_id: job.request_id.clone(),
            started_at: job.started_at.map(rfc3339),
            finished_at: job.finished_at.map(rfc3339),
            replays: (job.replays > 0).then_some(job.replays),
            last_error: job.last_error.as_ref().map(LastErrorView::new),
            error,
            cancelled_by,
        }
    }
}

impl LastErrorView {
    fn new(error: &AttemptError) -> Self {
        Self {
            code: JobErrorCodeText(error.code.clone()),
            message: error.message.clone(),
            at: rfc3339(error.at),
        }
    }
}

impl JobWithResult {
    pub fn new(job: &Job) -> Self {
        let params = serde_json::from_str(&job.input.params).unwrap_or(Value::Null);
        let mut view = Self {
            job: JobView::new(job),
            params: Some(params)
                .filter(|params| params.as_object().is_some_and(|params| !params.is_empty())),
            result: None,
            result_ref: None,
        };
        let Some(Outcome::Completed(result)) = &job.outcome else {
            return view;
        };
        if let JobResult::Inline(result) = result {
            // A frame with a large result has space for the beginning of the query only, and none for the
            // parameters.
            let without_result = serde_json::to_string(&view).unwrap_or_default();
            if result.len() + without_result.len() > limits::ANSWER_BYTES {
                view.params = Some(Value::Null);
                let query = limits::prefix(&job.input.query, limits::QUERY_IN_ROW_BYTES);
                view.job.query = query.to_owned();
            }
            view.result = Some(serde_json::from_str(result).unwrap_or(Value::Null));
        }
        view.result_ref = ResultRef::of(result);
        view
    }
}
