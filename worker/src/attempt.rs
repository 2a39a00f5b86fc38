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
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at, sleep, timeout};
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

/// What an analysis that was aborted may take to let go.
const LET_GO: Duration = Duration::from_secs(1);

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

/// How the work under a lease ended.
enum Ended {
    With(Result<Value, Failure>),
    /// Another worker has taken the job.
    Superseded,
}

type Work = JoinHandle<Result<Value, Failure>>;

impl Attempts {
    /// Runs the job if it is free, for the invocation of this id. `hide` sets the visibility timeout of
    /// the message that named it.
    pub async fn run(
        &self,
        id: JobId,
        invocation: &str,
        deadline: Timestamp,
        hide: impl AsyncFn(Duration),
    ) -> Result<Fate> {
        let now = time::now();
        let job = match self
            .jobs
            .commit(id, &Job::claim(invocation, now, self.lease))
            .await?
        {
            Commit::Applied(job) => *job,
            // The SDK sends a claim again whose answer it lost; the second then meets the first.
            Commit::Refused(Some(job)) if job.is_claimed_by(invocation) => *job,
            Commit::Refused(None) => return Ok(Fate::Done),
            Commit::Refused(Some(job)) => return Ok(fate_of(&job, now)),
        };
        hide(self.lease).await;
        tracing::info!(job = %id, kind = job.kind, attempt = job.attempt, fence = job.fence, "claimed");
        let mut attempt = Attempt {
            with: self,
            voice: Voice::new(self.push.clone()),
            lease: Lease::taken(job),
        };
        attempt.say().await;
        match attempt.work(deadline, hide).await? {
            Ended::With(result) => attempt.end(result).await,
            Ended::Superseded => Ok(Fate::Left),
        }
    }
}

impl Attempt<'_> {
    /// Runs the analysis to its end, or until there is no time or no lease left for it.
    async fn work(&mut self, deadline: Timestamp, hide: impl AsyncFn(Duration)) -> Result<Ended> {
        let job = self.lease.job();
        let reject = |code, message| Ok(Ended::With(Err(Failure::Reject { code, message })));
        if job.attempt > self.with.most_attempts {
            return reject("POISON", "The job ended its worker too often.".to_owned());
        }
        let Some(analysis) = self.with.analyses.get(job.kind.as_str()).cloned() else {
            return reject(
                "UNKNOWN_KIND",
                format!("This worker has no analysis of kind '{}'.", job.kind),
            );
        };
        let Some(input) = self.with.events.input(job).await? else {
            return reject("EXPIRED", "The query is past its retention.".to_owned());
        };
        let params = serde_json::from_str(&input.params)?;
        let (context, reports) = Context::new(input.query, params, job.attempt);
        let mut work = self
            .with
            .runtime
            .spawn(async move { analysis.run(&context).await });
        let ended = self.attend(&mut work, &reports, deadline, hide).await;
        work.abort();
        if !work.is_finished() && timeout(LET_GO, &mut work).await.is_err() {
            tracing::error!(job = %self.lease.job().id, "an analysis does not let go of its thread");
        }
        Ok(ended.unwrap_or(Ended::Superseded))
    }

    /// Tells of the work's progress and keeps the lease while it lasts; `None` when it is lost.
    async fn attend(
        &mut self,
        work: &mut Work,
        reports: &Reports,
        deadline: Timestamp,
        hide: impl AsyncFn(Duration),
    ) -> Option<Ended> {
        let beat = self.with.lease / 3;
        let mut heartbeat = interval_at(Instant::now() + beat, beat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut second = interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let left = deadline.as_millisecond() - time::now().as_millisecond();
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        let out_of_time = sleep(left.saturating_sub(MARGIN));
        tokio::pin!(out_of_time);
        loop {
            tokio::select! {
                biased;
                step = reports.step() => self.report(step).await?,
                done = &mut *work => {
                    while let Some(last) = reports.take() {
                        self.report(last).await?;
                    }
                    return Some(Ended::With(done.unwrap_or_else(crashed)));
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
                    return Some(Ended::With(Err(Failure::Retry { code: "TIMEOUT", message })));
                }
            }
        }
    }

    async fn report(&mut self, progress: Progress) -> Option<()> {
        let message = limits::prefix(&progress.message, limits::MESSAGE_BYTES).to_owned();
        let change = self
            .lease
            .report(progress.percent, message, time::now(), self.with.lease);
        if self.commit(change).await? {
            self.say().await;
        }
        Some(())
    }

    /// Writes a change under the lease; `None` when that is lost. A write that fails for another reason
    /// loses a report and not the job: the next one, or the end, says more.
    async fn commit(&mut self, change: Change) -> Option<bool> {
        let (id, fence) = (self.lease.job().id, self.lease.job().fence);
        match self.with.jobs.commit(id, &change).await {
            Ok(Commit::Applied(job)) => {
                self.lease = Lease::taken(*job);
                Some(true)
            }
            Ok(Commit::Refused(_)) => {
                tracing::info!(job = %id, fence, "superseded");
                None
            }
            Err(error) => {
                tracing::warn!(job = %id, error = format!("{error:#}"), "a report was not written");
                Some(false)
            }
        }
    }

    /// Says the latest event to all who follow, and forgets those who are gone.
    async fn say(&mut self) {
        let job = self.lease.job();
        self.voice
            .say(&job.followers, protocol::event(&Event::latest(job)));
        for gone in self.voice.gone() {
            let unfollow = Job::unfollow(job.owner.clone(), gone);
            // Not under the fence, so its answer is not this lease's row, and it may fail.
            if let Err(error) = self.with.jobs.commit(job.id, &unfollow).await {
                tracing::warn!(job = %job.id, error = format!("{error:#}"), "a follower that is gone stays listed");
            }
        }
    }

    /// One conditional write, then one push; then the job leaves the index of open ones.
    async fn end(self, result: Result<Value, Failure>) -> Result<Fate> {
        let Self {
            with,
            lease,
            mut voice,
        } = self;
        let (id, fence, attempt) = (lease.job().id, lease.job().fence, lease.job().attempt);
        if let Err(failure) = &result {
            tracing::info!(job = %id, attempt, fence, code = failure.code(), "the analysis failed");
        }
        let outcome = match with.verdict(result, attempt) {
            Verdict::End(outcome) => outcome,
            Verdict::Again(wait) => {
                with.jobs
                    .commit(id, &lease.retry(time::now() + wait))
                    .await?;
                voice.finish(FAREWELL).await;
                return Ok(Fate::Later(wait));
            }
        };
        let now = time::now();
        let in_row = with.in_row(lease.job(), &outcome, now).await?;
        let finish = lease.finish(in_row, now, with.retention);
        let mut job = match with.jobs.commit(id, &finish).await? {
            Commit::Applied(job) => job,
            // As with the claim: the end that the second try meets is the first one's.
            Commit::Refused(Some(job)) if job.fence == fence && job.status.is_terminal() => job,
            Commit::Refused(_) => {
                tracing::info!(job = %id, fence, "superseded at the end");
                return Ok(Fate::Left);
            }
        };
        tracing::info!(job = %id, attempt, fence, status = job.status.as_str(), "ended");
        job.outcome = Some(outcome);
        voice.say(&job.followers, protocol::event(&Event::latest(&job)));
        if voice.finish(FAREWELL).await {
            with.jobs.commit(id, &job.close()).await?;
        }
        Ok(Fate::Done)
    }
}

