//! One attempt at one job: claimed, run, told of, and ended, all under one lease.
//!
//! Whatever is said was written under the lease's fence first; a refused write means that the job is
//! somebody else's by now, or was cancelled, and this attempt stops without a word.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use longhaul_shared::clock;
use longhaul_shared::domain::event::{Event, HISTORY_TRUNCATED};
use longhaul_shared::domain::ids::JobId;
use longhaul_shared::domain::job::{Availability, Job, Outcome, POISON, Report};
use longhaul_shared::domain::session::History;
use longhaul_shared::messaging::job_queue::JobQueue;
use longhaul_shared::messaging::push::ConnectionPusher;
use longhaul_shared::orchestration::job_end_notifier::JobEndNotifier;
use longhaul_shared::store::event_log::EventLog;
use longhaul_shared::store::jobs::{CommitOutcome, Jobs};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::mpsc::Receiver;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, timeout};
use tracing::Instrument;

use crate::analysis::{Analysis, AnalysisInput, Context, Failure};
use crate::analysis_channel::{AnalysisChannel, Request};
use crate::handler::RecordOutcome;
use crate::leased_job::{LeaseLost, LeasedJob, WriteOutcome};
use crate::stream::Stream;

/// Left of an invocation for ending it in order, at most: a write, its pushes and the batch's response.
const HAND_OVER_MARGIN: Duration = Duration::from_secs(10);
/// What an analysis that was aborted may take to let go.
const ABORT_GRACE: Duration = Duration::from_secs(1);
/// How often the worker looks whether its job was cancelled (DESIGN 2).
const CANCEL_POLL: Duration = Duration::from_secs(2);

/// How often the latest of small reports is told: so that with its write and its push no second passes in silence.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(900);

/// What attempts work with.
pub struct AttemptRunner {
    pub jobs: Jobs,
    pub events: EventLog,
    pub push: ConnectionPusher,
    pub announcer: JobEndNotifier,
    /// To the queue of jobs that go on in the next invocation.
    pub continuations: JobQueue,
    pub analyses: HashMap<String, Arc<dyn Analysis>>,
    pub runtime: Handle,
    pub lease: Duration,
    pub most_attempts: u32,
    pub retention: Duration,
}

/// How the work under a lease ended.
pub enum AttemptOutcome {
    With(Result<Value, Failure>),
    /// The invocation's time is over, and what was kept so far is worth going on from.
    OutOfTime,
    /// The job's own time is over.
    PastDeadline,
}

type Work = JoinHandle<Result<Value, Failure>>;

impl AttemptRunner {
    /// Runs the job if it is free, for the invocation of this id. `hide` sets the visibility timeout of
    /// the message that named it.
    pub async fn run(
        &self,
        id: JobId,
        invocation: &str,
        deadline: Timestamp,
        hide: impl AsyncFn(Duration),
    ) -> Result<RecordOutcome> {
        let now = clock::now();
        let job = match self
            .jobs
            .commit(id, &Job::claim(invocation, now, self.lease))
            .await?
        {
            CommitOutcome::Applied(job) => *job,
            // A claim is sent again whose answer was lost; the second then meets the first.
            CommitOutcome::Refused(Some(job)) if job.is_claimed_by(invocation) => *job,
            CommitOutcome::Refused(None) => return Ok(RecordOutcome::Done),
            CommitOutcome::Refused(Some(job)) => return self.leave(*job, now).await,
        };
        let span = tracing::Span::current();
        span.record("attempt", job.attempt)
            .record("fence", job.fence);
        tracing::info!(job = %id, kind = job.kind, "claimed");
        let mut holder = LeasedJob::new(self, job);
        holder.push(Event::progress(holder.job())).await;
        hide(self.lease).await;
        match self.work(&mut holder, deadline, hide).await {
            Ok(Ok(AttemptOutcome::With(result))) => holder.end(result).await,
            Ok(Ok(AttemptOutcome::PastDeadline)) => holder.finish(Outcome::past_deadline()).await,
            Ok(Ok(AttemptOutcome::OutOfTime)) => holder.hand_over().await,
            Ok(Err(lost)) => Ok(lost.fate()),
            Err(error) => Err(error),
        }
    }

