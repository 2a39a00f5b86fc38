//! How jobs end.

use super::error_code::JobErrorCode;

/// Who is named as having cancelled a job that an operator cancelled.
pub const OPERATOR: &str = "operator";

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Completed(JobResult),
    Failed(JobError),
    Cancelled {
        by: String,
        /// The text that was streamed until then, where it was read from the log.
        content: Option<String>,
    },
}

/// Where a result is. The text is JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobResult {
    Inline(String),
    /// In the event log, under this key: too large for the row.
    EventLog(String),
    /// In the results bucket: too large for a frame.
    Object(StoredResult),
}

/// A result in the results bucket. Size and hash are of its JSON before compression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResult {
    /// The object's key in the bucket.
    pub key: String,
    pub bytes: u64,
    /// In lower-case hexadecimal digits.
    pub sha256: String,
    /// A media type.
    pub content_type: String,
    /// A signed URL that is valid for some minutes: made for each frame, and never stored.
    pub url: Option<String>,
}

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobError {
    /// A [`JobErrorCode`], or a code of somebody's own analysis.
    pub code: String,
    /// A sentence for the user who submitted the job.
    pub message: String,
    /// Whether asking again may help.
    pub retryable: bool,
}

impl Outcome {
    /// The end of a job past its deadline.
    pub fn past_deadline() -> Self {
        Self::Failed(JobError {
            code: JobErrorCode::Deadline.to_string(),
            message: "The job was not done by its deadline.".to_owned(),
            retryable: JobErrorCode::Deadline.is_retryable(),
        })
    }
}
