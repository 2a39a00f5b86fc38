//! What only admins may do, to connections of their own tenant: whether the speaker is one, and which action
//! it is.

use longhaul_shared::auth::Identity;
use longhaul_shared::connections::Row;
use longhaul_shared::ids::ConnectionId;
use longhaul_shared::protocol::{Admin, Code, Refusal};

use super::{broadcast, cleanup_connections, close_connection, list_connections, set_status};
use crate::message::{Answer, Call, Door, No};
use crate::speaker::name_for_the_log;

pub async fn run(door: &Door, call: &Call, speaker: &Identity, asked: Admin) -> Answer {
    let user = name_for_the_log(speaker);
    if !speaker.is_admin {
        tracing::info!(connection = %call.connection, user, "who is no admin asked for an admin's action");
        let sentence = "Only admins may do this.";
        return Err(Refusal::new(Code::Authorization, sentence).into());
    }
    match asked {
        Admin::ListConnections { user, pages } => {
            list_connections::run(door, call, speaker, user, pages).await
        }
        Admin::SetStatus {
            connection,
            is_open,
        } => set_status::run(door, call, speaker, connection, is_open).await,
        Admin::CloseConnection(connection) => {
            tracing::info!(%connection, user, "an admin closes a connection");
            close_connection::run(door, call, speaker, connection).await
        }
        Admin::CleanupConnections { after } => {
            cleanup_connections::run(door, call, speaker, after).await
        }
        Admin::Broadcast {
            content,
            user: to,
            after,
        } => {
            tracing::info!(connection = %call.connection, user, "an admin broadcasts");
            broadcast::run(door, call, speaker, content, to, after).await
        }
    }
}

/// Whether a connection is of somebody in the admin's tenant.
pub fn is_theirs(admin: &Identity, row: &Row) -> bool {
    let owner = row.owner.as_ref();
    owner.is_some_and(|owner| owner.tenant == admin.owner.tenant)
}

/// The connection of this id, if it is in the admin's tenant; another's is as unknown as none.
pub async fn own(door: &Door, admin: &Identity, id: &ConnectionId) -> Result<Row, No> {
    let row = door.connections.get(id).await?;
    row.filter(|row| is_theirs(admin, row)).ok_or_else(|| {
        let sentence = "There is no such connection.";
        let refusal = Refusal::new(Code::NotFound, sentence);
        refusal.with("field", "connectionId").into()
    })
}

/// A page of the whole table that has a connection of somebody's in it, so that it can end on that: what an
/// admin is told to go on after shall be no key of a user's row. And where to go on, if that is known.
pub async fn scanned(
    door: &Door,
    admin: &Identity,
    after: Option<ConnectionId>,
    looked_at: u32,
) -> Result<(Vec<Row>, Option<ConnectionId>), No> {
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
