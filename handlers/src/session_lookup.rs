//! Which session a frame means: the one that it names, or the connection's own.
//!
//! A connection's row names its own session from `$connect` on. The session's row is written with its first
//! turn, or by `startSession`.

use anyhow::Result;
use longhaul_shared::domain::ids::SessionId;
use longhaul_shared::protocol::{ErrorCode, ErrorResponse, SessionReference};

use crate::app_context::AppContext;
use crate::frame::FrameContext;

/// The one error for a session that does not exist, belongs to another user, or has ended.
pub fn unknown_session() -> ErrorResponse {
    let message = "You have no such session that is open.";
    ErrorResponse::new(ErrorCode::NotFound, message).with("field", "sessionId")
}

/// The id of the session that a frame names.
pub fn named_session(reference: SessionReference) -> Result<SessionId, ErrorResponse> {
    match reference {
        SessionReference::Id(id) => Ok(id),
        SessionReference::Unknown => Err(unknown_session()),
    }
}

/// The connection's own session. `will_use` makes sure that it ends with the connection.
pub async fn own_session(
    app: &AppContext,
    frame: &FrameContext,
    will_use: bool,
) -> Result<SessionId> {
    match app.stores.connections.session(&frame.connection).await? {
        Some((id, is_marked)) if is_marked || !will_use => Ok(id),
        Some((id, _)) => set_own_session(app, frame, id).await,
        None => begin_session(app, frame).await,
    }
}

/// Gives the connection a new session.
pub async fn begin_session(app: &AppContext, frame: &FrameContext) -> Result<SessionId> {
    let id = SessionId::new(frame.now, &app.random.id_bytes());
    set_own_session(app, frame, id).await
}

/// Makes a session the connection's own.
pub async fn set_own_session(
    app: &AppContext,
    frame: &FrameContext,
    id: SessionId,
) -> Result<SessionId> {
    let connections = &app.stores.connections;
    connections.set_session(&frame.connection, id).await?;
    Ok(id)
}
