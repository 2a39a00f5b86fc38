//! `broadcast`: `system` to a user of the admin's tenant, or to all of it, a page of the table for each frame.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::{ConnectionId, Owner};
use longhaul_shared::protocol;

use super::admin::scanned;
use crate::message::{ActionResult, AppContext, FrameContext};

/// Rows of the table that one frame looks at: so many pushes take a few seconds.
const PAGE: u32 = 500;

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    content: String,
    user: Option<String>,
    after: Option<ConnectionId>,
) -> ActionResult {
    let frame = protocol::system(&content, call.now);
    let (heard, next) = match user {
        Some(user) => {
            let to = Owner {
                user,
                tenant: speaker.owner.tenant.clone(),
            };
            (
                door.courier.push_to_user(&to, &frame, call.now).await?,
                None,
            )
        }
        None => {
            let (rows, next) = scanned(door, speaker, after, PAGE).await?;
            let open = rows.into_iter().filter(|row| row.is_open);
            let open = open.map(|row| row.connection).collect();
            (door.push.broadcast(open, &frame).await, next)
        }
    };
    let request_id = call.request_id.as_deref();
    Ok(Some(protocol::broadcast_sent(
        heard,
        next.as_ref(),
        request_id,
        call.now,
    )))
}
