//! One attempt at one job: claimed, run, told of, and ended, all under one lease.
//!
//! Whatever is said was written under the lease's fence first; a refused write means that another
//! worker has taken the job, and this one stops without a word.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use longhaul_shared::event::Event;
use longhaul_shared::events::Events;
use longhaul_shared::ids::JobId;
use longhaul_shared::job::{Availability, Change, Job, JobError, JobResult, Lease, Outcome};
use longhaul_shared::jobs::{Commit, Jobs};
use longhaul_shared::push::Push;
use longhaul_shared::{limits, protocol, time};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};
use uuid::Uuid;

use crate::analysis::{Analysis, Context, Failure};
use crate::backoff::backoff;
use crate::batch::Fate;
use crate::reports::{Progress, Reports};
use crate::voice::Voice;

/// Left of an invocation for ending it in order: a write, its pushes and the batch's response.
const MARGIN: Duration = Duration::from_secs(10);
/// What the last pushes may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// What attempts work with.
pub struct Attempts {
    pub jobs: Jobs,
    pub events: Events,
    pub push: Push,
    pub analyses: HashMap<&'static str, Arc<dyn Analysis>>,
    pub runtime: Handle,
    pub lease: Duration,
    pub most_attempts: u32,
    pub retention: Duration,
}

/// An attempt under way.
struct Attempt<'a> {
    with: &'a Attempts,
    lease: Lease,
    voice: Voice,
}

/// Another worker has taken the job.
struct Superseded;

type Work = JoinHandle<Result<Value, Failure>>;

impl Attempts {
    /// Runs the job if it is free. `hide` sets the visibility timeout of the message that named it.
    pub async fn run(
        &self,
        id: JobId,
        deadline: Timestamp,
        hide: impl AsyncFn(Duration),
    ) -> Result<Fate> {
        let now = time::now();
        let job = match self.jobs.commit(id, &Job::claim(now, self.lease)).await? {
            Commit::Applied(job) => *job,
            Commit::Refused(None) => return Ok(Fate::Done),
            Commit::Refused(Some(job)) => {
                return Ok(match job.availability(now) {
                    Availability::Finished => Fate::Done,
                    Availability::Free => Fate::Later(Duration::ZERO),
                    Availability::Leased(until) => Fate::Later(Duration::from_millis(
                        (until.as_millisecond() - now.as_millisecond()).unsigned_abs(),
                    )),
                });
            }
        };
        hide(self.lease).await;
        tracing::info!(job = %id, kind = job.kind, attempt = job.attempt, fence = job.fence, "claimed");
        let mut attempt = Attempt {
            with: self,
            voice: Voice::new(self.push.clone()),
            lease: Lease::taken(job),
        };
        attempt.say(Event::latest(attempt.lease.job()));

        let ended = match attempt.work(deadline, hide).await? {
            Ok(ended) => ended,
            Err(Superseded) => return Ok(Fate::Left),
        };
        attempt.end(ended).await
    }
}

