//! `sendMessage` with a recipient: a message to a user of the caller's tenant, stored until it is acknowledged; or
//! to a room, whose subscribers get it as a notification.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::{NotificationId, Owner};
use longhaul_shared::domain::inbox::{InboxContent, InboxEntry};
use longhaul_shared::domain::limits;
use longhaul_shared::domain::topics::{Publication, ROOM_PREFIX, Recipient, Topic};
use longhaul_shared::messaging::inbox_bound::RETRY_AFTER_FULL;
use longhaul_shared::messaging::user_messenger::MessageStatus;
use longhaul_shared::protocol::push::MessageData;
use longhaul_shared::protocol::request::DirectMessageRequest;
use longhaul_shared::protocol::response::{DeliveryStatus, Response, SentMessage};
use longhaul_shared::protocol::{ErrorCode, ErrorResponse, Fields};
use metrics::counter;

use crate::action::Action;
use crate::app_context::AppContext;
use crate::frame::{ActionResult, FrameContext};
use crate::quota::admit_action;

pub struct DirectMessage {
    /// A user's id, or a room's.
    recipient: String,
    content: String,
    /// The message's own type, such as `text`.
    kind: String,
}

impl Action for DirectMessage {
    type Caller = Identity;
    type Request = DirectMessageRequest;

    /// A `sendMessage` without a recipient is a chat message.
    fn matches(fields: &Fields) -> bool {
        fields.contains("recipientId")
    }

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self {
            recipient: fields.user("recipientId")?,
            content: fields.long_text("content")?.to_owned(),
            kind: message_type(fields)?,
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, caller: &Identity) -> ActionResult {
        let id = NotificationId::new(frame.now, &app.random.id_bytes());
        if self.recipient.starts_with(ROOM_PREFIX) {
            return self.send_to_room(app, frame, caller, id).await;
        }
        let to = recipient_owner(caller, self.recipient)?;
        admit_action(app, frame, &caller.owner).await?;
        let inbox = &app.stores.inbox;
        if !app.inbox_bound.admits(inbox, &to, frame.now).await? {
            return Err(full_inbox().into());
        }
        let entry = InboxEntry {
            id,
            at: frame.now,
            content: InboxContent::Message {
                from: caller.owner.user.clone(),
                text: self.content,
                kind: self.kind,
            },
            is_read: false,
        };
        match app.messenger.send(&to, &entry, frame.now).await {
            MessageStatus::Delivered => respond(frame, id, DeliveryStatus::Delivered),
            MessageStatus::Stored => respond(frame, id, DeliveryStatus::Stored),
            MessageStatus::Lost => {
                let message = "The message could be neither delivered nor stored.";
                Err(ErrorResponse::new(ErrorCode::Connection, message).into())
            }
        }
    }
}

impl DirectMessage {
    /// Sends it to all members of a room. The caller must be a member.
    async fn send_to_room(
        self,
        app: &AppContext,
        frame: &FrameContext,
        caller: &Identity,
        id: NotificationId,
    ) -> ActionResult {
        let topic = Topic::parse(&self.recipient).ok_or_else(unknown_room)?;
        let tenant = caller.owner.tenant.as_deref();
        let subscriptions = &app.stores.subscriptions;
        if !subscriptions.has(&frame.connection, tenant, &topic).await? {
            return Err(unknown_room().into());
        }
        admit_action(app, frame, &caller.owner).await?;
        let data = MessageData::new(id, &caller.owner.user, &self.content, &self.kind);
        let publication = Publication {
            id: id.to_string(),
            to: Recipient::Topic(topic),
            tenant_id: caller.owner.tenant.clone(),
            kind: "message".to_owned(),
            data: data.into(),
            at: frame.now,
        };
        app.queues.fanout.begin(&publication).await?;
        respond(frame, id, DeliveryStatus::Stored)
    }
}

fn respond(frame: &FrameContext, id: NotificationId, status: DeliveryStatus) -> ActionResult {
    let data = SentMessage {
        message_id: id.to_string(),
        status,
        timestamp: frame.now.as_second(),
    };
    frame.respond(Response::MessageSent { data })
}

/// The message's type, which stands inside `data` only, since the frame's own `type` may name its action.
fn message_type(fields: &Fields) -> Result<String, ErrorResponse> {
    let max = limits::MESSAGE_TYPE_CHARS;
    match fields.in_data("type").map(|value| value.as_str()) {
        None => Ok("text".to_owned()),
        Some(Some(kind)) if !kind.is_empty() && kind.chars().nth(max).is_none() => {
            Ok(kind.to_owned())
        }
        Some(_) => Err(ErrorResponse::field(
            "type",
            format!("'type' must be a text of 1 to {max} characters."),
        )),
    }
}

fn full_inbox() -> ErrorResponse {
    counter!("LimitsHit", "Limit" => "inbox").increment(1);
    let message = "The recipient has too many unread messages.";
    ErrorResponse {
        retry_after: Some(RETRY_AFTER_FULL.as_secs()),
        ..ErrorResponse::new(ErrorCode::RateLimit, message).with("field", "recipientId")
    }
}

fn unknown_room() -> ErrorResponse {
    let message = "You have joined no such room.";
    ErrorResponse::new(ErrorCode::NotFound, message).with("field", "recipientId")
}

/// The user of this id in the caller's tenant. A room is no user.
pub fn recipient_owner(caller: &Identity, recipient: String) -> Result<Owner, ErrorResponse> {
    if recipient.starts_with(ROOM_PREFIX) {
        return Err(unknown_room());
    }
    Ok(Owner {
        user: recipient,
        tenant: caller.owner.tenant.clone(),
    })
}
