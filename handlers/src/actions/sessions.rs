//! Which session a frame means: one that it names, or that of its connection.
//!
//! A connection's row names its session from `$connect` on; the session itself is written with its first
//! turn, or when it is started.

use anyhow::Result;
use longhaul_shared::domain::ids::SessionId;
use longhaul_shared::protocol::{ErrorCode, ErrorResponse, SessionReference};
use uuid::Uuid;

use crate::message::{ActionError, AppContext, FrameContext};

/// No session, another's and one that can't go on are refused in the same words.
pub fn unknown() -> ErrorResponse {
    ErrorResponse::new(
        ErrorCode::NotFound,
        "You have no such session that is open.",
    )
    .with("field", "sessionId")
}

/// The session that a frame names.
pub fn known(named: SessionReference) -> Result<SessionId, ErrorResponse> {
    named.map_err(|_| unknown())
}

/// The connection's own session; `used` notes that it is to end with the connection.
pub async fn own(
    door: &AppContext,
    call: &FrameContext,
    used: bool,
) -> Result<SessionId, ActionError> {
    let own = door.connections.session(&call.connection).await?;
    match own {
        Some((id, noted)) if noted || !used => Ok(id),
        Some((id, _)) => adopt(door, call, id).await,
        None => begin(door, call).await,
    }
}

/// A new session for the connection.
pub async fn begin(door: &AppContext, call: &FrameContext) -> Result<SessionId, ActionError> {
    adopt(door, call, fresh(call)).await
}

/// Makes a session the connection's own.
pub async fn adopt(
    door: &AppContext,
    call: &FrameContext,
    id: SessionId,
) -> Result<SessionId, ActionError> {
    door.connections.set_session(&call.connection, id).await?;
    Ok(id)
}

fn fresh(call: &FrameContext) -> SessionId {
    let random = Uuid::new_v4();
    let random = random.as_bytes().first_chunk();
    SessionId::new(call.now, random.expect("16 bytes have ten"))
}
