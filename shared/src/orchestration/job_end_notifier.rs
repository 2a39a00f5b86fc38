//! Announcing a job's end to all who follow it: at its worker's death, by the sweep, at a cancel.
//!
//! The end is in the row already; saying it again changes nothing. The order of a follower's frames is
//! the worker's business, which says the ends of its own jobs itself.

use anyhow::Result;
use jiff::Timestamp;

use crate::aws::clients::AwsClients;
use crate::aws::dynamo::Dynamo;
use crate::domain::event::Event;
use crate::domain::job::Job;
use crate::messaging::dead_letters::DeadLetterQueue;
use crate::messaging::job_queue::JobQueue;
use crate::messaging::push::ConnectionPusher;
use crate::protocol::dialect;
use crate::settings::{Environment, SettingsError};
use crate::store::connections::Connections;
use crate::store::event_log::EventLog;
use crate::store::jobs::Jobs;
use crate::store::sessions::Sessions;
use crate::store::sessions::turn_scheduler::TurnScheduler;

#[derive(Clone)]
pub struct JobEndNotifier {
    pub jobs: Jobs,
    pub events: EventLog,
    pub push: ConnectionPusher,
    /// `None` in a function that announces cancels only, of which no evidence is kept.
    pub dead_letters: Option<DeadLetterQueue>,
    /// What follows a turn's end: the next turn.
    pub turns: TurnScheduler,
}

/// An end that was pushed, and whether everybody has heard it.
pub struct PushedEnd {
    ended: Job,
    heard: bool,
}

impl JobEndNotifier {
    /// With the tables and the endpoint that the configuration names.
    pub fn open(
        config: &Environment,
        sdk: &AwsClients,
        dynamo: &Dynamo,
        dead_letters: Option<DeadLetterQueue>,
    ) -> Result<Self, SettingsError> {
        let connections = Connections::open(config, dynamo)?;
        let (jobs, events) = (
            Jobs::open(config, dynamo)?,
            EventLog::open(config, sdk, dynamo)?,
        );
        Ok(Self {
            turns: TurnScheduler {
                sessions: Sessions::open(config, dynamo)?,
                jobs: jobs.clone(),
                events: events.clone(),
                dispatch: JobQueue::open(config, sdk, "JOBS_QUEUE_URL")?,
            },
            jobs,
            events,
            push: ConnectionPusher::open(config, sdk, connections)?,
            dead_letters,
        })
    }

    /// Pushes the end of an ended job, and sends the evidence of one that failed for good; once
    /// everybody has heard it, or has had long enough to, the job leaves the index of open ones.
    pub async fn notify(&self, job: Job, now: Timestamp) -> Result<()> {
        match self.push_end(job).await? {
            Some(told) => self.close(told, now).await,
            None => Ok(()),
        }
    }

    /// The first half: pushes the end, if the job has ended.
    pub async fn push_end(&self, job: Job) -> Result<Option<PushedEnd>> {
        let ended = self.events.with_result(job).await?;
        let Some(end) = Event::ended(&ended) else {
            return Ok(None);
        };
        let heard = self
            .push
            .send_all(dialect::outbound_frames(&ended, &end))
            .await;
        Ok(Some(PushedEnd { ended, heard }))
    }

    /// The second half: what follows from the end.
    pub async fn close(&self, told: PushedEnd, now: Timestamp) -> Result<()> {
        let PushedEnd { ended, heard } = told;
        let settled = self.finish_duties(&ended).await;
        if settled && (heard || ended.announce_timed_out(now)) {
            self.jobs.commit(ended.id, &ended.close_in_index()).await?;
        }
        Ok(())
    }

    /// What an ended job leaves behind: the evidence, if it is one to keep, and in a session the next turn.
    /// After `false` the job must stay open, so that the sweep does it.
    pub async fn finish_duties(&self, job: &Job) -> bool {
        let settled = self.turns.finish_turn(job).await;
        if let Err(error) = &settled {
            tracing::warn!(job = %job.id, error = format!("{error:#}"), "the next turn waits for the sweep");
        }
        self.record_dead_letter(job).await && settled.is_ok()
    }

    async fn record_dead_letter(&self, job: &Job) -> bool {
        match &self.dead_letters {
            Some(dead_letters) => dead_letters.record(job).await,
            None => !job.is_dead_letter(),
        }
    }
}
