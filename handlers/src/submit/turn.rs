//! A submitted job as the next turn of its session.

use anyhow::Result;
use longhaul_shared::domain::dialect::Dialect;
use longhaul_shared::domain::ids::{ConnectionId, JobId, SessionId};
use longhaul_shared::domain::job::{DialectFollower, Job};
use longhaul_shared::orchestration::job_end_notifier::PushedEnd;
use longhaul_shared::store::jobs::CommitOutcome;
use longhaul_shared::store::sessions::AcceptOutcome;

use crate::app_context::AppContext;
use crate::frame::{ActionError, FrameContext};
use crate::session_lookup;

/// The turn that a job is to be.
pub struct TurnRequest {
    /// `None` for the connection's own session.
    pub session: Option<SessionId>,
    /// The dialect in which the connection receives the job's events; `None` for native events.
    pub dialect: Option<Dialect>,
    /// Whether the turn cancels the session's open turns instead of waiting for them.
    pub supersede: bool,
}

/// Writes the job as the next turn; false if the job exists already.
pub async fn accept(
    app: &AppContext,
    frame: &FrameContext,
    job: &mut Job,
    turn: &TurnRequest,
    message: &str,
) -> Result<bool, ActionError> {
    let connection = &frame.connection;
    job.dialect_follower = turn
        .dialect
        .map(|dialect| DialectFollower::new(dialect, connection.clone()));
    let accepted = match turn.session {
        Some(id) => accept_in(app, job, id, None, message).await?,
        None => {
            let own = session_lookup::own_session(app, frame, true).await?;
            match accept_in(app, job, own, Some(connection), message).await? {
                AcceptOutcome::NoSession => {
                    let next = session_lookup::begin_session(app, frame).await?;
                    accept_in(app, job, next, Some(connection), message).await?
                }
                accepted => accepted,
            }
        }
    };
    match accepted {
        AcceptOutcome::Yes => Ok(true),
        AcceptOutcome::Exists => Ok(false),
        AcceptOutcome::NoSession => Err(session_lookup::unknown_session().into()),
    }
}

/// Rejects a turn whose named session is not an open one of the job's owner.
pub async fn check_session(
    app: &AppContext,
    frame: &FrameContext,
    job: &Job,
    turn: &TurnRequest,
) -> Result<(), ActionError> {
    let Some(id) = turn.session else {
        return Ok(());
    };
    let session = app.stores.sessions.get(id, &job.owner, frame.now).await?;
    match session.filter(|session| session.ended_at.is_none()) {
        Some(_) => Ok(()),
        None => Err(session_lookup::unknown_session().into()),
    }
}

/// `started_by` is the connection whose own session it is; its first turn creates that.
async fn accept_in(
    app: &AppContext,
    job: &mut Job,
    session: SessionId,
    started_by: Option<&ConnectionId>,
    message: &str,
) -> Result<AcceptOutcome> {
    let sessions = &app.stores.sessions;
    sessions
        .accept(&app.stores.jobs, session, started_by, job, message)
        .await
}

/// Cancels the open turns before this one and pushes their ends.
pub async fn cancel_earlier(
    app: &AppContext,
    frame: &FrameContext,
    job: &Job,
) -> Result<Vec<PushedEnd>> {
    let mut pushed = vec![];
    let Some(turn) = job.turn.as_ref().filter(|_| job.waits_for_turn()) else {
        return Ok(pushed);
    };
    let sessions = &app.stores.sessions;
    let earlier: Vec<JobId> = sessions
        .unfinished_before(turn.session, turn.number)
        .await?;
    for id in earlier {
        let cancel = Job::cancel(job.owner.clone(), frame.now, app.retention);
        if let CommitOutcome::Applied(cancelled) = app.stores.jobs.commit(id, &cancel).await? {
            pushed.extend(app.job_end_notifier.push_end(*cancelled, frame.now).await?);
        }
    }
    Ok(pushed)
}