    /// What becomes of a message whose job can't be claimed.
    async fn leave(&self, job: Job, now: Timestamp) -> Result<RecordOutcome> {
        let busy = match job.availability(now) {
            Availability::Leased(until) => Some(until),
            // A duplicate of its message, most likely: two who tell of an end are heard twice.
            Availability::Finished => job.announcing_until(self.lease),
            Availability::Free | Availability::Waiting => None,
        };
        if let Some(until) = busy.filter(|until| *until > now) {
            let left = until.as_millisecond() - now.as_millisecond();
            return Ok(RecordOutcome::Later(Duration::from_millis(
                left.unsigned_abs(),
            )));
        }
        // Its worker may have died between the end and the push; else this says nothing new.
        if job.open {
            self.announcer.notify(job, now).await?;
        }
        Ok(RecordOutcome::Done)
    }

    /// Runs the analysis to its end, or until there is no time or no lease left for it.
    async fn work(
        &self,
        holder: &mut LeasedJob<'_>,
        deadline: Timestamp,
        hide: impl AsyncFn(Duration),
    ) -> Result<Result<AttemptOutcome, LeaseLost>> {
        let job = holder.job();
        let reject = |code, message| {
            Ok(Ok(AttemptOutcome::With(Err(Failure::Reject {
                code,
                message,
            }))))
        };
        if job.attempt > self.most_attempts {
            return reject(POISON, "The job ended its worker too often.".to_owned());
        }
        let Some(analysis) = self.analyses.get(job.kind.as_str()).cloned() else {
            return reject(
                "UNKNOWN_KIND",
                format!("This worker has no analysis of kind '{}'.", job.kind),
            );
        };
        let Some(input) = self.events.input(job).await? else {
            return reject("EXPIRED", "The query is past its retention.".to_owned());
        };
        let params = serde_json::from_str(&input.params)?;
        let history = match &job.turn {
            Some(turn) => self.announcer.turns.sessions.history(turn).await?,
            None => History::default(),
        };
        let stream = self.events.whole_stream(job).await?;
        let (desk, requests) = AnalysisChannel::new(
            Stream::new(stream.clone().chunks()),
            !job.is_first_attempt(),
            job.current_progress(),
        );
        let about = AnalysisInput {
            attempt: job.attempt,
            history: history.turns,
            session: job.turn.as_ref().map(|turn| turn.session),
            ..AnalysisInput::new(job.id, input.query, params)
        };
        let context = Context::new(about, desk.clone());
        holder.push_latest_chunk(stream).await;
        if history.newly_truncated && holder.job().is_first_attempt() {
            let left_out = Report {
                percent: holder.job().current_progress(),
                message: HISTORY_TRUNCATED.to_owned(),
            };
            if let Err(lost) = holder.report(vec![left_out]).await {
                return Ok(Err(lost));
            }
        }
        let work = async move { analysis.run(&context).await };
        let work = self.runtime.spawn(work.in_current_span());
        let mut attendance = AttemptLoop {
            holder,
            work,
            desk,
            requests,
            kept: false,
        };
        let ended = attendance.run(deadline, hide).await;
        let mut work = attendance.work;
        work.abort();
        if !work.is_finished() && timeout(ABORT_GRACE, &mut work).await.is_err() {
            tracing::error!(job = %holder.job().id, "an analysis does not let go of its thread");
        }
        Ok(ended)
    }
}

/// An analysis at work, and who attends to it.
struct AttemptLoop<'a, 'w> {
    holder: &'a mut LeasedJob<'w>,
    work: Work,
    desk: Arc<AnalysisChannel>,
    requests: Receiver<Request>,
    /// Whether this invocation has kept anything that the next could go on from.
    kept: bool,
}

impl AttemptLoop<'_, '_> {
    /// Writes and tells what the work says, and keeps the lease while it lasts.
    async fn run(
        &mut self,
        deadline: Timestamp,
        hide: impl AsyncFn(Duration),
    ) -> Result<AttemptOutcome, LeaseLost> {
        let lease = self.holder.runner.lease;
        let mut heartbeat = every(lease / 3);
        let mut tell = every(PROGRESS_INTERVAL);
        let mut look = every(CANCEL_POLL);
        let left = until(deadline);
        let out_of_time = sleep(left.saturating_sub(HAND_OVER_MARGIN.min(left / 4)));
        let past_deadline = sleep(until(self.holder.job().deadline));
        tokio::pin!(out_of_time, past_deadline);
        loop {
            let desk = self.desk.clone();
            tokio::select! {
                biased;
                () = &mut past_deadline => return Ok(AttemptOutcome::PastDeadline),
                () = &mut out_of_time => return self.out_of_time().await,
                _ = heartbeat.tick() => {
                    self.holder.renew().await?;
                    hide(lease).await;
                }
                // Before what it said last, which the end's write tells of.
                done = &mut self.work => {
                    let done = done.unwrap_or_else(panicked);
                    return self.drain(done).await;
                }
                Some(request) = self.requests.recv() => self.answer(request).await?,
                () = desk.reports.due() => self.holder.report(desk.reports.drain()).await?,
                _ = desk.stream.due() => drop(self.flush().await?),
                _ = tell.tick() => self.holder.report(desk.reports.drain()).await?,
                _ = look.tick() => self.holder.check_lease().await?,
            }
        }
    }

