//! `startSession`: a session for what this connection says from now on, new or an earlier one of its user's,
//! which lasts beyond the connection if that is asked for.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::session::Session;
use longhaul_shared::protocol::{self, SessionStart};

use super::sessions;
use crate::message::{ActionResult, AppContext, FrameContext};

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    beginning: SessionStart,
) -> ActionResult {
    let mut keep = beginning.keep;
    let id = match beginning.session {
        Some(named) => {
            let id = sessions::known(named)?;
            let head = door.sessions.get(id, &speaker.owner, call.now).await?;
            let open = head.filter(|head| head.ended_at.is_none());
            let head = open.ok_or_else(sessions::unknown)?;
            if keep && !head.keep && !door.sessions.make_lasting(id, &speaker.owner).await? {
                return Err(sessions::unknown().into());
            }
            keep |= head.keep;
            sessions::adopt(door, call, id).await?
        }
        None => {
            let id = sessions::begin(door, call).await?;
            let (owner, until) = (speaker.owner.clone(), call.now + door.retention);
            let head = Session {
                keep,
                ..Session::new(id, owner, call.connection.clone(), call.now, until)
            };
            door.sessions.start(&head).await?;
            id
        }
    };
    let request_id = call.request_id.as_deref();
    Ok(Some(protocol::session_started(
        id, keep, request_id, call.now,
    )))
}
