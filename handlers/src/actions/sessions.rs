//! Which session a frame means: one that it names, or that of its connection.
//!
//! A connection's row names its session from `$connect` on; the session itself is written with its first
//! turn, or when it is started.

use anyhow::Result;
use longhaul_shared::domain::ids::SessionId;
use longhaul_shared::protocol::{Code, Refusal, SessionReference};
use uuid::Uuid;

use crate::message::{Call, Door, No};

/// No session, another's and one that can't go on are refused in the same words.
pub fn unknown() -> Refusal {
    Refusal::new(Code::NotFound, "You have no such session that is open.")
        .with("field", "sessionId")
}

/// The session that a frame names.
pub fn known(named: SessionReference) -> Result<SessionId, Refusal> {
    named.map_err(|_| unknown())
}

/// The connection's own session; `used` notes that it is to end with the connection.
pub async fn own(door: &Door, call: &Call, used: bool) -> Result<SessionId, No> {
    let own = door.connections.session(&call.connection).await?;
    match own {
        Some((id, noted)) if noted || !used => Ok(id),
        Some((id, _)) => adopt(door, call, id).await,
        None => begin(door, call).await,
    }
}

/// A new session for the connection.
pub async fn begin(door: &Door, call: &Call) -> Result<SessionId, No> {
    adopt(door, call, fresh(call)).await
}

/// Makes a session the connection's own.
pub async fn adopt(door: &Door, call: &Call, id: SessionId) -> Result<SessionId, No> {
    door.connections.set_session(&call.connection, id).await?;
    Ok(id)
}

fn fresh(call: &Call) -> SessionId {
    let random = Uuid::new_v4();
    let random = random.as_bytes().first_chunk();
    SessionId::new(call.now, random.expect("16 bytes have ten"))
}
