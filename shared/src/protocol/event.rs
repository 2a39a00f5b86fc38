//! The native frames of a job's events.

use serde::Serialize;
use serde_json::Value;

use super::frame::{rfc3339, to_json};
use super::job_error_code::JobErrorCodeText;
use super::request::{Warning, are_none};
use crate::domain::event::{Event, EventKind};
use crate::domain::job::{JobResult, QUEUED_PROGRESS};

/// An event of a job as a frame.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct JobEventFrame<'a> {
    // First, so that a person who reads frames sees `type` first.
    #[serde(flatten)]
    event: JobEvent<'a>,
    /// The job: a UUID.
    job_id: String,
    /// The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
    /// identity: the same event may come more than once.
    seq: u64,
    /// The `requestId` of the frame that submitted the job. All followers receive it.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    /// When the event happened, in Unix seconds.
    timestamp: i64,
    /// When the event happened. RFC 3339 in UTC, with milliseconds.
    at: String,
    /// Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
    /// the connection that submitted.
    #[serde(skip_serializing_if = "are_none")]
    warnings: &'a [Warning],
}

/// An event of a job.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum JobEvent<'a> {
    /// The job is accepted and durable: it will reach an end. Always the first event.
    JobQueued {
        /// A sentence for people.
        message: &'a str,
        /// The question. At most 24 KiB.
        query: &'a str,
        /// Percent: 5.
        progress: u8,
    },
    /// The job goes on. Only the latest counts: `subscribed` has no other, `getEvents` has all.
    ProgressUpdate {
        /// Whether the attempt runs or waits to be tried again.
        status: ProgressStatus,
        /// A sentence for people. At most 512 bytes.
        message: &'a str,
        /// Percent, 0 to 100. It never falls within an attempt.
        progress: u8,
        /// The attempt of this run, from 1.
        attempt: u32,
    },
    /// The next piece of the answer.
    Chunk {
        /// To be appended to the pieces before it. At most 27 KiB of JSON.
        content: &'a str,
    },
    /// A retry starts whose text differs: a part of the answer no longer counts.
    StreamReset {
        /// The attempt that starts.
        attempt: u32,
        /// Chunks with a higher `seq` than this are to be discarded; 0 for all.
        keep_through: u64,
    },
    /// Another attempt starts, or the same one continues after a hand-over. A job's first attempt has no such event: it
    /// starts with the first `progress_update`.
    AttemptStarted {
        /// The attempt of this run, from 1.
        attempt: u32,
        /// The worker's invocation, as its log names it.
        invocation: &'a str,
        /// Whether it continues the same attempt, after a hand-over.
        resumed: bool,
    },
    /// An attempt failed, and another follows.
    AttemptFailed {
        /// The attempt that failed.
        attempt: u32,
        /// What went wrong.
        code: JobErrorCodeText,
        /// A sentence for people.
        error: &'a str,
        /// When the next attempt starts, at the earliest. RFC 3339 in UTC, with milliseconds.
        retry_at: String,
    },
    /// The worker of an attempt gave no more signs of life: it crashed, or it ran out of time. Another attempt follows.
    WorkerLost {
        /// The attempt that is lost.
        attempt: u32,
    },
    /// The attempt continues in another invocation, since the time of this one is nearly over.
    HandedOver {
        /// The attempt that continues.
        attempt: u32,
    },
    /// A step's result was stored: no later attempt repeats it.
    Step {
        /// The step's name. At most 64 bytes.
        name: &'a str,
        /// What happened to it.
        state: StepState,
        /// How long it took, in milliseconds.
        ms: u64,
    },
    /// The job ended with a result.
    JobCompleted {
        /// The result of the analysis: any JSON, at most 100 KiB. A larger one is in `resultRef`.
        // Inserted as text: see `event_frame`.
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
        /// Where a larger result is.
        #[serde(skip_serializing_if = "Option::is_none")]
        result_ref: Option<ResultRef>,
        /// Attempts and times.
        usage: Usage,
    },
    /// The job ended with an error.
    JobFailed {
        /// A sentence for people.
        error: &'a str,
        /// What went wrong.
        code: JobErrorCodeText,
        /// Whether asking again may help.
        retryable: bool,
        /// Number of attempts of this run.
        attempts: u32,
    },
    /// The job was cancelled.
    JobCancelled {
        /// A user's id, or `operator`.
        by: &'a str,
        /// The beginning of what was streamed until then.
        #[serde(skip_serializing_if = "Option::is_none")]
        content: Option<&'a str>,
    },
}