    /// Writes what is next in the stream, if anything is.
    async fn flush(&mut self) -> Result<WriteOutcome, LeaseLost> {
        let Some(flush) = self.desk.stream.next_write() else {
            return Ok(WriteOutcome::Yes);
        };
        let written = self.holder.stream(&flush).await?;
        if written == WriteOutcome::Yes {
            self.kept = true;
            self.desk.stream.written(&flush);
        } else {
            self.desk.stream.postpone(&flush);
        }
        Ok(written)
    }

    /// Writes all that was streamed so far; whether it could.
    async fn flush_all(&mut self) -> Result<WriteOutcome, LeaseLost> {
        while self.desk.stream.next_write().is_some() {
            let written = self.flush().await?;
            if written != WriteOutcome::Yes {
                return Ok(written);
            }
        }
        Ok(WriteOutcome::Yes)
    }

    async fn answer(&mut self, request: Request) -> Result<(), LeaseLost> {
        match request {
            Request::LoadStep { step, answer } => {
                let kept = self
                    .holder
                    .runner
                    .events
                    .load_step(self.holder.job(), &step)
                    .await;
                let kept = kept.unwrap_or_else(|error| {
                    tracing::warn!(job = %self.holder.job().id, error = format!("{error:#}"), "a kept step was not read");
                    None
                });
                // Nobody waits any more if the analysis was dropped meanwhile.
                let _ = answer.send(kept);
            }
            Request::SaveStep { step, kept, answer } => {
                // A step's text is in the log before the step is.
                if self.flush_all().await? == WriteOutcome::Yes
                    && self.holder.save_step(&step, &kept).await? == WriteOutcome::Yes
                {
                    self.kept = true;
                }
                let _ = answer.send(());
            }
        }
        Ok(())
    }

    /// Tells the last of what the work said before it ended; what a work that is done reported last, the end tells.
    async fn drain(&mut self, done: Result<Value, Failure>) -> Result<AttemptOutcome, LeaseLost> {
        let last = self.desk.reports.drain();
        if done.is_ok() {
            self.holder.unreported = last;
            self.desk.stream.close();
        } else {
            self.holder.report(last).await?;
        }
        // Of steps side by side one may be done where another has failed.
        while let Ok(request) = self.requests.try_recv() {
            self.answer(request).await?;
        }
        if self.flush_all().await? != WriteOutcome::Yes && done.is_ok() {
            // Another write would take what this one wrote, if it did, for said.
            self.holder.unreported.clear();
            let message = "The answer could not be written.".to_owned();
            return Ok(AttemptOutcome::With(Err(Failure::Retry {
                code: "UNWRITTEN",
                message,
            })));
        }
        Ok(AttemptOutcome::With(done))
    }

    /// The invocation's end is near: what was kept is worth going on from, and nothing else is.
    async fn out_of_time(&mut self) -> Result<AttemptOutcome, LeaseLost> {
        self.work.abort();
        self.flush_all().await?;
        if self.kept {
            return Ok(AttemptOutcome::OutOfTime);
        }
        let message = "The job ran out of time without a step done.".to_owned();
        Ok(AttemptOutcome::With(Err(Failure::Retry {
            code: "TIMEOUT",
            message,
        })))
    }
}

/// Ticks at this distance, from now on; never a burst after a delay.
fn every(period: Duration) -> Interval {
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn until(at: Timestamp) -> Duration {
    let left = at.as_millisecond() - clock::now().as_millisecond();
    Duration::from_millis(u64::try_from(left).unwrap_or(0))
}

/// A panic fails its own job's attempt; what it said stays in the log.
fn panicked(error: JoinError) -> Result<Value, Failure> {
    tracing::error!(%error, "an analysis crashed");
    Err(Failure::Retry {
        code: "CRASHED",
        message: "The analysis crashed.".to_owned(),
    })
}
