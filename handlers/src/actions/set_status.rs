//! `setStatus`: what a connection's record says of it. What is said to be disconnected is pushed to no more.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::ConnectionId;
use longhaul_shared::protocol::status_set;

use super::admin::own;
use crate::message::{ActionResult, AppContext, FrameContext};

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    connection: ConnectionId,
    is_open: bool,
) -> ActionResult {
    own(door, speaker, &connection).await?;
    let connections = &door.connections;
    connections
        .set_status(&connection, is_open, call.now)
        .await?;
    let request_id = call.request_id.as_deref();
    Ok(Some(status_set(&connection, is_open, request_id, call.now)))
}
