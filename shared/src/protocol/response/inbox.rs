//! Messages and notifications as responses show them.

use serde::Serialize;
use serde_json::Value;

use crate::domain::inbox::InboxEntry;
use crate::protocol::frame::rfc3339;
use crate::protocol::push::inbox_entry_parts;

/// A message that was sent.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SentMessage {
    /// A UUID: the recipient acknowledges it as `notificationId`.
    pub message_id: String,
    /// Whether it has arrived.
    pub status: DeliveryStatus,
    /// When it was sent, in Unix seconds.
    pub timestamp: i64,
}

/// Whether a message has arrived.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum DeliveryStatus {
    /// At least one connection of the recipient received it.
    Delivered,
    /// It is stored and delivered later, for a week at most.
    Stored,
}

/// What was acknowledged.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Acknowledged {
    /// The message's or notification's id.
    pub notification_id: String,
    /// Always `read`.
    pub status: ReadStatus,
}

/// Whether an entry of the inbox is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ReadStatus {
    /// It is pushed again on each new connection.
    Unread,
    /// It was acknowledged.
    Read,
}

/// An entry of the inbox.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct NotificationView {
    /// A UUID.
    pub notification_id: String,
    /// `message` for a message of another user, otherwise what the publisher chose. At most 128 characters.
    pub r#type: String,
    /// What was published; for a message `messageId`, `from`, `content` and `type`.
    pub data: Value,
    /// Whether it was acknowledged.
    pub status: ReadStatus,
    /// When it was sent. RFC 3339 in UTC, with milliseconds.
    pub at: String,
    /// The topic that it is about, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
}

impl NotificationView {
    pub fn new(entry: &InboxEntry) -> Self {
        let (kind, data, topic) = inbox_entry_parts(entry);
        Self {
            notification_id: entry.id.to_string(),
            r#type: kind.to_owned(),
            data,
            status: match entry.is_read {
                true => ReadStatus::Read,
                false => ReadStatus::Unread,
            },
            at: rfc3339(entry.at),
            topic: topic.map(Into::into),
        }
    }
}
