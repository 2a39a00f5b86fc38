//! The native frames of a job's events.

use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::event::{Event, EventKind};
use crate::domain::job::{JobResult, QUEUED_PROGRESS};

/// One event as one frame.
pub fn event_frame(event: &Event) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Envelope<'a> {
        // First, so that a person who reads frames sees `type` first.
        #[serde(flatten)]
        body: EventFrame<'a>,
        job_id: String,
        seq: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<&'a str>,
        timestamp: i64,
    }
    let envelope = Envelope {
        body: EventFrame::of(&event.kind),
        job_id: event.job.to_string(),
        seq: event.seq,
        request_id: event.request_id.as_deref(),
        timestamp: event.at.as_second(),
    };
    // A result is JSON text already, so it is inserted instead of parsed and serialized again.
    match &event.kind {
        EventKind::Completed {
            result: JobResult::Inline(result),
            ..
        } => with_result(to_json(&envelope), result),
        _ => to_json(&envelope),
    }
}

#[derive(Serialize)]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
enum EventFrame<'a> {
    JobQueued {
        message: &'a str,
        query: &'a str,
        progress: u8,
    },
    ProgressUpdate {
        status: &'a str,
        message: &'a str,
        progress: u8,
        attempt: u32,
    },
    Chunk {
        content: &'a str,
    },
    StreamReset {
        attempt: u32,
        keep_through: u64,
    },
    JobCompleted {
        #[serde(skip_serializing_if = "Option::is_none")]
        result_ref: Option<Value>,
        usage: Value,
    },
    JobFailed {
        error: &'a str,
        code: &'a str,
        retryable: bool,
        attempts: u32,
    },
    JobCancelled {
        by: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        content: Option<&'a str>,
    },
}

impl<'a> EventFrame<'a> {
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
                let status = if *retrying { "retrying" } else { "processing" };
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
            EventKind::Completed { result, usage } => Self::JobCompleted {
                result_ref: reference(result),
                usage: json!({"attempts": usage.attempts, "queuedMs": usage.queued_ms, "runMs": usage.run_ms}),
            },
            EventKind::Failed { error, attempts } => Self::JobFailed {
                error: &error.message,
                code: &error.code,
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

/// What a client needs to fetch a result that is too large for a frame.
pub(super) fn reference(result: &JobResult) -> Option<Value> {
    let JobResult::Object(stored) = result else {
        return None;
    };
    Some(json!({
        "url": stored.url,
        "bytes": stored.bytes,
        "sha256": stored.sha256,
        "contentType": stored.content_type,
    }))
}

/// The frame's JSON text.
pub(super) fn to_json(frame: &impl Serialize) -> String {
    serde_json::to_string(frame).expect("frames have string keys and no failing types")
}

fn with_result(mut frame: String, result: &str) -> String {
    frame.pop();
    frame.push_str(r#","result":"#);
    frame.push_str(result);
    frame.push('}');
    frame
}
