//! `sendMessage`, `chat_message`, `text_message`, and `query` with a session: one message of a conversation, as
//! the next turn of its session. What its dialect makes of the job's events is not known here.

use anyhow::Result;
use longhaul_shared::auth::Identity;
use longhaul_shared::domain::dialect::Dialect;
use longhaul_shared::domain::event::Event;
use longhaul_shared::domain::ids::{JobId, SessionId, Traceparent};
use longhaul_shared::domain::job::{DialectFollower, Job};
use longhaul_shared::orchestration::job_end_notifier::PushedEnd;
use longhaul_shared::protocol::dialect;
use longhaul_shared::protocol::{ChatMessage, ErrorResponse};
use longhaul_shared::store::jobs::CommitOutcome;
use longhaul_shared::store::sessions::AcceptOutcome;

use super::query::{self, NewJob};
use super::sessions;
use crate::message::{ActionError, ActionResult, AppContext, FrameContext};
use crate::quota;

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    message: ChatMessage,
) -> ActionResult {
    let draft = query::new_job(door, call, speaker, message.submission)?;
    let named = message.session.map(sessions::known).transpose()?;
    let job = draft.job.clone();
    if draft.is_keyed
        && let Some(earlier) = earlier(door, call, &job).await?
    {
        return query::existing_job(door, call, speaker, &earlier, &job).await;
    }
    let taken = submit_turn(door, call, message.dialect, named, draft, message.supersede).await;
    if taken.map_err(|no| in_dialect(message.dialect, no))? {
        return Ok(None);
    }
    // Another submit under the same key was faster, just now.
    match earlier(door, call, &job).await? {
        Some(earlier) => query::existing_job(door, call, speaker, &earlier, &job).await,
        None => Err(sessions::unknown().into()),
    }
}

/// The job of this id, while it counts.
async fn earlier(
    door: &AppContext,
    call: &FrameContext,
    job: &Job,
) -> Result<Option<Job>, ActionError> {
    let row = door.jobs.get(job.id).await?;
    Ok(row.filter(|row| row.expires_at > call.now))
}

/// The job as the next turn of the session, or of the connection's own where none is named; whether it is new
/// under its key.
pub async fn submit_turn(
    door: &AppContext,
    call: &FrameContext,
    dialect: Option<Dialect>,
    named: Option<SessionId>,
    draft: NewJob,
    supersede: bool,
) -> Result<bool, ActionError> {
    let NewJob {
        mut job,
        input,
        is_keyed,
    } = draft;
    job.dialect_follower =
        dialect.map(|dialect| DialectFollower::new(dialect, call.connection.clone()));
    quota::admit_job(door, call, &job, false).await?;
    door.events.put_input(&job, &input).await?;
    let is_new = match named {
        Some(id) => accept(door, &mut job, id, None, &input.query).await?,
        None => accept_as_own(door, call, &mut job, &input.query).await?,
    };
    // Without a key it can only have been this very frame, whose answer from the table was lost.
    if !is_new && is_keyed {
        return Ok(false);
    }
    // From here on the job is durable: whatever fails now, the sweep does again.
    let trace = job.traceparent.as_ref().map(Traceparent::trace);
    tracing::info!(job = %job.id, kind = job.kind, trace, "submitted");
    let waiting = job.clone();
    job.input = input;
    let cancelled = match supersede {
        true => cancel_before(door, call, &waiting).await,
        false => Ok(vec![]),
    };
    let queued = Event::queued(&job);
    door.push
        .send_all(dialect::outbound_frames(&job, &queued))
        .await;
    if let Err(error) = send(door, call, &waiting, cancelled).await {
        tracing::warn!(job = %job.id, error = format!("{error:#}"), "a turn waits for the sweep to queue it");
    }
    Ok(true)
}

/// Sends the turn to the queue, or has it wait for those before it.
async fn send(
    door: &AppContext,
    call: &FrameContext,
    job: &Job,
    cancelled: Result<Vec<PushedEnd>>,
) -> Result<()> {
    for ended in cancelled? {
        door.announcer.close(ended, call.now).await?;
    }
    match job.waits_for_turn() {
        true => door.announcer.turns.release_turn(job).await,
        false => door.dispatch.send(job).await,
    }
}

async fn accept(
    door: &AppContext,
    job: &mut Job,
    id: SessionId,
    begun_by: Option<&FrameContext>,
    message: &str,
) -> Result<bool, ActionError> {
    let begun_by = begun_by.map(|call| &call.connection);
    let accepted = door
        .sessions
        .accept(&door.jobs, id, begun_by, job, message)
        .await?;
    match accepted {
        AcceptOutcome::Yes => Ok(true),
        AcceptOutcome::Exists => Ok(false),
        AcceptOutcome::NoSession => Err(sessions::unknown().into()),
    }
}

/// In the connection's own session, which its first message begins; a new one where that has ended.
async fn accept_as_own(
    door: &AppContext,
    call: &FrameContext,
    job: &mut Job,
    message: &str,
) -> Result<bool, ActionError> {
    let own = sessions::own(door, call, true).await?;
    match accept(door, job, own, Some(call), message).await {
        Err(ActionError::Rejected(_)) => {
            let next = sessions::begin(door, call).await?;
            accept(door, job, next, Some(call), message).await
        }
        accepted => accepted,
    }
}

/// Cancels what is being answered, and what waits, before this turn, and says so: before the turn itself is
/// told of, so that a client hears them apart.
async fn cancel_before(
    door: &AppContext,
    call: &FrameContext,
    job: &Job,
) -> Result<Vec<PushedEnd>> {
    let mut told = vec![];
    let Some(turn) = job.turn.as_ref().filter(|_| job.waits_for_turn()) else {
        return Ok(told);
    };
    let before: Vec<JobId> = door
        .sessions
        .unfinished_before(turn.session, turn.number)
        .await?;
    for earlier in before {
        let cancel = Job::cancel(job.owner.clone(), call.now, door.retention);
        if let CommitOutcome::Applied(cancelled) = door.jobs.commit(earlier, &cancel).await? {
            told.extend(door.announcer.push_end(*cancelled).await?);
        }
    }
    Ok(told)
}

/// Chat front ends want to know of every error whether to ask again.
fn in_dialect(dialect: Option<Dialect>, no: ActionError) -> ActionError {
    match no {
        ActionError::Rejected(refusal) if dialect == Some(Dialect::ChatMessage) => {
            ActionError::Rejected(ErrorResponse {
                retryable: Some(refusal.retry_after.is_some()),
                ..refusal
            })
        }
        no => no,
    }
}
