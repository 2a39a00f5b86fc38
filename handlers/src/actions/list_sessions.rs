//! `listSessions`: the caller's own sessions, newest first, a page at a time.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::SessionId;
use longhaul_shared::protocol::{self, PageRequest};

use crate::message::{ActionResult, AppContext, FrameContext};

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    pages: PageRequest<SessionId>,
) -> ActionResult {
    let PageRequest { limit, cursor } = pages;
    let (heads, next) = door
        .sessions
        .page(&speaker.owner, limit, cursor, call.now)
        .await?;
    let request_id = call.request_id.as_deref();
    Ok(Some(protocol::sessions(&heads, next, request_id, call.now)))
}
