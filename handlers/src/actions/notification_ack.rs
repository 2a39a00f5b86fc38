//! `notificationAck`: a message or notification of the speaker's is read, and not delivered again.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::NotificationId;
use longhaul_shared::protocol::{ErrorCode, ErrorResponse, ack_confirmed};

use crate::message::{ActionResult, AppContext, FrameContext};

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    id: Option<NotificationId>,
) -> ActionResult {
    // Another's, one that has expired and none are refused in the same words.
    let unknown = || {
        let sentence = "You have no such message or notification.";
        ErrorResponse::new(ErrorCode::NotFound, sentence).with("field", "notificationId")
    };
    let id = id.ok_or_else(unknown)?;
    let inbox = &door.courier.inbox;
    if !inbox.acknowledge(&speaker.owner, id, call.now).await? {
        return Err(unknown().into());
    }
    Ok(Some(ack_confirmed(
        id,
        call.request_id.as_deref(),
        call.now,
    )))
}
