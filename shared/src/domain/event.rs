//! What is said of a job: its events, each derived from the row that made it durable.
//!
//! Pure. How an event is spelled on the wire is [`crate::protocol`]'s business, who hears it that of
//! whoever pushes.

use jiff::Timestamp;

use crate::domain::ids::JobId;
use crate::domain::job::{Job, JobError, JobResult, Outcome, Report};
use crate::domain::stream::{Stream, StreamContent, StreamEntry};

/// What is said, as progress, of a conversation that has grown past what an analysis is given of it: once.
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

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    Queued {
        query: String,
    },
    Progress {
        retrying: bool,
        message: String,
        progress: u8,
        attempt: u32,
    },
    /// The next piece of the answer.
    Chunk {
        content: String,
    },
    /// This attempt streams otherwise: chunks with a higher number than this no longer count.
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
        /// What was streamed until then.
        content: Option<String>,
    },
}

/// What the job took.
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
        let body = EventKind::Queued {
            query: job.input.query.clone(),
        };
        Self {
            job: job.id,
            seq: 1,
            at: job.created_at,
            request_id: job.request_id.clone(),
            kind: body,
        }
    }

    /// How far the job is, as the row's latest event of that sort told.
    pub fn progress(job: &Job) -> Self {
        let message = match (job.reported, job.handed_over) {
            (false, true) => "Going on".to_owned(),
            _ => job.message.clone(),
        };
        let body = EventKind::Progress {
            retrying: job.attempt != 1 && !job.reported && !job.handed_over,
            message,
            progress: job.current_progress(),
            attempt: job.attempt,
        };
        Self::of(job, job.progress_seq, body)
    }

    /// What these reports tell, of which a job's row shows the last: one write told of all of them.
    pub fn reports(job: &Job, reports: &[Report]) -> Vec<Self> {
        let before = job.progress_seq.saturating_sub(reports.len() as u64);
        let numbered = (before + 1..).zip(reports);
        let event = |(seq, report): (u64, &Report)| {
            let body = EventKind::Progress {
                retrying: false,
                message: report.message.clone(),
                progress: report.percent.min(job.progress),
                attempt: job.attempt,
            };
            Self::of(job, seq, body)
        };
        numbered.map(event).collect()
    }

    /// How the job ended, if it has.
    pub fn ended(job: &Job) -> Option<Self> {
        let body = match job.outcome.clone()? {
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
        Some(Self::of(job, job.seq, body))
    }

    /// The entry of the stream that the row's `seq` numbers.
    pub fn streamed(job: &Job, entry: StreamEntry) -> Self {
        let body = match entry.content {
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
            ..Self::of(job, entry.seq, body)
        }
    }

    fn of(job: &Job, seq: u64, body: EventKind) -> Self {
        Self {
            job: job.id,
            seq,
            at: job.updated_at,
            request_id: job.request_id.clone(),
            kind: body,
        }
    }
}

/// What a follower that has applied everything up to some event lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatchUp {
    pub events: Vec<Event>,
    /// Whether there is more after the last of these.
    pub more: bool,
}

impl CatchUp {
    /// What a follower that has applied everything up to `after` needs to hold the same state as one
    /// that never dropped: what is left of the stream, the end, and of progress the latest. `stream`
    /// is what the log holds after `after`, from its beginning on.
    pub fn new(job: &Job, after: u64, stream: Stream) -> Self {
        let last = stream.entries.last().map_or(after, |entry| entry.seq);
        let complete = stream.complete;
        let mut events = vec![];
        if after == 0 {
            events.push(Event::queued(job));
        }
        let standing = stream.effective_entries();
        events.extend(standing.map(|entry| Event::streamed(job, entry)));
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
