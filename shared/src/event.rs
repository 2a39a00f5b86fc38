//! What is said of a job: its events, each derived from the row that made it durable.
//!
//! Pure. How an event is spelled on the wire is [`crate::protocol`]'s business, who hears it that of
//! whoever pushes.

use jiff::Timestamp;

use crate::ids::JobId;
use crate::job::{Job, JobError, JobResult, Outcome};

/// One numbered event of one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub job: JobId,
    /// 1 for `job_queued`, then one more with each.
    pub seq: u64,
    pub at: Timestamp,
    pub request_id: Option<String>,
    pub body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    Queued {
        query: String,
    },
    Progress {
        retrying: bool,
        message: String,
        progress: u8,
        attempt: u32,
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
    },
}

/// What the job took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub attempts: u32,
    /// Milliseconds from the submit to the first claim.
    pub queued_ms: i64,
    /// Milliseconds from the first claim to the end.
    pub run_ms: i64,
}

impl Event {
    /// The first event of every job.
    pub fn queued(job: &Job) -> Self {
        let body = Body::Queued {
            query: job.input.query.clone(),
        };
        Self {
            job: job.id,
            seq: 1,
            at: job.created_at,
            request_id: job.request_id.clone(),
            body,
        }
    }

    /// The event that the row's `seq` stands for: the row is the outbox, so this can be said again
    /// at any time by whoever reads it.
    pub fn latest(job: &Job) -> Self {
        if job.seq == 1 {
            return Self::queued(job);
        }
        let body = match &job.outcome {
            None => Body::Progress {
                retrying: job.attempt > 1 && !job.reported,
                message: job.message.clone(),
                progress: job.progress,
                attempt: job.attempt,
            },
            Some(Outcome::Completed(result)) => Body::Completed {
                result: result.clone(),
                usage: Usage::of(job),
            },
            Some(Outcome::Failed(error)) => Body::Failed {
                error: error.clone(),
                attempts: job.attempt,
            },
            Some(Outcome::Cancelled { by }) => Body::Cancelled { by: by.clone() },
        };
        Self {
            job: job.id,
            seq: job.seq,
            at: job.updated_at,
            request_id: job.request_id.clone(),
            body,
        }
    }

    /// What a follower that has applied everything up to `after` needs to hold the same state as
    /// one that never dropped: of progress, the latest is enough.
    pub fn since(job: &Job, after: u64) -> Vec<Self> {
        let mut events = vec![];
        if after == 0 {
            events.push(Self::queued(job));
        }
        if job.seq > after.max(1) {
            events.push(Self::latest(job));
        }
        events
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
            queued_ms: between(job.created_at, started),
            run_ms: between(started, finished),
        }
    }
}
