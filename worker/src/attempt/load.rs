//! The second step of an attempt: everything that the analysis needs, and what followers may have missed.

use std::sync::Arc;

use anyhow::Result;
use longhaul_shared::domain::event::HISTORY_TRUNCATED;
use longhaul_shared::domain::job::{JobErrorCode, Report};
use longhaul_shared::domain::session::History;
use tokio::sync::mpsc::Receiver;

use crate::analysis::{Analysis, AnalysisInput, Context};
use crate::analysis_channel::{AnalysisChannel, Request};
use crate::leased_job::LeasedJob;
use crate::outcome::{AttemptOutcome, LeaseLost};
use crate::stream_buffer::StreamBuffer;

/// What came of loading.
pub enum Load {
    Ready(LoadedJob),
    /// The analysis can't be run.
    Stopped(AttemptOutcome),
}

/// An analysis with its input, ready to run.
pub struct LoadedJob {
    pub analysis: Arc<dyn Analysis>,
    pub context: Context,
    pub channel: Arc<AnalysisChannel>,
    pub requests: Receiver<Request>,
}

/// Finds the job's analysis, reads its input, its conversation and the text that earlier attempts streamed.
pub async fn load(leased: &mut LeasedJob<'_>) -> Result<Load> {
    let (engine, job) = (leased.engine, leased.job());
    let rejected = |code: JobErrorCode, message: String| {
        Ok(Load::Stopped(AttemptOutcome::rejected(code, message)))
    };
    if job.attempt > engine.limits.max_attempts {
        let message = "The job crashed its worker too many times.".to_owned();
        return rejected(JobErrorCode::Poison, message);
    }
    let Some(analysis) = engine.analyses.get(job.kind.as_str()).cloned() else {
        let message = format!("This worker has no analysis of kind '{}'.", job.kind);
        return rejected(JobErrorCode::UnknownKind, message);
    };
    let Some(input) = engine.event_log.input(job).await? else {
        let message = "The query is past its retention.".to_owned();
        return rejected(JobErrorCode::Expired, message);
    };
    let params = serde_json::from_str(&input.params)?;
    let history = match &job.turn {
        Some(turn) => engine.job_end_notifier.turns.sessions.history(turn).await?,
        None => History::default(),
    };
    let stream = engine.event_log.whole_stream(job).await?;
    let stored = StreamBuffer::new(job.attempt, stream.clone().chunks());
    let (channel, requests) =
        AnalysisChannel::new(stored, !job.is_first_attempt(), job.current_progress());
    let context = Context::new(
        AnalysisInput {
            attempt: job.attempt,
            history: history.turns,
            session: job.turn.as_ref().map(|turn| turn.session),
            ..AnalysisInput::new(job.id, input.query, params)
        },
        channel.clone(),
    );
    leased.push_latest_chunk(stream).await;
    if history.newly_truncated
        && leased.job().is_first_attempt()
        && let Err(lost) = report_truncated_history(leased).await
    {
        return Ok(Load::Stopped(AttemptOutcome::LeaseLost(lost)));
    }
    Ok(Load::Ready(LoadedJob {
        analysis,
        context,
        channel,
        requests,
    }))
}

/// Tells followers, once, that the analysis does not get the conversation's oldest turns.
async fn report_truncated_history(leased: &mut LeasedJob<'_>) -> Result<(), LeaseLost> {
    let report = Report {
        percent: leased.job().current_progress(),
        message: HISTORY_TRUNCATED.to_owned(),
    };
    leased.report(vec![report]).await
}
