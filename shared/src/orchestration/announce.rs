//! Announcing a job's end to all who follow it: at its worker's death, by the sweep, at a cancel.
//!
//! The end is in the row already; saying it again changes nothing. The order of a follower's frames is
//! the worker's business, which says the ends of its own jobs itself.

use anyhow::Result;
use jiff::Timestamp;

use crate::config::{Config, ConfigError};
use crate::store::connections::Connections;
use crate::messaging::dead_letters::DeadLetters;
use crate::protocol::dialect;
use crate::messaging::dispatch::Dispatch;
use crate::aws::dynamo::Dynamo;
use crate::domain::event::Event;
use crate::store::events::Events;
use crate::domain::job::Job;
use crate::store::jobs::Jobs;
use crate::messaging::push::Push;
use crate::aws::sdk::Sdk;
use crate::store::sessions::Sessions;
use crate::store::sessions::order::Order;

#[derive(Clone)]
pub struct Announcer {
    pub jobs: Jobs,
    pub events: Events,
    pub push: Push,
    /// `None` in a function that announces cancels only, of which no evidence is kept.
    pub dead_letters: Option<DeadLetters>,
    /// What follows a turn's end: the next turn.
    pub order: Order,
}

/// An end that was pushed, and whether everybody has heard it.
pub struct EndTold {
    ended: Job,
    heard: bool,
}

impl Announcer {
    /// With the tables and the endpoint that the configuration names.
    pub fn open(
        config: &Config,
        sdk: &Sdk,
        dynamo: &Dynamo,
        dead_letters: Option<DeadLetters>,
    ) -> Result<Self, ConfigError> {
        let connections = Connections::open(config, dynamo)?;
        let (jobs, events) = (
            Jobs::open(config, dynamo)?,
            Events::open(config, sdk, dynamo)?,
        );
        Ok(Self {
            order: Order {
                sessions: Sessions::open(config, dynamo)?,
                jobs: jobs.clone(),
                events: events.clone(),
                dispatch: Dispatch::open(config, sdk, "JOBS_QUEUE_URL")?,
            },
            jobs,
            events,
            push: Push::open(config, sdk, connections)?,
            dead_letters,
        })
    }

    /// Pushes the end of an ended job, and sends the evidence of one that failed for good; once
    /// everybody has heard it, or has had long enough to, the job leaves the index of open ones.
    pub async fn announce(&self, job: Job, now: Timestamp) -> Result<()> {
        match self.tell(job).await? {
            Some(told) => self.close(told, now).await,
            None => Ok(()),
        }
    }

    /// The first half: pushes the end, if the job has ended.
    pub async fn tell(&self, job: Job) -> Result<Option<EndTold>> {
        let ended = self.events.whole(job).await?;
        let Some(end) = Event::ended(&ended) else {
            return Ok(None);
        };
        let heard = self.push.tell(dialect::told(&ended, &end)).await;
        Ok(Some(EndTold { ended, heard }))
    }

    /// The second half: what follows from the end.
    pub async fn close(&self, told: EndTold, now: Timestamp) -> Result<()> {
        let EndTold { ended, heard } = told;
        let settled = self.settle(&ended).await;
        if settled && (heard || ended.announced_in_vain(now)) {
            self.jobs.commit(ended.id, &ended.close()).await?;
        }
        Ok(())
    }

    /// What an ended job leaves behind: the evidence, if it is one to keep, and in a session the next turn.
    /// After `false` the job must stay open, so that the sweep does it.
    pub async fn settle(&self, job: &Job) -> bool {
        let settled = self.order.settle(job).await;
        if let Err(error) = &settled {
            tracing::warn!(job = %job.id, error = format!("{error:#}"), "the next turn waits for the sweep");
        }
        self.keep(job).await && settled.is_ok()
    }

    async fn keep(&self, job: &Job) -> bool {
        match &self.dead_letters {
            Some(dead_letters) => dead_letters.keep(job).await,
            None => !job.is_dead_letter(),
        }
    }
}
