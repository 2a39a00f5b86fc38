//! The sweep, once a minute: does again what a crash left undone.
//!
//! The same steps that submit and the worker take, without their input: what was written but never
//! queued is sent, whose lease lapsed is sent, an end that was not confirmed is pushed again, and what
//! has passed its deadline ends.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use longhaul_shared::announce::Announcer;
use longhaul_shared::config::Config;
use longhaul_shared::connections::Connections;
use longhaul_shared::dead_letters::DeadLetters;
use longhaul_shared::dispatch::Dispatch;
use longhaul_shared::job::{self, Job, OPEN_SHARDS, Repair};
use longhaul_shared::jobs::{Commit, Jobs};
use longhaul_shared::{sdk, time};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::strangers::Strangers;

struct Sweep {
    jobs: Jobs,
    dispatch: Dispatch,
    announcer: Announcer,
    retention: Duration,
    /// No younger job can need mending.
    patience: Duration,
}

pub async fn serve(config: &Config) -> Result<(), Error> {
    let sdk = sdk::config().await;
    let dynamo = aws_sdk_dynamodb::Client::new(&sdk);
    let dead_letters = DeadLetters::open(config, &sdk)?;
    let announcer = Announcer::open(config, &sdk, &dynamo, Some(dead_letters))?;
    let connections = Connections::open(config, &dynamo)?;
    let strangers = &Strangers::open(config, &connections, &announcer.push)?;
    let sweep = &Arc::new(Sweep {
        jobs: announcer.jobs.clone(),
        dispatch: Dispatch::open(config, &sdk, "JOBS_QUEUE_URL")?,
        announcer,
        retention: config.days("JOB_RETENTION_DAYS")?,
        patience: job::patience(config.seconds("LEASE_SECONDS")?),
    });
    lambda_runtime::run(service_fn(move |_: LambdaEvent<Value>| async move {
        // The shards at once, so that a long one does not keep the others from being swept.
        let mut shards = JoinSet::new();
        for shard in 0..OPEN_SHARDS {
            shards.spawn(sweep.clone().shard(shard, time::now()));
        }
        strangers.see_out(time::now()).await;
        for swept in shards.join_all().await {
            if let Err(error) = swept {
                tracing::error!(
                    error = format!("{error:#}"),
                    "the sweep of a shard broke off"
                );
            }
        }
        Ok::<_, Error>(())
    }))
    .await
}

impl Sweep {
    async fn shard(self: Arc<Self>, shard: u8, now: Timestamp) -> Result<()> {
        let mut start = None;
        loop {
            let before = now - self.patience;
            let (jobs, next) = self.jobs.still_open(shard, before, start).await?;
            for job in jobs {
                if let Err(error) = self.mend(&job, now).await {
                    tracing::warn!(job = %job.id, error = format!("{error:#}"), "a job waits for the next sweep");
                }
            }
            start = next;
            if start.is_none() {
                return Ok(());
            }
        }
    }

    async fn mend(&self, job: &Job, now: Timestamp) -> Result<()> {
        match job.repair(self.patience, now) {
            None => Ok(()),
            Some(Repair::Resend(change)) => match self.jobs.commit(job.id, &change).await? {
                Commit::Applied(_) => {
                    tracing::info!(job = %job.id, resends = job.resends + 1, "a job is sent to the queue again");
                    self.dispatch.send(job.id, &job.owner).await
                }
                Commit::Refused(_) => Ok(()),
            },
            Some(Repair::Expire) => {
                let expire = job.expire(now, self.retention);
                if let Commit::Applied(job) = self.jobs.commit(job.id, &expire).await? {
                    tracing::info!(job = %job.id, "a job passed its deadline");
                    self.announcer.announce(*job, now).await?;
                }
                Ok(())
            }
            Some(Repair::Announce) => {
                tracing::info!(job = %job.id, "an end is announced again");
                self.announcer.announce(job.clone(), now).await
            }
        }
    }
}