impl Attempt<'_> {
    /// Runs the analysis to its end, or until there is no time or no lease left for it.
    async fn work(
        &mut self,
        deadline: Timestamp,
        hide: impl AsyncFn(Duration),
    ) -> Result<Result<Result<Value, Failure>, Superseded>> {
        let job = self.lease.job();
        if job.attempt > self.with.most_attempts {
            let message = "The job ended its worker too often.".to_owned();
            return Ok(Ok(Err(Failure::Reject {
                code: "POISON",
                message,
            })));
        }
        let Some(analysis) = self.with.analyses.get(job.kind.as_str()).cloned() else {
            let message = format!("This worker has no analysis of kind '{}'.", job.kind);
            return Ok(Ok(Err(Failure::Reject {
                code: "UNKNOWN_KIND",
                message,
            })));
        };
        let input = self.with.events.input(job).await?;
        let params = serde_json::from_str(&input.params)?;
        let (context, reports) = Context::new(input.query, params, job.attempt);
        let mut work = self
            .with
            .runtime
            .spawn(async move { analysis.run(&context).await });
        let ended = self.attend(&mut work, &reports, deadline, hide).await;
        work.abort();
        Ok(ended)
    }

    /// Tells of the work's progress and keeps the lease while it lasts.
    async fn attend(
        &mut self,
        work: &mut Work,
        reports: &Reports,
        deadline: Timestamp,
        hide: impl AsyncFn(Duration),
    ) -> Result<Result<Value, Failure>, Superseded> {
        let beat = self.with.lease / 3;
        let mut heartbeat = interval_at(Instant::now() + beat, beat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut second = interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let left =
            u64::try_from(deadline.as_millisecond() - time::now().as_millisecond()).unwrap_or(0);
        let out_of_time = tokio::time::sleep(Duration::from_millis(left).saturating_sub(MARGIN));
        tokio::pin!(out_of_time);
        loop {
            tokio::select! {
                biased;
                step = reports.step() => self.report(step).await?,
                done = &mut *work => {
                    while let Some(last) = reports.take() {
                        self.report(last).await?;
                    }
                    return Ok(done.unwrap_or_else(crashed));
                }
                _ = second.tick() => if let Some(latest) = reports.take() {
                    self.report(latest).await?;
                },
                _ = heartbeat.tick() => {
                    self.commit(self.lease.renew(time::now(), self.with.lease)).await?;
                    hide(self.with.lease).await;
                }
                () = &mut out_of_time => {
                    let message = "The job ran out of time.".to_owned();
                    return Ok(Err(Failure::Retry { code: "TIMEOUT", message }));
                }
            }
        }
    }

    async fn report(&mut self, progress: Progress) -> Result<(), Superseded> {
        let message = limits::prefix(&progress.message, limits::MESSAGE_BYTES).to_owned();
        let change = self
            .lease
            .report(progress.percent, message, time::now(), self.with.lease);
        if self.commit(change).await? {
            self.say(Event::latest(self.lease.job()));
        }
        Ok(())
    }

    /// Writes a change under the lease. A write that fails for another reason than the lease loses
    /// a report and not the job: the next one, or the end, says more.
    async fn commit(&mut self, change: Change) -> Result<bool, Superseded> {
        match self.with.jobs.commit(self.lease.job().id, &change).await {
            Ok(Commit::Applied(job)) => {
                self.lease = Lease::taken(*job);
                Ok(true)
            }
            Ok(Commit::Refused(_)) => {
                tracing::info!(job = %self.lease.job().id, fence = self.lease.job().fence, "superseded");
                Err(Superseded)
            }
            Err(error) => {
                tracing::warn!(job = %self.lease.job().id, error = format!("{error:#}"), "a report was not written");
                Ok(false)
            }
        }
    }

    fn say(&mut self, event: Event) {
        self.voice
            .say(&self.lease.job().followers, protocol::event(&event));
    }

    /// One conditional write, then one push; then the job leaves the index of open ones.
    async fn end(mut self, ended: Result<Value, Failure>) -> Result<Fate> {
        let (id, fence, attempt) = (
            self.lease.job().id,
            self.lease.job().fence,
            self.lease.job().attempt,
        );
        let outcome = match self.outcome(ended).await? {
            Ok(outcome) => outcome,
            Err(wait) => {
                let back = self.lease.retry(time::now() + wait);
                self.with.jobs.commit(id, &back).await?;
                self.voice.finish(FAREWELL).await;
                tracing::info!(job = %id, attempt, fence, wait = wait.as_secs(), "to be tried again");
                return Ok(Fate::Later(wait));
            }
        };
        let in_row = self.in_row(&outcome).await?;
        let Commit::Applied(mut job) = self
            .with
            .jobs
            .commit(
                id,
                &self.lease.finish(in_row, time::now(), self.with.retention),
            )
            .await?
        else {
            tracing::info!(job = %id, fence, "superseded at the end");
            return Ok(Fate::Left);
        };
        tracing::info!(job = %id, attempt, fence, status = job.status.as_str(), "ended");
        job.outcome = Some(outcome);
        self.voice
            .say(&job.followers, protocol::event(&Event::latest(&job)));
        if self.voice.finish(FAREWELL).await {
            self.with.jobs.commit(id, &job.close()).await?;
        }
        Ok(Fate::Done)
    }

    /// How the job ends, or how long it waits for another attempt.
    async fn outcome(&self, ended: Result<Value, Failure>) -> Result<Result<Outcome, Duration>> {
        let failed = |code: &str, sentence: String, retryable| {
            Ok(Ok(Outcome::Failed(JobError {
                code: code.to_owned(),
                sentence,
                retryable,
            })))
        };
        match ended {
            Ok(result) => {
                let result = result.to_string();
                if result.len() > limits::RESULT_BYTES {
                    let sentence = format!(
                        "The result is {} bytes long; {} are allowed.",
                        result.len(),
                        limits::RESULT_BYTES
                    );
                    return failed("RESULT_TOO_LARGE", sentence, false);
                }
                Ok(Ok(Outcome::Completed(JobResult::Here(result))))
            }
            Err(Failure::Reject { code, message }) => failed(code, message, false),
            Err(Failure::Retry { code, message })
                if self.lease.job().attempt >= self.with.most_attempts =>
            {
                failed(code, message, true)
            }
            Err(Failure::Retry { .. }) => Ok(Err(backoff(
                self.lease.job().attempt,
                Uuid::new_v4().as_u64_pair().0,
            ))),
        }
    }

    /// The outcome as the row holds it: a large result goes to the event log first.
    async fn in_row(&self, outcome: &Outcome) -> Result<Outcome> {
        match outcome {
            Outcome::Completed(JobResult::Here(result))
                if result.len() > limits::RESULT_IN_ROW_BYTES =>
            {
                let key = self
                    .with
                    .events
                    .put_result(self.lease.job(), result)
                    .await?;
                Ok(Outcome::Completed(JobResult::Logged(key)))
            }
            outcome => Ok(outcome.clone()),
        }
    }
}

/// A panic fails its own job's attempt; what it said stays in the log.
fn crashed(error: JoinError) -> Result<Value, Failure> {
    tracing::error!(%error, "an analysis crashed");
    Err(Failure::Retry {
        code: "CRASHED",
        message: "The analysis crashed.".to_owned(),
    })
}
