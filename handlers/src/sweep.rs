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
use longhaul_shared::aws::clients::AwsClients;
use longhaul_shared::aws::dynamo::Dynamo;
use longhaul_shared::clock;
use longhaul_shared::domain::job::{self, Job, OPEN_SHARDS, Repair, Status};
use longhaul_shared::messaging::dead_letter_queue::DeadLetterQueue;
use longhaul_shared::messaging::job_queue::JobQueue;
use longhaul_shared::orchestration::job_end_notifier::JobEndNotifier;
use longhaul_shared::settings::Environment;
use longhaul_shared::store::connections::Connections;
use longhaul_shared::store::jobs::{CommitOutcome, Jobs};
use longhaul_shared::telemetry::{self, TRACE_ONLY};
use metrics::gauge;
use serde_json::Value;
use tokio::task::JoinSet;
use tracing::Instrument;

use crate::unauthenticated_reaper::UnauthenticatedReaper;

struct Sweep {
    jobs: Jobs,
    dispatch: JobQueue,
    announcer: JobEndNotifier,
    retention: Duration,
    /// No younger job can need mending.
    patience: Duration,
}

pub async fn serve(config: &Environment) -> Result<(), Error> {
    let sdk = AwsClients::open().await;
    let dynamo = Dynamo::open(&sdk).await?;
    let dead_letters = DeadLetterQueue::open(config, &sdk)?;
    let announcer = JobEndNotifier::open(config, &sdk, &dynamo, Some(dead_letters))?;
    let connections = Connections::open(config, &dynamo)?;
    let strangers = &UnauthenticatedReaper::open(config, &connections, &announcer.pusher)?;
    let sweep = &Arc::new(Sweep {
        jobs: announcer.jobs.clone(),
        dispatch: announcer.turns.job_queue.clone(),
        announcer,
        retention: config.days("JOB_RETENTION_DAYS")?,
        patience: job::resend_after(config.seconds("LEASE_SECONDS")?),
    });
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        telemetry::observed(&event.context.request_id, sweep.clone().all(strangers)).await;
        Ok::<_, Error>(())
    }))
    .await
}

/// What a sweep saw of jobs that are open for longer than a healthy one is left alone.
#[derive(Default)]
struct Seen {
    jobs: u32,
    /// Of workers that died, and that no queue's message has woken yet.
    lapsed: u32,
    /// For how long nothing was said of the one that waits longest for a worker.
    longest_wait: Duration,
}

impl Sweep {
    async fn all(self: Arc<Self>, strangers: &UnauthenticatedReaper) {
        // The shards at once, so that a long one does not keep the others from being swept.
        let mut shards = JoinSet::new();
        for shard in 0..OPEN_SHARDS {
            shards.spawn(self.clone().shard(shard, clock::now()).in_current_span());
        }
        strangers.see_out(clock::now()).await;
        let mut all = Seen::default();
        for swept in shards.join_all().await {
            match swept {
                Ok(seen) => all.add(&seen),
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::error!(error, "the sweep of a shard broke off");
                }
            }
        }
        gauge!("OpenJobs").set(all.jobs);
        gauge!("LapsedLeases").set(all.lapsed);
        gauge!("LongestWait").set(all.longest_wait.as_secs_f64());
    }

    async fn shard(self: Arc<Self>, shard: u8, now: Timestamp) -> Result<Seen> {
        let mut seen = Seen::default();
        let mut start = None;
        loop {
            let before = now - self.patience;
            let (jobs, next) = self.jobs.open_in_shard(shard, before, start).await?;
            for job in jobs {
                seen.see(&job, now);
                let span = tracing::info_span!(target: TRACE_ONLY, "mend", job = %job.id);
                if let Some(parent) = &job.traceparent {
                    telemetry::parent(&span, parent);
                }
                if let Err(error) = self.mend(&job, now).instrument(span).await {
                    tracing::warn!(job = %job.id, error = format!("{error:#}"), "a job waits for the next sweep");
                }
            }
            start = next;
            if start.is_none() {
                return Ok(seen);
            }
        }
    }

    async fn mend(&self, job: &Job, now: Timestamp) -> Result<()> {
        match job.repair(self.patience, now) {
            None => Ok(()),
            Some(Repair::Resend(change)) => match self.jobs.commit(job.id, &change).await? {
                CommitOutcome::Applied(_) => {
                    tracing::info!(job = %job.id, resends = job.resends + 1, "a job is sent to the queue again");
                    self.dispatch.send(job).await
                }
                CommitOutcome::Refused(_) => Ok(()),
            },
            Some(Repair::Expire) => {
                let expire = job.expire(now, self.retention);
                if let CommitOutcome::Applied(job) = self.jobs.commit(job.id, &expire).await? {
                    tracing::info!(job = %job.id, "a job passed its deadline");
                    self.announcer.notify(*job, now).await?;
                }
                Ok(())
            }
            Some(Repair::ReleaseTurn) => self.announcer.turns.release_turn(job).await,
            Some(Repair::Announce) => {
                tracing::info!(job = %job.id, "an end is announced again");
                self.announcer.notify(job.clone(), now).await
            }
        }
    }
}

impl Seen {
    fn see(&mut self, job: &Job, now: Timestamp) {
        if job.status.is_terminal() {
            return;
        }
        self.jobs += 1;
        self.lapsed += u32::from(job.lease_until.is_some_and(|until| until <= now));
        if job.status == Status::Queued {
            let wait = now.duration_since(job.updated_at);
            let wait = Duration::try_from(wait).unwrap_or_default();
            self.longest_wait = self.longest_wait.max(wait);
        }
    }

    fn add(&mut self, other: &Self) {
        self.jobs += other.jobs;
        self.lapsed += other.lapsed;
        self.longest_wait = self.longest_wait.max(other.longest_wait);
    }
}
