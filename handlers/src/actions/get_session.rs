//! `getSession`: one of the caller's sessions and a page of its turns, oldest first. It may have ended.

use longhaul_shared::auth::Identity;
use longhaul_shared::protocol::{self, PageRequest, SessionReference};

use super::sessions;
use crate::message::{ActionResult, AppContext, FrameContext};

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    session: Option<SessionReference>,
    pages: PageRequest<u32>,
) -> ActionResult {
    let id = match session {
        Some(named) => sessions::known(named)?,
        None => sessions::own(door, call, false).await?,
    };
    let head = door.sessions.get(id, &speaker.owner, call.now).await?;
    let head = head.ok_or_else(sessions::unknown)?;
    let from = pages.cursor.unwrap_or(1).max(1);
    let (turns, next) = door.sessions.turns(id, from, pages.limit, call.now).await?;
    let next = next.filter(|next| *next <= head.turns);
    let request_id = call.request_id.as_deref();
    Ok(Some(protocol::session(
        &head, &turns, next, request_id, call.now,
    )))
}
