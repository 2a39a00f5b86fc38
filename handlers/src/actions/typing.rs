//! `typing_indicator`: tells a user of the same tenant that the speaker writes, or no more. Kept nowhere,
//! and answered by nothing.

use longhaul_shared::auth::Identity;
use longhaul_shared::protocol::typing_indicator;

use super::direct_message::addressed;
use crate::message::{ActionResult, AppContext, FrameContext};

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    recipient: String,
    is_typing: bool,
) -> ActionResult {
    let to = addressed(speaker, recipient)?;
    let frame = typing_indicator(&speaker.owner.user, is_typing, call.now);
    door.courier.push_to_user(&to, &frame, call.now).await?;
    Ok(None)
}
