//! `notificationAck`: a message or notification of the speaker's is read, and not delivered again.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::NotificationId;
use longhaul_shared::protocol::{Code, Refusal, ack_confirmed};

use crate::message::{Answer, Call, Door};

pub async fn run(
    door: &Door,
    call: &Call,
    speaker: &Identity,
    id: Option<NotificationId>,
) -> Answer {
    // Another's, one that has expired and none are refused in the same words.
    let unknown = || {
        let sentence = "You have no such message or notification.";
        Refusal::new(Code::NotFound, sentence).with("field", "notificationId")
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