/// What an attempt does.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ProgressStatus {
    /// It runs.
    Processing,
    /// It failed, and the next one follows.
    Retrying,
}

/// What happened to a step.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum StepState {
    /// Its result was stored.
    Saved,
}

/// Attempts and times of a completed job.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Number of attempts of this run.
    attempts: u32,
    /// Milliseconds from the submit, or the replay, to the first attempt.
    queued_ms: i64,
    /// Milliseconds from the first attempt to the end.
    run_ms: i64,
}

/// Where a result is that is too large for a frame. A GET of `url` returns it, compressed by gzip.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ResultRef {
    /// A signed URL, valid for 15 minutes at most; `null` where none could be signed: `getJob` gives a fresh one.
    url: Option<String>,
    /// The size of the JSON before compression.
    bytes: u64,
    /// The hash of the JSON before compression, in lower-case hexadecimal digits.
    sha256: String,
    /// A media type.
    content_type: String,
}

impl ResultRef {
    /// What a client needs to fetch a result that is too large for a frame.
    pub(super) fn of(result: &JobResult) -> Option<Self> {
        let JobResult::Object(stored) = result else {
            return None;
        };
        Some(Self {
            url: stored.url.clone(),
            bytes: stored.bytes,
            sha256: stored.sha256.clone(),
            content_type: stored.content_type.clone(),
        })
    }
}

/// One event as one frame.
pub fn event_frame(event: &Event) -> String {
    event_frame_with(event, &[])
}

/// One event as one frame, with warnings about the frame that caused it.
pub fn event_frame_with(event: &Event, warnings: &[Warning]) -> String {
    let frame = JobEventFrame {
        event: JobEvent::of(&event.kind),
        job_id: event.job.to_string(),
        seq: event.seq,
        request_id: event.request_id.as_deref(),
        timestamp: event.at.as_second(),
        at: rfc3339(event.at),
        warnings,
    };
    // A result is JSON text already, so it is inserted instead of parsed and serialized again.
    match &event.kind {
        EventKind::Completed {
            result: JobResult::Inline(result),
            ..
        } => with_result(to_json(&frame), result),
        _ => to_json(&frame),
    }
}

impl<'a> JobEvent<'a> {
    fn of(body: &'a EventKind) -> Self {
        match body {
            EventKind::Queued { query } => Self::JobQueued {
                message: "Your query is queued.",
                query,
                progress: QUEUED_PROGRESS,
            },
            EventKind::Progress {
                retrying,
                message,
                progress,
                attempt,
                is_notice: _,
            } => {
                let status = match retrying {
                    true => ProgressStatus::Retrying,
                    false => ProgressStatus::Processing,
                };
                Self::ProgressUpdate {
                    status,
                    message,
                    progress: *progress,
                    attempt: *attempt,
                }
            }
            EventKind::Chunk { content } => Self::Chunk { content },
            EventKind::Reset {
                attempt,
                keep_through,
            } => Self::StreamReset {
                attempt: *attempt,
                keep_through: *keep_through,
            },
            EventKind::AttemptStarted {
                attempt,
                invocation,
                resumed,
            } => Self::AttemptStarted {
                attempt: *attempt,
                invocation,
                resumed: *resumed,
            },
            EventKind::AttemptFailed {
                attempt,
                code,
                message,
                retry_at,
            } => Self::AttemptFailed {
                attempt: *attempt,
                code: JobErrorCodeText(code.clone()),
                error: message,
                retry_at: rfc3339(*retry_at),
            },
            EventKind::WorkerLost { attempt } => Self::WorkerLost { attempt: *attempt },
            EventKind::HandedOver { attempt } => Self::HandedOver { attempt: *attempt },
            EventKind::StepSaved { name, ms } => Self::Step {
                name,
                state: StepState::Saved,
                ms: *ms,
            },
            EventKind::Completed { result, usage } => Self::JobCompleted {
                result: None,
                result_ref: ResultRef::of(result),
                usage: Usage {
                    attempts: usage.attempts,
                    queued_ms: usage.queued_ms,
                    run_ms: usage.run_ms,
                },
            },
            EventKind::Failed { error, attempts } => Self::JobFailed {
                error: &error.message,
                code: JobErrorCodeText(error.code.clone()),
                retryable: error.retryable,
                attempts: *attempts,
            },
            EventKind::Cancelled { by, content } => Self::JobCancelled {
                by,
                content: content.as_deref(),
            },
        }
    }
}

fn with_result(mut frame: String, result: &str) -> String {
    frame.pop();
    frame.push_str(r#","result":"#);
    frame.push_str(result);
    frame.push('}');
    frame
}
