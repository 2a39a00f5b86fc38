//! A job's events, each derived from the row whose write made it durable.

use jiff::Timestamp;

use crate::domain::ids::JobId;
use crate::domain::job::{Job, JobError, JobResult, Outcome};
use crate::domain::log::{EntryContent, Log, LogEntry};

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
    /// Another attempt starts, or the same goes on in another invocation.
    AttemptStarted {
        attempt: u32,
        invocation: String,
        resumed: bool,
    },
    /// An attempt failed that another follows.
    AttemptFailed {
        attempt: u32,
        code: String,
        message: String,
        retry_at: Timestamp,
    },
    /// The attempt's worker gave no more signs of life.
    WorkerLost {
        attempt: u32,
    },
    /// The attempt continues in another invocation.
    HandedOver {
        attempt: u32,
    },
    /// A step's result was stored.
    StepSaved {
        name: String,
        ms: u64,
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
        let content = EntryContent::Progress {
            percent: job.current_progress(),
            message: job.message.clone(),
            attempt: job.progress_attempt(),
            retrying: job.retrying,
        };
        let entry = LogEntry {
            seq: job.progress_seq,
            at: job.progress_at.unwrap_or(job.updated_at),
            content,
        };
        Self::logged(job, entry)
    }

    /// The events after the sequence number `after` that the row's tail holds.
    pub fn in_tail(job: &Job, after: u64) -> Vec<Self> {
        let new = job.tail.iter().filter(|entry| entry.seq > after);
        new.map(|entry| Self::logged(job, entry.clone())).collect()
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

    /// An entry of the log.
    pub fn logged(job: &Job, entry: LogEntry) -> Self {
        let kind = match entry.content {
            EntryContent::Progress {
                percent,
                message,
                attempt,
                retrying,
            } => EventKind::Progress {
                retrying,
                is_notice: is_notice(&message),
                message,
                progress: percent,
                attempt,
            },
            EntryContent::Chunk(content) => EventKind::Chunk { content },
            EntryContent::Reset {
                attempt,
                keep_through,
            } => EventKind::Reset {
                attempt,
                keep_through,
            },
            EntryContent::AttemptStarted {
                attempt,
                invocation,
                resumed,
            } => EventKind::AttemptStarted {
                attempt,
                invocation,
                resumed,
            },
            EntryContent::AttemptFailed {
                attempt,
                code,
                message,
                retry_at,
            } => EventKind::AttemptFailed {
                attempt,
                code,
                message,
                retry_at,
            },
            EntryContent::WorkerLost { attempt } => EventKind::WorkerLost { attempt },
            EntryContent::HandedOver { attempt } => EventKind::HandedOver { attempt },
            EntryContent::StepSaved { name, ms } => EventKind::StepSaved { name, ms },
            EntryContent::RunFailed {
                code,
                message,
                retryable,
                attempts,
            } => EventKind::Failed {
                error: JobError {
                    code,
                    message,
                    retryable,
                },
                attempts,
            },
        };
        Self {
            at: entry.at,
            ..Self::of(job, entry.seq, kind)
        }
    }

    /// Whether its attempt gave the job back to the queue.
    fn gives_back(&self) -> bool {
        matches!(
            self.kind,
            EventKind::AttemptFailed { .. } | EventKind::HandedOver { .. }
        )
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

/// Whether a progress message is for the user in any case. The log stores nothing of a progress event but its message, so
/// the stored text decides.
fn is_notice(message: &str) -> bool {
    message == HISTORY_TRUNCATED
}

/// The events that a follower has missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatchUp {
    pub events: Vec<Event>,
    /// The highest sequence number of those that were left out, since later ones replace them; `None` if none was.
    pub skipped_through: Option<u64>,
    /// Whether there are more after the last of these.
    pub more: bool,
}

impl CatchUp {
    /// The events that a follower that has applied everything up to `after` needs to hold the same state as one that
    /// was never disconnected: the effective stream, the end, the latest progress, and what befell its attempt since.
    /// `stream` has the streamed entries after `after`, from the first on.
    pub fn new(job: &Job, after: u64, stream: Log) -> Self {
        let last = stream.entries.last().map_or(after, |entry| entry.seq);
        let complete = stream.complete;
        let mut events = vec![];
        if after == 0 {
            events.push(Event::queued(job));
        }
        let entries = stream.effective_stream();
        events.extend(entries.map(|entry| Event::logged(job, entry)));
        if job.progress_seq > after {
            events.push(Event::progress(job));
        }
        // Nothing but a claim, which is a progress event, follows on the failure or hand-over of an attempt.
        let since_progress = Event::in_tail(job, after.max(job.progress_seq));
        events.extend(since_progress.into_iter().filter(Event::gives_back));
        events.extend(Event::ended(job).filter(|end| end.seq > after));
        if !complete {
            events.retain(|event| event.seq <= last);
        }
        events.sort_by_key(|event| event.seq);
        let through = if complete { job.seq } else { last };
        Self {
            skipped_through: last_gap(&events, after, through),
            events,
            more: !complete,
        }
    }

    /// Every event after `after`. `log` has all entries after `after`, from the first on.
    pub fn whole(job: &Job, after: u64, log: Log) -> Self {
        let mut events = vec![];
        if after == 0 {
            events.push(Event::queued(job));
        }
        let entries = log.entries.into_iter();
        events.extend(entries.map(|entry| Event::logged(job, entry)));
        if log.complete {
            events.extend(Event::ended(job).filter(|end| end.seq > after));
        }
        Self {
            events,
            skipped_through: None,
            more: !log.complete,
        }
    }
}

/// The highest sequence number after `after`, up to `through`, that none of the events has; they are in order.
fn last_gap(events: &[Event], after: u64, through: u64) -> Option<u64> {
    let mut expected = through;
    for event in events.iter().rev() {
        if event.seq < expected {
            break;
        }
        expected = event.seq - 1;
    }
    (expected > after).then_some(expected)
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
