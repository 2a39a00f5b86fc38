//! `typing_indicator`: tells a user of the same tenant that the speaker writes, or no more. Kept nowhere,
//! and answered by nothing.

use longhaul_shared::auth::Identity;
use longhaul_shared::protocol::typing_indicator;

use super::send_message::addressed;
use crate::message::{Answer, Call, Door};

pub async fn run(
    door: &Door,
    call: &Call,
    speaker: &Identity,
    recipient: String,
    is_typing: bool,
) -> Answer {
    let to = addressed(speaker, recipient)?;
    let frame = typing_indicator(&speaker.owner.user, is_typing, call.now);
    door.courier.tell(&to, &frame, call.now).await?;
    Ok(None)
}
