//! The third step of an attempt: the analysis at work, and beside it the loop that keeps the lease, writes what the
//! analysis reports, streams and saves, and watches for a cancel and for deadlines.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use longhaul_shared::domain::job::{JobErrorCode, RENEWALS_PER_LEASE};
use serde_json::Value;
use tokio::sync::mpsc::Receiver;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{
    Instant, Interval, MissedTickBehavior, interval_at, sleep, sleep_until, timeout,
};
use tracing::Instrument;

use super::load::LoadedJob;
use crate::analysis_channel::{AnalysisChannel, Request};
use crate::failure::Failure;
use crate::leased_job::LeasedJob;
use crate::outcome::{AttemptOutcome, LeaseLost, WriteOutcome};
use crate::received_message::ReceivedMessage;

/// What is left of an invocation for finishing, at most: a write, its pushes, and the batch's response.
const HAND_OVER_MARGIN: Duration = Duration::from_secs(10);
/// How long an aborted analysis may take to yield its thread before that is logged.
const ABORT_GRACE: Duration = Duration::from_secs(1);
/// How often the worker checks whether its job was cancelled: a cancelled job ends within 3 s of its next await point.
const CANCEL_POLL: Duration = Duration::from_secs(2);
/// How often the latest of small reports is written: with its write and its push followers get one each second.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(900);
/// A long run writes the latest of small reports each such part of its time so far: the first thousand come each second, and
/// a run of a day has some 5,500 of them in its log.
const REPORTS_OF_A_RUN: u32 = 1000;

/// Runs the analysis until it returns, or until its time or its lease is over.
pub async fn run_analysis(
    job: &mut LeasedJob<'_>,
    loaded: LoadedJob,
    message: &ReceivedMessage<'_>,
    deadline: Timestamp,
) -> AttemptOutcome {
    let LoadedJob {
        analysis,
        context,
        channel,
        requests,
    } = loaded;
    let run = async move { analysis.run(&context).await };
    let tasks = &job.engine.sources.analysis_tasks;
    let mut analysis_loop = AnalysisLoop {
        analysis: tasks.spawn(run.in_current_span()),
        job,
        channel,
        requests,
        has_checkpoints: false,
    };
    let outcome = analysis_loop.run(message, deadline).await;
    analysis_loop.abort_analysis().await;
    outcome.unwrap_or_else(AttemptOutcome::LeaseLost)
}

/// A running analysis and the job that it works on.
struct AnalysisLoop<'a, 'e> {
    job: &'a mut LeasedJob<'e>,
    analysis: JoinHandle<Result<Value, Failure>>,
    channel: Arc<AnalysisChannel>,
    requests: Receiver<Request>,
    /// Whether this invocation has stored anything that the next can continue from.
    has_checkpoints: bool,
}

impl AnalysisLoop<'_, '_> {
    async fn run(
        &mut self,
        message: &ReceivedMessage<'_>,
        deadline: Timestamp,
    ) -> Result<AttemptOutcome, LeaseLost> {
        let lease = self.job.engine.limits.lease;
        let mut heartbeat = every(lease / RENEWALS_PER_LEASE);
        let mut next_report = Instant::now() + PROGRESS_INTERVAL;
        let mut cancel_poll = every(CANCEL_POLL);
        let left = self.time_until(deadline);
        let out_of_time = sleep(left.saturating_sub(HAND_OVER_MARGIN.min(left / 4)));
        let past_deadline = sleep(self.time_until(self.job.job().deadline));
        tokio::pin!(out_of_time, past_deadline);
        loop {
            let channel = self.channel.clone();
            tokio::select! {
                biased;
                () = &mut past_deadline => return Ok(AttemptOutcome::PastDeadline),
                () = &mut out_of_time => return self.out_of_time().await,
                _ = heartbeat.tick() => {
                    self.job.renew().await?;
                    message.set_visibility_timeout(lease).await;
                }
                // Before its last reports, which the write of the end carries along.
                result = &mut self.analysis => {
                    return self.returned(result.unwrap_or_else(panicked)).await;
                }
                Some(request) = self.requests.recv() => self.respond(request).await?,
                () = channel.progress.due() => self.report().await?,
                _ = channel.stream.due() => drop(self.flush_chunk().await?),
                () = sleep_until(next_report) => {
                    self.report().await?;
                    next_report = Instant::now() + self.report_interval();
                }
                _ = cancel_poll.tick() => self.job.check_lease().await?,
            }
        }
    }

