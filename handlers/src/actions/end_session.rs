//! `endSession`: from now on the session takes no turns. What is being answered goes on.

use longhaul_shared::auth::Identity;
use longhaul_shared::protocol::{self, SessionReference};

use super::sessions;
use crate::message::{ActionResult, AppContext, FrameContext};

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    session: Option<SessionReference>,
) -> ActionResult {
    let id = match session {
        Some(named) => sessions::known(named)?,
        None => sessions::own(door, call, false).await?,
    };
    if !door.sessions.end(id, &speaker.owner, call.now).await? {
        return Err(sessions::unknown().into());
    }
    let request_id = call.request_id.as_deref();
    Ok(Some(protocol::session_ended(id, request_id, call.now)))
}
