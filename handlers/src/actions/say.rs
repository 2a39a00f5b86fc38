//! `sendMessage`, `chat_message`, `text_message`, and `query` with a session: one message of a conversation, as
//! the next turn of its session. What its dialect makes of the job's events is not known here.

use anyhow::Result;
use longhaul_shared::orchestration::announce::EndTold;
use longhaul_shared::auth::Identity;
use longhaul_shared::protocol::dialect::{self, Dialect};
use longhaul_shared::domain::event::Event;
use longhaul_shared::domain::ids::{JobId, SessionId, Traceparent};
use longhaul_shared::domain::job::{Job, Spoken};
use longhaul_shared::store::jobs::Commit;
use longhaul_shared::protocol::{Message, Refusal};
use longhaul_shared::store::sessions::Accepted;

use super::query::{self, Draft};
use super::sessions;
use crate::message::{Answer, Call, Door, No};
use crate::quota;

pub async fn run(door: &Door, call: &Call, speaker: &Identity, message: Message) -> Answer {
    let draft = query::draft(door, call, speaker, message.submission)?;
    let named = message.session.map(sessions::known).transpose()?;
    let job = draft.job.clone();
    if draft.is_keyed
        && let Some(earlier) = earlier(door, call, &job).await?
    {
        return query::met(door, call, speaker, &earlier, &job).await;
    }
    let taken = take(door, call, message.dialect, named, draft, message.supersede).await;
    if taken.map_err(|no| in_dialect(message.dialect, no))? {
        return Ok(None);
    }
    // Another submit under the same key was faster, just now.
    match earlier(door, call, &job).await? {
        Some(earlier) => query::met(door, call, speaker, &earlier, &job).await,
        None => Err(sessions::unknown().into()),
    }
}

/// The job of this id, while it counts.
async fn earlier(door: &Door, call: &Call, job: &Job) -> Result<Option<Job>, No> {
    let row = door.jobs.get(job.id).await?;
    Ok(row.filter(|row| row.expires_at > call.now))
}

/// The job as the next turn of the session, or of the connection's own where none is named; whether it is new
/// under its key.
pub async fn take(
    door: &Door,
    call: &Call,
    dialect: Option<Dialect>,
    named: Option<SessionId>,
    draft: Draft,
    supersede: bool,
) -> Result<bool, No> {
    let Draft {
        mut job,
        input,
        is_keyed,
    } = draft;
    job.spoken = dialect.map(|dialect| Spoken::new(dialect, call.connection.clone()));
    quota::take(door, call, &job, false).await?;
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
    door.push.tell(dialect::told(&job, &queued)).await;
    if let Err(error) = send(door, call, &waiting, cancelled).await {
        tracing::warn!(job = %job.id, error = format!("{error:#}"), "a turn waits for the sweep to queue it");
    }
    Ok(true)
}

/// Sends the turn to the queue, or has it wait for those before it.
async fn send(door: &Door, call: &Call, job: &Job, cancelled: Result<Vec<EndTold>>) -> Result<()> {
    for ended in cancelled? {
        door.announcer.close(ended, call.now).await?;
    }
    match job.waits() {
        true => door.announcer.order.let_go(job).await,
        false => door.dispatch.send(job).await,
    }
}

async fn accept(
    door: &Door,
    job: &mut Job,
    id: SessionId,
    begun_by: Option<&Call>,
    message: &str,
) -> Result<bool, No> {
    let begun_by = begun_by.map(|call| &call.connection);
    let accepted = door
        .sessions
        .accept(&door.jobs, id, begun_by, job, message)
        .await?;
    match accepted {
        Accepted::Yes => Ok(true),
        Accepted::Exists => Ok(false),
        Accepted::NoSession => Err(sessions::unknown().into()),
    }
}

/// In the connection's own session, which its first message begins; a new one where that has ended.
async fn accept_as_own(door: &Door, call: &Call, job: &mut Job, message: &str) -> Result<bool, No> {
    let own = sessions::own(door, call, true).await?;
    match accept(door, job, own, Some(call), message).await {
        Err(No::Refused(_)) => {
            let next = sessions::begin(door, call).await?;
            accept(door, job, next, Some(call), message).await
        }
        accepted => accepted,
    }
}

/// Cancels what is being answered, and what waits, before this turn, and says so: before the turn itself is
/// told of, so that a client hears them apart.
async fn cancel_before(door: &Door, call: &Call, job: &Job) -> Result<Vec<EndTold>> {
    let mut told = vec![];
    let Some(turn) = job.turn.as_ref().filter(|_| job.waits()) else {
        return Ok(told);
    };
    let before: Vec<JobId> = door
        .sessions
        .unsettled_before(turn.session, turn.number)
        .await?;
    for earlier in before {
        let cancel = Job::cancel(job.owner.clone(), call.now, door.retention);
        if let Commit::Applied(cancelled) = door.jobs.commit(earlier, &cancel).await? {
            told.extend(door.announcer.tell(*cancelled).await?);
        }
    }
    Ok(told)
}

/// Chat front ends want to know of every error whether to ask again.
fn in_dialect(dialect: Option<Dialect>, no: No) -> No {
    match no {
        No::Refused(refusal) if dialect == Some(Dialect::ChatMessage) => No::Refused(Refusal {
            retryable: Some(refusal.retry_after.is_some()),
            ..refusal
        }),
        no => no,
    }
}
