//! `listConnections`: connections of the admin's tenant with those that have closed within a day, of one user
//! by the index, oldest first, or of all: a scan of the table, at most `limit` rows looked at for a page,
//! which no one but an admin can cause.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::connection::{ConnectionCursor, ConnectionRow};
use longhaul_shared::domain::ids::ConnectionId;
use longhaul_shared::protocol::{self, ErrorResponse, PageRequest};
use longhaul_shared::store::connections::start_key;

use super::admin::{is_theirs, scanned};
use crate::message::{ActionError, ActionResult, AppContext, FrameContext};

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    user: Option<String>,
    pages: PageRequest<String>,
) -> ActionResult {
    let request_id = call.request_id.as_deref();
    let Some(user) = user else {
        let after = pages.cursor.map(ConnectionId);
        let (rows, next) = scanned(door, speaker, after, pages.limit).await?;
        let next = next.map(|id| id.0);
        let id = |row: &ConnectionRow| row.connection.0.clone();
        return Ok(Some(protocol::connections(
            &rows, id, next, request_id, call.now,
        )));
    };
    let start = pages.cursor.as_deref().map(read).transpose()?;
    let start = start.map(|mark| start_key(&mark, &user));
    let (mut rows, more) = door.connections.of_user(&user, start).await?;
    let mut next = rows.last().filter(|_| more.is_some()).map(mark);
    let limit = pages.limit as usize;
    if rows.len() > limit {
        rows.truncate(limit);
        next = rows.last().map(mark);
    }
    rows.retain(|row| is_theirs(speaker, row));
    Ok(Some(protocol::connections(
        &rows, mark, next, request_id, call.now,
    )))
}

fn mark(row: &ConnectionRow) -> String {
    format!("{}~{:.3}", row.connection, row.connected_at)
}

fn read(cursor: &str) -> Result<ConnectionCursor, ActionError> {
    let mark = || {
        let (id, at) = cursor.split_once('~')?;
        Some(ConnectionCursor {
            connection: ConnectionId(id.to_owned()),
            connected_at: at.parse().ok()?,
        })
    };
    mark().ok_or_else(|| ErrorResponse::field("cursor", "'cursor' is not one of ours.").into())
}
