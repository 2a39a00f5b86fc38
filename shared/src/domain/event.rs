//! A job's events, each derived from the row whose write made it durable.

use jiff::Timestamp;

use crate::domain::ids::JobId;
use crate::domain::job::{Job, JobError, JobResult, Outcome, Report};
use crate::domain::stream::{Stream, StreamContent, StreamEntry};

/// The progress message, once a job, that the analysis does not get the session's oldest turns.
pub const HISTORY_TRUNCATED: &str =
    "This conversation has grown long: from here on its oldest turns are not remembered.";

/// One numbered event of one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub job: JobId,
    /// 1 for `job_queued`, then one more with each.
    pub seq: u64,
    pub at: Timestamp,
    pub request_id: Option<String>,
    pub kind: EventKind,
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    Queued {
        query: String,
    },
    Progress {
        /// Whether this attempt follows a failed one and has not reported yet.
        retrying: bool,
        message: String,
        /// In percent.
        progress: u8,
        attempt: u32,
        /// Whether the message is for the user in any case, also in a dialect that shows no progress.
        is_notice: bool,
    },
    /// The next piece of the answer.
    Chunk {
        content: String,
    },
    /// This attempt's text differs: chunks with a higher sequence number than `keep_through` no longer count.
    Reset {
        attempt: u32,
        keep_through: u64,
    },
    Completed {
        result: JobResult,
        usage: Usage,
    },
    Failed {
        error: JobError,
        attempts: u32,
    },
    Cancelled {
        by: String,
        /// The text that was streamed until then.
        content: Option<String>,
    },
}

/// What the job used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub attempts: u32,
    /// Milliseconds from the submit, or the replay, to the first claim.
    pub queued_ms: i64,
    /// Milliseconds from the first claim to the end.
    pub run_ms: i64,
}

impl Event {
    /// The first event of every job.
    pub fn queued(job: &Job) -> Self {
        let kind = EventKind::Queued {
            query: job.input.query.clone(),
        };
        Self {
            job: job.id,
            seq: 1,
            at: job.created_at,
            request_id: job.request_id.clone(),
            kind,
        }
    }

    /// The latest progress event.
    pub fn progress(job: &Job) -> Self {
        let message = match (job.reported, job.handed_over) {
            (false, true) => "Continuing".to_owned(),
            _ => job.message.clone(),
        };
        let kind = EventKind::Progress {
            retrying: job.attempt != 1 && !job.reported && !job.handed_over,
            is_notice: is_notice(&message),
            message,
            progress: job.current_progress(),
            attempt: job.attempt,
        };
        Self::of(job, job.progress_seq, kind)
    }

    /// The events of these reports, which one write made durable; the row holds the last of them.
    pub fn reports(job: &Job, reports: &[Report]) -> Vec<Self> {
        let before = job.progress_seq.saturating_sub(reports.len() as u64);
        let numbered = (before + 1..).zip(reports);
        let event = |(seq, report): (u64, &Report)| {
            let kind = EventKind::Progress {
                retrying: false,
                is_notice: is_notice(&report.message),
                message: report.message.clone(),
                progress: report.percent.min(job.progress),
                attempt: job.attempt,
            };
            Self::of(job, seq, kind)
        };
        numbered.map(event).collect()
    }

    /// The end, if the job has ended.
    pub fn ended(job: &Job) -> Option<Self> {
        let kind = match job.outcome.clone()? {
            Outcome::Completed(result) => EventKind::Completed {
                result,
                usage: Usage::of(job),
            },
            Outcome::Failed(error) => EventKind::Failed {
                error,
                attempts: job.attempt,
            },
            Outcome::Cancelled { by, content } => EventKind::Cancelled { by, content },
        };
        Some(Self::of(job, job.seq, kind))
    }

    /// An entry of the stream.
    pub fn streamed(job: &Job, entry: StreamEntry) -> Self {
        let kind = match entry.content {
            StreamContent::Chunk(content) => EventKind::Chunk { content },
            StreamContent::Reset {
                attempt,
                keep_through,
            } => EventKind::Reset {
                attempt,
                keep_through,
            },
        };
        Self {
            at: entry.at,
            ..Self::of(job, entry.seq, kind)
        }
    }

    fn of(job: &Job, seq: u64, kind: EventKind) -> Self {
        Self {
            job: job.id,
            seq,
            at: job.updated_at,
            request_id: job.request_id.clone(),
            kind,
        }
    }
}

/// Whether a progress message is for the user in any case. The row stores nothing of a progress event but its message,
/// so the stored text decides, for live events and for those that are derived from the row later alike.
fn is_notice(message: &str) -> bool {
    message == HISTORY_TRUNCATED
}

/// The events that a follower has missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatchUp {
    pub events: Vec<Event>,
    /// Whether there are more after the last of these.
    pub more: bool,
}

impl CatchUp {
    /// The events that a follower that has applied everything up to `after` needs to hold the same state as one that
    /// was never disconnected: the stream's effective entries, the end, and the latest progress. `stream` is what the
    /// log holds after `after`, from its beginning on.
    pub fn new(job: &Job, after: u64, stream: Stream) -> Self {
        let last = stream.entries.last().map_or(after, |entry| entry.seq);
        let complete = stream.complete;
        let mut events = vec![];
        if after == 0 {
            events.push(Event::queued(job));
        }
        let entries = stream.effective_entries();
        events.extend(entries.map(|entry| Event::streamed(job, entry)));
        if job.progress_seq > after {
            events.push(Event::progress(job));
        }
        events.extend(Event::ended(job).filter(|end| end.seq > after));
        if !complete {
            events.retain(|event| event.seq <= last);
        }
        events.sort_by_key(|event| event.seq);
        Self {
            events,
            more: !complete,
        }
    }
}

impl Usage {
    fn of(job: &Job) -> Self {
        let started = job.started_at.unwrap_or(job.created_at);
        let finished = job.finished_at.unwrap_or(job.updated_at);
        let between =
            |from: Timestamp, to: Timestamp| (to.as_millisecond() - from.as_millisecond()).max(0);
        Self {
            attempts: job.attempt,
            queued_ms: between(job.replayed_at.unwrap_or(job.created_at), started),
            run_ms: between(started, finished),
        }
    }
}
