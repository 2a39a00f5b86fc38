//! `closeConnection`: closes a connection of the admin's tenant; the record of one that the gateway does not
//! know is removed.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::ConnectionId;
use longhaul_shared::protocol::connection_closed;

use super::admin::own;
use crate::message::{ActionResult, AppContext, FrameContext};

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    connection: ConnectionId,
) -> ActionResult {
    own(door, speaker, &connection).await?;
    door.push.disconnect(&connection).await?;
    let request_id = call.request_id.as_deref();
    Ok(Some(connection_closed(&connection, request_id, call.now)))
}
