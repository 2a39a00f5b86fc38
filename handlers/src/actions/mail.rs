//! Messages between users and what waits in an inbox: which action it is.

use longhaul_shared::auth::Identity;
use longhaul_shared::protocol::Mail;

use super::{list_notifications, notification_ack, send_message, typing};
use crate::message::{Answer, Call, Door};

pub async fn run(door: &Door, call: &Call, speaker: &Identity, asked: Mail) -> Answer {
    match asked {
        Mail::Send {
            recipient,
            content,
            kind,
        } => send_message::run(door, call, speaker, recipient, content, kind).await,
        Mail::Typing {
            recipient,
            is_typing,
        } => typing::run(door, call, speaker, recipient, is_typing).await,
        Mail::Acknowledge(id) => notification_ack::run(door, call, speaker, id).await,
        Mail::List { unread_only, pages } => {
            list_notifications::run(door, call, speaker, unread_only, pages).await
        }
    }
}
