//! `sweep`, once a minute: repeats what a crash left undone.
//!
//! It takes the steps of submit and of the worker from the rows alone: a job that was never queued, or whose
//! lease lapsed, is queued; an end that was not pushed to all is pushed again; a job past its deadline ends.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use longhaul_shared::aws::clients::AwsClients;
use longhaul_shared::aws::dynamo::Dynamo;
use longhaul_shared::clock::Clock;
use longhaul_shared::domain::job::{self, Job, OPEN_SHARDS, Repair, Status};
use longhaul_shared::messaging::dead_letter_queue::DeadLetterQueue;
use longhaul_shared::messaging::job_queue::JobQueue;
use longhaul_shared::orchestration::job_backend::JobBackend;
use longhaul_shared::orchestration::job_end_notifier::JobEndNotifier;
use longhaul_shared::settings::{Environment, Settings};
use longhaul_shared::store::jobs::{CommitOutcome, Jobs};
use longhaul_shared::store::subscriptions::Subscriptions;
use longhaul_shared::telemetry::{self, TRACE_ONLY};
use metrics::gauge;
use serde_json::Value;
use tokio::task::JoinSet;
use tracing::Instrument;

use crate::connection_end::ConnectionEnder;
use crate::connection_reaper::ConnectionReaper;
use crate::settings::SweepSettings;

struct Sweep {
    jobs: Jobs,
    job_queue: JobQueue,
    job_end_notifier: JobEndNotifier,
    reaper: ConnectionReaper,
    /// How long a job is stored after its end.
    retention: Duration,
    /// A job whose row was written more recently needs no repair.
    resend_after: Duration,
    clock: Clock,
}

pub async fn serve(environment: &Environment) -> Result<(), Error> {
    let settings = SweepSettings::read(environment)?;
    let clients = AwsClients::open().await;
    let dynamo = Dynamo::open(&clients).await?;
    let dead_letters = DeadLetterQueue::new(&clients, settings.dead_letters_queue_url);
    let backend = JobBackend::new(settings.backend, &clients, &dynamo);
    let sweep = &Arc::new(Sweep {
        job_end_notifier: backend.job_end_notifier(Some(dead_letters)),
        reaper: ConnectionReaper {
            ender: ConnectionEnder {
                connections: backend.connections,
                sessions: backend.sessions,
                subscriptions: Subscriptions::new(
                    &Client::new(&clients),
                    settings.subscriptions_table,
                ),
            },
            pusher: backend.pusher,
            authentication_timeout: settings.authentication_timeout,
        },
        jobs: backend.jobs,
        job_queue: backend.job_queue,
        retention: settings.retention,
        resend_after: job::resend_after(settings.lease),
        clock: Clock::system(),
    });
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        telemetry::observed(&event.context.request_id, sweep.clone().run()).await;
        Ok::<_, Error>(())
    }))
    .await
}

/// What a sweep found among the jobs that may need repair.
#[derive(Default)]
struct Findings {
    open_jobs: u32,
    /// Jobs whose workers died and that no message of the queue has woken yet.
    lapsed_leases: u32,
    /// The longest time for which a queued job has had no event.
    longest_wait: Duration,
}

impl Sweep {
    async fn run(self: Arc<Self>) {
        tokio::join!(self.clone().sweep_jobs(), self.sweep_connections());
    }

    /// Sweeps all shards at once, so that a long one does not delay the others.
    async fn sweep_jobs(self: Arc<Self>) {
        let mut shards = JoinSet::new();
        for shard in 0..OPEN_SHARDS {
            let swept = self.clone().sweep_shard(shard, self.clock.now());
            shards.spawn(swept.in_current_span());
        }
        let mut all = Findings::default();
        for swept in shards.join_all().await {
            match swept {
                Ok(findings) => all.add(&findings),
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::error!(error, "sweeping a shard of the open jobs failed");
                }
            }
        }
        gauge!("OpenJobs").set(all.open_jobs);
        gauge!("LapsedLeases").set(all.lapsed_leases);
        gauge!("LongestWait").set(all.longest_wait.as_secs_f64());
    }

    async fn sweep_connections(&self) {
        self.reaper.close_overdue(self.clock.now()).await;
        match self
            .reaper
            .ender
            .connections
            .count_open(self.clock.now())
            .await
        {
            Ok(count) => gauge!("OpenConnections").set(count as f64),
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(error, "counting open connections failed");
            }
        }
    }

    async fn sweep_shard(self: Arc<Self>, shard: u8, now: Timestamp) -> Result<Findings> {
        let mut findings = Findings::default();
        let mut start = None;
        loop {
            let before = now - self.resend_after;
            let (jobs, next) = self.jobs.open_in_shard(shard, before, start).await?;
            for job in jobs {
                findings.count(&job, now);
                let span = tracing::info_span!(target: TRACE_ONLY, "repair", job = %job.id);
                if let Some(parent) = &job.traceparent {
                    telemetry::parent(&span, parent);
                }
                if let Err(error) = self.repair(&job, now).instrument(span).await {
                    tracing::warn!(job = %job.id, error = format!("{error:#}"), "repairing a job failed; the next sweep will repeat it");
                }
            }
            start = next;
            if start.is_none() {
                return Ok(findings);
            }
        }
    }

    async fn repair(&self, job: &Job, now: Timestamp) -> Result<()> {
        match job.repair(self.resend_after, now) {
            None => Ok(()),
            Some(Repair::Resend(change)) => match self.jobs.commit(job.id, &change).await? {
                CommitOutcome::Applied(_) => {
                    tracing::info!(job = %job.id, resends = job.resends + 1, "a job is queued again");
                    self.job_queue.send(job).await
                }
                CommitOutcome::Refused(_) => Ok(()),
            },
            Some(Repair::Expire) => {
                let expire = job.expire(now, self.retention);
                if let CommitOutcome::Applied(job) = self.jobs.commit(job.id, &expire).await? {
                    tracing::info!(job = %job.id, "a job passed its deadline");
                    self.job_end_notifier.notify(*job, now).await?;
                }
                Ok(())
            }
            Some(Repair::ReleaseTurn) => self.job_end_notifier.turns.release_turn(job).await,
            Some(Repair::Announce) => {
                tracing::info!(job = %job.id, "an end is pushed again");
                self.job_end_notifier.notify(job.clone(), now).await
            }
        }
    }
}

impl Findings {
    fn count(&mut self, job: &Job, now: Timestamp) {
        if job.status.is_terminal() {
            return;
        }
        self.open_jobs += 1;
        self.lapsed_leases += u32::from(job.lease_until.is_some_and(|until| until <= now));
        if job.status == Status::Queued {
            let wait = now.duration_since(job.updated_at);
            let wait = Duration::try_from(wait).unwrap_or_default();
            self.longest_wait = self.longest_wait.max(wait);
        }
    }

    fn add(&mut self, other: &Self) {
        self.open_jobs += other.open_jobs;
        self.lapsed_leases += other.lapsed_leases;
        self.longest_wait = self.longest_wait.max(other.longest_wait);
    }
}
