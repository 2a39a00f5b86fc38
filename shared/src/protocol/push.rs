//! Frames that answer no request: publications, messages between users, typing indicators, an operator's notices.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::frame::sorted_json;
use crate::domain::ids::NotificationId;
use crate::domain::inbox::{InboxContent, InboxEntry};
use crate::domain::topics::{Publication, Recipient};

/// A frame that nobody asked for.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum ServerPush {
    /// A message of another user, stored until it is acknowledged.
    #[cfg_attr(feature = "schema", schemars(title = "DirectMessage"))]
    Message {
        /// The message.
        data: MessageData,
    },
    /// Another user is typing, or has stopped.
    #[cfg_attr(feature = "schema", schemars(title = "UserTyping"))]
    TypingIndicator {
        /// Whether the user is typing.
        is_typing: bool,
        /// Who it is.
        data: TypingUser,
    },
    /// A notice of an operator or admin.
    #[cfg_attr(feature = "schema", schemars(title = "SystemNotice"))]
    System {
        /// The notice. At most 24 KiB.
        content: String,
    },
}

/// A message between users.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MessageData {
    /// A UUID: `notificationAck` names it as `notificationId`.
    pub message_id: String,
    /// The sender's user id.
    pub from: String,
    /// At most 24 KiB.
    pub content: String,
    /// The sender's name for the content's type, such as `text`. At most 64 characters.
    pub r#type: String,
}

/// Who is typing.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TypingUser {
    /// The user's id.
    pub from: String,
}

/// What was published on a topic, in a room, or to a user.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// What the publisher chose. At most 128 characters; a room's messages have `message`.
    pub r#type: String,
    /// What was published: an object, at most 120 KiB.
    #[cfg_attr(feature = "schema", schemars(with = "Map<String, Value>"))]
    pub data: Value,
    /// A UUID, the same if the notification comes again.
    pub notification_id: String,
    /// The topic, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// The subscription that matched, for a topic's or a room's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
    /// A UUID, the same for all subscriptions that receive this publication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published_id: Option<String>,
}

/// A push as a frame.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PushFrame<T> {
    #[serde(flatten)]
    push: T,
    /// When it was sent or published, in Unix seconds.
    timestamp: i64,
}

impl MessageData {
    pub fn new(id: NotificationId, from: &str, content: &str, kind: &str) -> Self {
        Self {
            message_id: id.to_string(),
            from: from.to_owned(),
            content: content.to_owned(),
            r#type: kind.to_owned(),
        }
    }
}

/// As the data of a room's publication.
impl From<MessageData> for Map<String, Value> {
    fn from(data: MessageData) -> Self {
        let fields = [
            ("messageId", data.message_id),
            ("from", data.from),
            ("content", data.content),
            ("type", data.r#type),
        ];
        fields
            .map(|(name, text)| (name.to_owned(), text.into()))
            .into_iter()
            .collect()
    }
}

fn frame<T: Serialize>(push: T, at: Timestamp) -> String {
    let timestamp = at.as_second();
    sorted_json(&PushFrame { push, timestamp })
}

/// The frame of an operator's notice.
pub fn system(content: &str, now: Timestamp) -> String {
    let content = content.to_owned();
    frame(ServerPush::System { content }, now)
}

/// The frame that says that a user is typing, or has stopped.
pub fn typing_indicator(from: &str, is_typing: bool, now: Timestamp) -> String {
    let data = TypingUser { from: from.into() };
    frame(ServerPush::TypingIndicator { is_typing, data }, now)
}

/// The frame of a publication for one subscription.
pub fn notification(publication: &Publication, subscription: &str) -> String {
    let id = publication.notification_id(subscription);
    let mut notification = Notification {
        r#type: publication.kind.clone(),
        data: Value::Object(publication.data.clone()),
        notification_id: id.to_string(),
        topic: None,
        subscription_id: None,
        published_id: None,
    };
    if let Recipient::Topic(topic) = &publication.to {
        let topic = topic.as_str();
        notification.topic = Some(topic.to_owned());
        notification.subscription_id = Some(format!("{topic}.{subscription}"));
        notification.published_id = Some(publication.published_id().to_string());
    }
    frame(notification, publication.at)
}

/// The frame in which a user receives an entry of the inbox.
pub fn inbox_entry(entry: &InboxEntry, now: Timestamp) -> String {
    match &entry.content {
        InboxContent::Message { from, text, kind } => {
            let data = MessageData::new(entry.id, from, text, kind);
            frame(ServerPush::Message { data }, now)
        }
        InboxContent::Notification { .. } => {
            let (kind, data, topic) = inbox_entry_parts(entry);
            let notification = Notification {
                r#type: kind.to_owned(),
                data,
                notification_id: entry.id.to_string(),
                topic: topic.map(Into::into),
                subscription_id: None,
                published_id: None,
            };
            frame(notification, now)
        }
    }
}

/// An entry's type, data and topic.
pub fn inbox_entry_parts(entry: &InboxEntry) -> (&str, Value, Option<&str>) {
    match &entry.content {
        InboxContent::Message { from, text, kind } => {
            let data = MessageData::new(entry.id, from, text, kind);
            ("message", Value::Object(data.into()), None)
        }
        InboxContent::Notification { kind, data, topic } => {
            let data = serde_json::from_str(data).unwrap_or(Value::Null);
            (kind, data, topic.as_deref())
        }
    }
}
