//! What only admins may do, to connections and jobs of their own tenant: whether the speaker is one, and which
//! action it is.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::connection::ConnectionRow;
use longhaul_shared::domain::ids::{ConnectionId, JobId, Owner};
use longhaul_shared::protocol::{AdminAction, ErrorCode, ErrorResponse};

use super::{
    broadcast, cleanup_connections, close_connection, list_connections, list_dead_letters,
    list_open_jobs, replay_job, set_status,
};
use crate::caller_identity::name_for_the_log;
use crate::message::{ActionError, ActionResult, AppContext, FrameContext};

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    asked: AdminAction,
) -> ActionResult {
    let user = name_for_the_log(speaker);
    check(call, speaker)?;
    match asked {
        AdminAction::ListConnections { user, pages } => {
            list_connections::run(door, call, speaker, user, pages).await
        }
        AdminAction::SetStatus {
            connection,
            is_open,
        } => set_status::run(door, call, speaker, connection, is_open).await,
        AdminAction::CloseConnection(connection) => {
            tracing::info!(%connection, user, "an admin closes a connection");
            close_connection::run(door, call, speaker, connection).await
        }
        AdminAction::CleanupConnections { after } => {
            cleanup_connections::run(door, call, speaker, after).await
        }
        AdminAction::Broadcast {
            content,
            user: to,
            after,
        } => {
            tracing::info!(connection = %call.connection, user, "an admin broadcasts");
            broadcast::run(door, call, speaker, content, to, after).await
        }
        AdminAction::ListOpenJobs { status, limit } => {
            list_open_jobs::run(door, call, speaker, status, limit).await
        }
        AdminAction::ListDeadLetters => list_dead_letters::run(door, call, speaker).await,
        AdminAction::ReplayJob { job, from_start } => {
            tracing::info!(connection = %call.connection, user, "an admin replays a job");
            replay_job::run(door, call, speaker, job, from_start).await
        }
    }
}

/// Refuses who is no admin.
pub fn check(call: &FrameContext, speaker: &Identity) -> Result<(), ActionError> {
    if speaker.is_admin {
        return Ok(());
    }
    let user = name_for_the_log(speaker);
    tracing::info!(connection = %call.connection, user, "who is no admin asked for an admin's action");
    Err(ErrorResponse::new(ErrorCode::Authorization, "Only admins may do this.").into())
}

/// Whether what is this owner's is for this admin to look after.
pub fn can_administer(speaker: &Identity, owner: &Owner) -> bool {
    speaker.is_admin && owner.tenant == speaker.owner.tenant
}

/// As whose a job is asked for: as the speaker's own, or, by an admin, as that of its owner in the tenant. It
/// costs who is no admin nothing, whosever the job is.
pub async fn effective_owner(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    id: JobId,
) -> Result<Owner, ActionError> {
    let row = match speaker.is_admin {
        true => door.jobs.get(id).await?,
        false => None,
    };
    let overseen = row.map(|job| job.owner);
    let overseen =
        overseen.filter(|owner| *owner != speaker.owner && can_administer(speaker, owner));
    if let Some(owner) = &overseen {
        call.log_if_foreign(speaker, owner);
    }
    Ok(overseen.unwrap_or_else(|| speaker.owner.clone()))
}

/// Whether a connection is of somebody in the admin's tenant.
pub fn is_theirs(admin: &Identity, row: &ConnectionRow) -> bool {
    let owner = row.owner.as_ref();
    owner.is_some_and(|owner| can_administer(admin, owner))
}

/// The connection of this id, if it is in the admin's tenant; another's is as unknown as none.
pub async fn own(
    door: &AppContext,
    admin: &Identity,
    id: &ConnectionId,
) -> Result<ConnectionRow, ActionError> {
    let row = door.connections.get(id).await?;
    row.filter(|row| is_theirs(admin, row)).ok_or_else(|| {
        let sentence = "There is no such connection.";
        let refusal = ErrorResponse::new(ErrorCode::NotFound, sentence);
        refusal.with("field", "connectionId").into()
    })
}

/// A page of the whole table that has a connection of somebody's in it, so that it can end on that: what an
/// admin is told to go on after shall be no key of a user's row. And where to go on, if that is known.
pub async fn scanned(
    door: &AppContext,
    admin: &Identity,
    after: Option<ConnectionId>,
    looked_at: u32,
) -> Result<(Vec<ConnectionRow>, Option<ConnectionId>), ActionError> {
    let mut start = after;
    loop {
        let connections = &door.connections;
        let (mut rows, next) = connections.scan(start.as_ref(), Some(looked_at)).await?;
        let last = rows.last().map(|row| row.connection.clone());
        rows.retain(|row| is_theirs(admin, row));
        match (last, next) {
            (_, None) => return Ok((rows, None)),
            (Some(last), Some(_)) => return Ok((rows, Some(last))),
            (None, next) => start = next,
        }
    }
}