/// What follows from an analysis's result.
enum Verdict {
    End(Outcome),
    /// Another attempt, after this long.
    Again(Duration),
}

impl Attempts {
    fn verdict(&self, result: Result<Value, Failure>, attempt: u32) -> Verdict {
        let (code, sentence, retryable) = match result {
            Ok(result) => {
                let result = result.to_string();
                if result.len() <= limits::RESULT_BYTES {
                    return Verdict::End(Outcome::Completed(JobResult::Here(result)));
                }
                let (bytes, most) = (result.len(), limits::RESULT_BYTES);
                (
                    "RESULT_TOO_LARGE",
                    format!("The result is {bytes} bytes long; {most} are allowed."),
                    false,
                )
            }
            Err(Failure::Reject { code, message }) => (code, message, false),
            Err(Failure::Retry { code, message }) if attempt >= self.most_attempts => {
                (code, message, true)
            }
            Err(Failure::Retry { .. }) => {
                return Verdict::Again(backoff(attempt, Uuid::new_v4().as_u64_pair().0));
            }
        };
        let sentence = limits::prefix(&sentence, limits::MESSAGE_BYTES).to_owned();
        Verdict::End(Outcome::Failed(JobError {
            code: code.to_owned(),
            sentence,
            retryable,
        }))
    }

    /// The outcome as the row holds it: a large result goes to the event log first.
    async fn in_row(&self, job: &Job, outcome: &Outcome, now: Timestamp) -> Result<Outcome> {
        match outcome {
            Outcome::Completed(JobResult::Here(result))
                if result.len() > limits::RESULT_IN_ROW_BYTES =>
            {
                let key = self
                    .events
                    .put_result(job, result, now + self.retention)
                    .await?;
                Ok(Outcome::Completed(JobResult::Logged(key)))
            }
            outcome => Ok(outcome.clone()),
        }
    }
}

/// What becomes of a message whose job can't be claimed.
fn fate_of(job: &Job, now: Timestamp) -> Fate {
    match job.availability(now) {
        Availability::Finished => Fate::Done,
        Availability::Free => Fate::Later(Duration::ZERO),
        Availability::Leased(until) => {
            let left = until.as_millisecond() - now.as_millisecond();
            Fate::Later(Duration::from_millis(left.unsigned_abs()))
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
