//! `sendMessage` with `recipientId`: a message to a user of the same tenant, kept until it is acknowledged.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::{NotificationId, Owner};
use longhaul_shared::domain::inbox::{InboxContent, InboxEntry};
use longhaul_shared::domain::topics::{Publication, Recipient, Topic};
use longhaul_shared::messaging::user_messenger::MessageStatus;
use longhaul_shared::protocol::{ErrorCode, ErrorResponse, message_sent};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::message::{ActionResult, AppContext, FrameContext};
use crate::quota;

/// A room is a topic, and who subscribes to it has joined.
const ROOM: &str = "room:";

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    recipient: String,
    content: String,
    kind: String,
) -> ActionResult {
    let random = Uuid::new_v4();
    let random = random.as_bytes().first_chunk();
    if recipient.starts_with(ROOM) {
        let id = NotificationId::new(call.now, random.expect("16 bytes have ten"));
        let said = [
            ("messageId", id.to_string()),
            ("from", speaker.owner.user.clone()),
            ("content", content),
            ("type", kind),
        ];
        let data = said.map(|(name, text)| (name.to_owned(), Value::from(text)));
        let data = Map::from_iter(data);
        return to_room(door, call, speaker, &recipient, id, data).await;
    }
    let to = addressed(speaker, recipient)?;
    quota::admit_action(door, call, &speaker.owner).await?;
    let entry = InboxEntry {
        id: NotificationId::new(call.now, random.expect("16 bytes have ten")),
        at: call.now,
        content: InboxContent::Message {
            from: speaker.owner.user.clone(),
            text: content,
            kind,
        },
        is_read: false,
    };
    let is_delivered = match door.courier.send(&to, &entry, call.now).await {
        MessageStatus::Delivered => true,
        MessageStatus::Stored => false,
        MessageStatus::Lost => {
            let sentence = "The message reached nobody and could not be kept.";
            return Err(ErrorResponse::new(ErrorCode::Connection, sentence).into());
        }
    };
    let request_id = call.request_id.as_deref();
    Ok(Some(message_sent(
        entry.id,
        is_delivered,
        request_id,
        call.now,
    )))
}

/// To all who have joined a room, the speaker among them, who must be one; it is kept until each was told.
async fn to_room(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    room: &str,
    id: NotificationId,
    data: Map<String, Value>,
) -> ActionResult {
    let topic = Topic::parse(room).ok_or_else(no_such_room)?;
    let tenant = speaker.owner.tenant.as_deref();
    let connection = &call.connection;
    if !door.subscriptions.has(connection, tenant, &topic).await? {
        return Err(no_such_room().into());
    }
    quota::admit_action(door, call, &speaker.owner).await?;
    let published = Publication {
        id: id.to_string(),
        to: Recipient::Topic(topic),
        tenant_id: speaker.owner.tenant.clone(),
        kind: "message".to_owned(),
        data,
        at: call.now,
    };
    door.fanout.begin(&published).await?;
    let request_id = call.request_id.as_deref();
    Ok(Some(message_sent(id, false, request_id, call.now)))
}

fn no_such_room() -> ErrorResponse {
    let sentence = "You have joined no such room.";
    ErrorResponse::new(ErrorCode::NotFound, sentence).with("field", "recipientId")
}

/// The user of this id, in the speaker's own tenant; a room is none.
pub fn addressed(speaker: &Identity, recipient: String) -> Result<Owner, ErrorResponse> {
    if recipient.starts_with(ROOM) {
        return Err(no_such_room());
    }
    Ok(Owner {
        user: recipient,
        tenant: speaker.owner.tenant.clone(),
    })
}
