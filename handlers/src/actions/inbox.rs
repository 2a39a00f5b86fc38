//! Messages between users and what waits in an inbox: which action it is.

use longhaul_shared::auth::Identity;
use longhaul_shared::protocol::InboxAction;

use super::{direct_message, list_notifications, notification_ack, typing};
use crate::message::{ActionResult, AppContext, FrameContext};

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    asked: InboxAction,
) -> ActionResult {
    match asked {
        InboxAction::Send {
            recipient,
            content,
            kind,
        } => direct_message::run(door, call, speaker, recipient, content, kind).await,
        InboxAction::Typing {
            recipient,
            is_typing,
        } => typing::run(door, call, speaker, recipient, is_typing).await,
        InboxAction::Acknowledge(id) => notification_ack::run(door, call, speaker, id).await,
        InboxAction::List { unread_only, pages } => {
            list_notifications::run(door, call, speaker, unread_only, pages).await
        }
    }
}
