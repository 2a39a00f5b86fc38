//! An entry of a user's inbox.

use jiff::Timestamp;

use crate::domain::ids::NotificationId;

/// A message or notification that was sent to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxEntry {
    pub id: NotificationId,
    pub at: Timestamp,
    pub content: InboxContent,
    /// Whether the user acknowledged it.
    pub is_read: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InboxContent {
    /// From another user.
    Message {
        /// The sender's user id.
        from: String,
        text: String,
        /// The sender's name for the content's type, such as `text`.
        kind: String,
    },
    /// From a back end.
    Notification {
        /// The frame's `type`.
        kind: String,
        /// A JSON value's text.
        data: String,
        topic: Option<String>,
    },
}
