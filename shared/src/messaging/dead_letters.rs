//! The dead-letter queue: what is kept of a job that failed for good, for whoever is on call.
//!
//! The evidence is a superset of the jobs queue's own message, so a reader that knows only that one
//! still finds the id; of the query it says nothing. It is sent at least once for each run of a job:
//! readers collapse what comes twice. What is done about a letter is not decided here.

mod failed_run;
mod queue;

use anyhow::{Context, Result};
use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::ids::{JobId, Owner};
use crate::domain::job::{Job, Outcome};
use crate::messaging::job_queue;
use crate::settings::{Environment, SettingsError};

pub use failed_run::{FailedRun, FailedRuns, Resolution};
pub use queue::{Message, QueueContents, QueueReader};

/// The version that this code writes and reads; the jobs queue's own.
const VERSION: u8 = 1;

/// Why a run of a job failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterPayload {
    pub job: JobId,
    /// The job's `replays` at its failure: 0 for its first run.
    pub run: u32,
    pub code: String,
    /// The sentence that its followers were told.
    pub error: String,
    /// How often it was tried in this run.
    pub attempts: u32,
    pub kind: String,
    pub owner: Owner,
    pub created_at: Timestamp,
    pub failed_at: Timestamp,
    /// Whether its followers were told that asking again may help.
    pub retryable: bool,
}

/// What a message on the dead-letter queue says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadLetter {
    DeadLetterPayload(Box<DeadLetterPayload>),
    /// A message of the jobs queue that its redrive policy moved: received too often, and perhaps
    /// never claimed.
    Redriven(JobId),
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
    /// Of a job that failed for good; `None` of any other.
    pub fn of(job: &Job) -> Option<Self> {
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

    /// A message's body.
    pub fn body(&self) -> String {
        let spelled = PayloadJson {
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
        serde_json::to_string(&spelled).expect("evidence has string keys and no failing types")
    }

    fn read(body: &str) -> Option<Self> {
        let spelled: PayloadJson = serde_json::from_str(body).ok()?;
        let job = JobId::parse(&spelled.job).filter(|_| spelled.v == VERSION)?;
        Some(Self {
            job,
            run: spelled.run,
            code: spelled.code,
            error: spelled.error,
            attempts: spelled.attempts,
            kind: spelled.kind,
            owner: Owner {
                user: spelled.user_id,
                tenant: spelled.tenant_id,
            },
            created_at: spelled.created_at,
            failed_at: spelled.failed_at,
            retryable: spelled.retryable,
        })
    }
}

impl DeadLetter {
    /// What the body of a message says; `None` if this version can't read it.
    pub fn read(body: &str) -> Option<Self> {
        let evidence = DeadLetterPayload::read(body)
            .map(|evidence| Self::DeadLetterPayload(Box::new(evidence)));
        evidence.or_else(|| job_queue::parse_message(body).map(Self::Redriven))
    }

    pub fn job(&self) -> JobId {
        match self {
            Self::DeadLetterPayload(evidence) => evidence.job,
            Self::Redriven(job) => *job,
        }
    }
}

/// Where evidence is sent.
#[derive(Clone)]
pub struct DeadLetterQueue {
    sqs: Client,
    queue_url: String,
}

impl DeadLetterQueue {
    /// The queue that `JOBS_DEAD_LETTER_QUEUE_URL` names.
    pub fn open(config: &Environment, sdk: &SdkConfig) -> Result<Self, SettingsError> {
        let queue_url = config.required("JOBS_DEAD_LETTER_QUEUE_URL")?.to_owned();
        Ok(Self {
            sqs: Client::new(sdk),
            queue_url,
        })
    }

    /// Sends the evidence of an ended job, if it is one to keep. Whether nothing is left to do: after
    /// `false` the job must stay open, so that the sweep tries again.
    pub async fn record(&self, job: &Job) -> bool {
        let Some(evidence) = DeadLetterPayload::of(job) else {
            return true;
        };
        match self.send(&evidence).await {
            Ok(()) => {
                tracing::info!(job = %job.id, run = evidence.run, code = evidence.code, "evidence is on the dead-letter queue");
                true
            }
            Err(error) => {
                tracing::warn!(job = %job.id, error = format!("{error:#}"), "evidence waits for the next sweep");
                false
            }
        }
    }

    async fn send(&self, evidence: &DeadLetterPayload) -> Result<()> {
        let send = self
            .sqs
            .send_message()
            .queue_url(&self.queue_url)
            .message_body(evidence.body());
        send.send().await.context("sending evidence")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0190c6f3-0000-7000-8000-000000000001";

    fn evidence(tenant: Option<&str>) -> DeadLetterPayload {
        DeadLetterPayload {
            job: JobId::parse(ID).unwrap(),
            run: 2,
            code: "POISON".into(),
            error: "It said \"no\".".into(),
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
    fn evidence_is_read_back_and_still_names_the_job_to_the_jobs_queue() {
        for tenant in [None, Some("acme")] {
            let evidence = evidence(tenant);
            let body = evidence.body();
            assert_eq!(job_queue::parse_message(&body), Some(evidence.job));
            let read = DeadLetter::read(&body).unwrap();
            assert_eq!(read, DeadLetter::DeadLetterPayload(Box::new(evidence)));
        }
    }

    #[test]
    fn what_it_cannot_read_it_does_not_guess() {
        let redriven = format!(r#"{{"v":1,"job":"{ID}"}}"#);
        let job = JobId::parse(ID).unwrap();
        assert_eq!(DeadLetter::read(&redriven), Some(DeadLetter::Redriven(job)));
        let newer = evidence(None).body().replace(r#""v":1"#, r#""v":2"#);
        for body in [newer.as_str(), "not a job", "{}"] {
            assert_eq!(DeadLetter::read(body), None, "{body}");
        }
    }
}
