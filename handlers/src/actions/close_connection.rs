//! `closeConnection`: closes a connection of the admin's tenant; the record of one that the gateway does not
//! know is removed.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::ConnectionId;
use longhaul_shared::protocol::connection_closed;

use super::admin::own;
use crate::message::{Answer, Call, Door};

pub async fn run(door: &Door, call: &Call, speaker: &Identity, connection: ConnectionId) -> Answer {
    own(door, speaker, &connection).await?;
    door.push.dismiss(&connection).await?;
    let request_id = call.request_id.as_deref();
    Ok(Some(connection_closed(&connection, request_id, call.now)))
}
