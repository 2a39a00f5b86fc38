//! Dead letters: the record of a failed run, and how a dead letter is resolved.
//!
//! The record is a superset of the jobs queue's message, so a reader that knows only that one still finds the job's id.
//! It does not contain the query. It is sent at least once for each failed run; readers drop duplicates.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::ids::{JobId, Owner};
use crate::domain::job::{Job, Outcome, Status};
use crate::domain::job_message;
use crate::domain::queue_message::QueueMessage;

/// The version that this code writes and reads; also that of the jobs queue's message.
const VERSION: u8 = 1;

/// The record of a failed run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterPayload {
    pub job: JobId,
    /// The job's `replays` when it failed: 0 for its first run.
    pub run: u32,
    pub code: String,
    /// The message that its followers received.
    pub error: String,
    /// Number of attempts of this run.
    pub attempts: u32,
    pub kind: String,
    pub owner: Owner,
    pub created_at: Timestamp,
    pub failed_at: Timestamp,
    /// Whether submitting the job again may help.
    pub retryable: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PayloadJson {
    v: u8,
    job: String,
    run: u32,
    code: String,
    error: String,
    attempts: u32,
    kind: String,
    user_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant_id: Option<String>,
    created_at: Timestamp,
    failed_at: Timestamp,
    retryable: bool,
}

impl DeadLetterPayload {
    /// The record of a job that leaves a dead letter; `None` for any other job.
    pub fn of_job(job: &Job) -> Option<Self> {
        let (true, Some(Outcome::Failed(error))) = (job.is_dead_letter(), &job.outcome) else {
            return None;
        };
        Some(Self {
            job: job.id,
            run: job.replays,
            code: error.code.clone(),
            error: error.message.clone(),
            attempts: job.attempt,
            kind: job.kind.clone(),
            owner: job.owner.clone(),
            created_at: job.created_at,
            failed_at: job.finished_at.unwrap_or(job.updated_at),
            retryable: error.retryable,
        })
    }

    /// The body of its message.
    pub fn encode(&self) -> String {
        let json = PayloadJson {
            v: VERSION,
            job: self.job.to_string(),
            run: self.run,
            code: self.code.clone(),
            error: self.error.clone(),
            attempts: self.attempts,
            kind: self.kind.clone(),
            user_id: self.owner.user.clone(),
            tenant_id: self.owner.tenant.clone(),
            created_at: self.created_at,
            failed_at: self.failed_at,
            retryable: self.retryable,
        };
        serde_json::to_string(&json).expect("a payload has string keys and no failing types")
    }

    fn parse(body: &str) -> Option<Self> {
        let json: PayloadJson = serde_json::from_str(body).ok()?;
        let job = JobId::parse(&json.job).filter(|_| json.v == VERSION)?;
        Some(Self {
            job,
            run: json.run,
            code: json.code,
            error: json.error,
            attempts: json.attempts,
            kind: json.kind,
            owner: Owner {
                user: json.user_id,
                tenant: json.tenant_id,
            },
            created_at: json.created_at,
            failed_at: json.failed_at,
            retryable: json.retryable,
        })
    }
}

/// The content of a message on the dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadLetter {
    Payload(Box<DeadLetterPayload>),
    /// A message of the jobs queue that its redrive policy moved: received too often, and perhaps never claimed.
    Redriven(JobId),
}

impl DeadLetter {
    /// Parses a message's body; `None` if this version can't read it.
    pub fn parse(body: &str) -> Option<Self> {
        let payload =
            DeadLetterPayload::parse(body).map(|payload| Self::Payload(Box::new(payload)));
        payload.or_else(|| job_message::parse(body).map(Self::Redriven))
    }

    pub fn job(&self) -> JobId {
        match self {
            Self::Payload(payload) => payload.job,
            Self::Redriven(job) => *job,
        }
    }
}

/// One run of one job, with all its dead letters.
pub struct FailedRun {
    pub job: JobId,
    /// `None` for a message that redrive moved, which does not name a run.
    pub run: Option<u32>,
    pub payload: Option<DeadLetterPayload>,
    /// At least one; oldest first.
    pub messages: Vec<QueueMessage>,
    pub row: Option<Job>,
}

impl FailedRun {
    pub fn resolution(&self, now: Timestamp) -> Resolution {
        Resolution::of(self.run, self.row.as_ref(), now)
    }

    pub fn owner(&self) -> Option<&Owner> {
        let of_row = || self.row.as_ref().map(|job| &job.owner);
        let payload = self.payload.as_ref();
        payload.map_or_else(of_row, |payload| Some(&payload.owner))
    }

