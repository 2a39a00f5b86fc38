//! Announcing a job's end to all who follow it: at its worker's death, by the sweep, at a cancel.
//!
//! The end is in the row already; saying it again changes nothing. The order of a follower's frames is
//! the worker's business, which says the ends of its own jobs itself.

use anyhow::Result;
use aws_config::SdkConfig;
use jiff::Timestamp;

use crate::config::{Config, ConfigError};
use crate::connections::Connections;
use crate::dead_letters::DeadLetters;
use crate::event::Event;
use crate::events::Events;
use crate::job::Job;
use crate::jobs::Jobs;
use crate::protocol;
use crate::push::Push;

#[derive(Clone)]
pub struct Announcer {
    pub jobs: Jobs,
    pub events: Events,
    pub push: Push,
    /// `None` in a function that announces cancels only, of which no evidence is kept.
    pub dead_letters: Option<DeadLetters>,
}

impl Announcer {
    /// With the tables and the endpoint that the configuration names.
    pub fn open(
        config: &Config,
        sdk: &SdkConfig,
        dynamo: &aws_sdk_dynamodb::Client,
        dead_letters: Option<DeadLetters>,
    ) -> Result<Self, ConfigError> {
        let connections = Connections::open(config, dynamo)?;
        Ok(Self {
            jobs: Jobs::open(config, dynamo)?,
            events: Events::open(config, sdk, dynamo)?,
            push: Push::open(config, sdk, connections)?,
            dead_letters,
        })
    }

    /// Pushes the end of an ended job, and sends the evidence of one that failed for good; once
    /// everybody has heard it, or has had long enough to, the job leaves the index of open ones.
    pub async fn announce(&self, job: Job, now: Timestamp) -> Result<()> {
        let ended = self.events.whole(job).await?;
        let Some(end) = Event::ended(&ended) else {
            return Ok(());
        };
        let heard = self
            .push
            .post_all(&ended.followers, &protocol::event(&end))
            .await;
        let kept = self.keep(&ended).await;
        if kept && (heard || ended.announced_in_vain(now)) {
            self.jobs.commit(ended.id, &ended.close()).await?;
        }
        Ok(())
    }

    /// Sends the evidence of an ended job, if it is one to keep. After `false` the job must stay open,
    /// so that the sweep does it.
    pub async fn keep(&self, job: &Job) -> bool {
        match &self.dead_letters {
            Some(dead_letters) => dead_letters.keep(job).await,
            None => !job.is_dead_letter(),
        }
    }
}