    async fn report(&mut self) -> Result<(), LeaseLost> {
        self.job.report(self.channel.progress.drain()).await
    }

    /// The time between two writes of small reports.
    fn report_interval(&self) -> Duration {
        let started = self.job.job().started_at;
        let ran = started.map(|at| self.job.engine.now().duration_since(at).unsigned_abs());
        PROGRESS_INTERVAL.max(ran.unwrap_or_default() / REPORTS_OF_A_RUN)
    }

    /// Writes the next entry of the stream, if there is one.
    async fn flush_chunk(&mut self) -> Result<WriteOutcome, LeaseLost> {
        let Some(write) = self.channel.stream.next_write() else {
            return Ok(WriteOutcome::Written);
        };
        let outcome = self.job.stream(&write).await?;
        if outcome == WriteOutcome::Written {
            self.has_checkpoints = true;
            self.channel.stream.written(&write);
        } else {
            self.channel.stream.postpone(&write);
        }
        Ok(outcome)
    }

    /// Writes everything that was streamed so far, until a write fails.
    async fn flush_all(&mut self) -> Result<WriteOutcome, LeaseLost> {
        while self.channel.stream.next_write().is_some() {
            let outcome = self.flush_chunk().await?;
            if outcome != WriteOutcome::Written {
                return Ok(outcome);
            }
        }
        Ok(WriteOutcome::Written)
    }

    async fn respond(&mut self, request: Request) -> Result<(), LeaseLost> {
        // A response that nobody waits for any more belongs to an analysis that was dropped meanwhile.
        match request {
            Request::LoadStep { key, response } => {
                let _ = response.send(self.job.load_step(&key).await);
            }
            Request::SaveStep { step, response } => {
                // A step's text is in the log before its result is.
                if self.flush_all().await? == WriteOutcome::Written
                    && self.job.save_step(&step).await? == WriteOutcome::Written
                {
                    self.has_checkpoints = true;
                }
                let _ = response.send(());
            }
        }
        Ok(())
    }

    /// Writes what the analysis left unwritten when it returned. The write of the job's end carries the last reports
    /// of a successful one.
    async fn returned(
        &mut self,
        result: Result<Value, Failure>,
    ) -> Result<AttemptOutcome, LeaseLost> {
        let last_reports = self.channel.progress.drain();
        if result.is_ok() {
            self.job.unreported = last_reports;
            self.channel.stream.close();
        } else {
            self.job.report(last_reports).await?;
        }
        // Of steps side by side one may have returned where another failed.
        while let Ok(request) = self.requests.try_recv() {
            self.respond(request).await?;
        }
        if self.flush_all().await? != WriteOutcome::Written && result.is_ok() {
            // The row may show them already, if the write was made: a second write would count them again.
            self.job.unreported.clear();
            let message = "The answer could not be written.";
            return Ok(AttemptOutcome::failed(JobErrorCode::Unwritten, message));
        }
        Ok(AttemptOutcome::Returned(result))
    }

    /// The invocation is nearly over: the job continues in the next one if anything was stored to continue from.
    async fn out_of_time(&mut self) -> Result<AttemptOutcome, LeaseLost> {
        self.analysis.abort();
        self.flush_all().await?;
        if self.has_checkpoints {
            return Ok(AttemptOutcome::HandOver);
        }
        let message = "The job ran out of time before it completed a step.";
        Ok(AttemptOutcome::failed(JobErrorCode::Timeout, message))
    }

    async fn abort_analysis(mut self) {
        self.analysis.abort();
        if !self.analysis.is_finished() && timeout(ABORT_GRACE, &mut self.analysis).await.is_err() {
            tracing::error!(job = %self.job.job().id, "an aborted analysis does not yield its thread");
        }
    }

    fn time_until(&self, at: Timestamp) -> Duration {
        let left = at.as_millisecond() - self.job.engine.now().as_millisecond();
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    }
}

/// Ticks at this interval from now on, and never in a burst after a delay.
fn every(period: Duration) -> Interval {
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// A panic fails its own job's attempt; what the analysis streamed stays in the log.
fn panicked(error: JoinError) -> Result<Value, Failure> {
    tracing::error!(%error, "an analysis panicked");
    let message = "The analysis crashed.";
    Err(Failure::retry(JobErrorCode::Crashed, message))
}