    pub fn kind(&self) -> Option<&str> {
        let of_row = || self.row.as_ref().map(|job| job.kind.as_str());
        let payload = self.payload.as_ref();
        payload.map_or_else(of_row, |payload| Some(&payload.kind))
    }

    /// When the run failed, or when the message was sent first.
    pub fn failed_at(&self) -> Timestamp {
        let sent = self.messages.first().map(|message| message.sent_at);
        let failed = self.payload.as_ref().map(|payload| payload.failed_at);
        failed.or(sent).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// How the dead letters of a run are resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resolution {
    /// The job starts a new run.
    Replay,
    /// Redrive took the message of a job that still waits: its id is sent to the queue again.
    Send,
    /// The job went on after this run: its letters are stale and deleted.
    Delete,
    /// The job is gone, or its row is older than the letter: a person must look at it.
    Leave,
}

impl Resolution {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Send => "send",
            Self::Delete => "delete",
            Self::Leave => "leave",
        }
    }

    /// The resolution of this run's letters, by the job's row.
    pub fn of(run: Option<u32>, row: Option<&Job>, now: Timestamp) -> Self {
        let Some(job) = row.filter(|job| job.expires_at > now) else {
            return Self::Leave;
        };
        match run {
            Some(run) if run > job.replays => Self::Leave,
            Some(run) if run == job.replays && job.status == Status::Failed => Self::Replay,
            // A job that was replayed already is the sweep's, so that a long backlog is not sent twice.
            None if job.status == Status::Queued => Self::Send,
            _ => Self::Delete,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::job::{JobInput, SubmitOptions};

    const ID: &str = "0190c6f3-0000-7000-8000-000000000001";

    fn payload(tenant: Option<&str>) -> DeadLetterPayload {
        DeadLetterPayload {
            job: JobId::parse(ID).unwrap(),
            run: 2,
            code: "POISON".into(),
            error: "It answered \"no\".".into(),
            attempts: 3,
            kind: "noop".into(),
            owner: Owner {
                user: "alice".into(),
                tenant: tenant.map(Into::into),
            },
            created_at: Timestamp::from_millisecond(1_700_000_000_123).unwrap(),
            failed_at: Timestamp::from_millisecond(1_700_000_100_000).unwrap(),
            retryable: false,
        }
    }

    #[test]
    fn a_payload_is_parsed_back_and_names_the_job_like_the_jobs_queue() {
        for tenant in [None, Some("acme")] {
            let payload = payload(tenant);
            let body = payload.encode();
            assert_eq!(job_message::parse(&body), Some(payload.job));
            let parsed = DeadLetter::parse(&body).unwrap();
            assert_eq!(parsed, DeadLetter::Payload(Box::new(payload)));
        }
    }

    #[test]
    fn an_unknown_body_is_rejected() {
        let redriven = format!(r#"{{"v":1,"job":"{ID}"}}"#);
        let job = JobId::parse(ID).unwrap();
        assert_eq!(
            DeadLetter::parse(&redriven),
            Some(DeadLetter::Redriven(job))
        );
        let newer = payload(None).encode().replace(r#""v":1"#, r#""v":2"#);
        for body in [newer.as_str(), "not a job", "{}"] {
            assert_eq!(DeadLetter::parse(body), None, "{body}");
        }
    }

    #[test]
    fn the_row_decides_the_resolution() {
        let (now, day) = (Timestamp::UNIX_EPOCH, Duration::from_secs(24 * 3600));
        let owner = Owner {
            user: "alice".into(),
            tenant: None,
        };
        let input = JobInput::whole("q".into(), "{}".into());
        let id = JobId::new(now, &[1; 10]);
        let options = SubmitOptions {
            deadline: day,
            retention: day,
        };
        let mut job = Job::submitted(id, owner, "noop".into(), input, now, options);
        job.replays = 1;
        let mut resolution = |status, run| {
            job.status = status;
            Resolution::of(run, Some(&job), now)
        };
        use Resolution::{Delete, Leave, Replay, Send};
        for (status, run, expected) in [
            (Status::Failed, Some(1), Replay),
            (Status::Failed, Some(0), Delete),
            (Status::Failed, Some(2), Leave),
            (Status::Failed, None, Delete),
            (Status::Queued, Some(0), Delete),
            (Status::Queued, None, Send),
            (Status::Processing, Some(0), Delete),
            (Status::Processing, None, Delete),
            (Status::Completed, Some(1), Delete),
            (Status::Cancelled, None, Delete),
        ] {
            assert_eq!(resolution(status, run), expected, "{status:?} {run:?}");
        }
        assert_eq!(Resolution::of(Some(1), None, now), Leave);
        assert_eq!(Resolution::of(Some(1), Some(&job), job.expires_at), Leave);
    }
}
