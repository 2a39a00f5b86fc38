//! Entries of an inbox: messages between users, and notifications.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::responses::response;
use crate::domain::inbox::{InboxContent, InboxEntry};

/// The frame in which a user receives an entry of the inbox.
pub fn inbox_entry(entry: &InboxEntry, now: Timestamp) -> String {
    let (kind, data, topic) = inbox_entry_parts(entry);
    let mut fields = json!({"data": data});
    if let InboxContent::Notification { .. } = entry.content {
        fields["notificationId"] = entry.id.to_string().into();
    }
    if let Some(topic) = topic {
        fields["topic"] = topic.into();
    }
    response(kind, fields, None, now)
}

/// An entry's type, data and topic.
pub fn inbox_entry_parts(entry: &InboxEntry) -> (&str, Value, Option<&str>) {
    match &entry.content {
        InboxContent::Message { from, text, kind } => {
            let id = entry.id.to_string();
            let data = json!({"messageId": id, "from": from, "content": text, "type": kind});
            ("message", data, None)
        }
        InboxContent::Notification { kind, data, topic } => {
            let data = serde_json::from_str(data).unwrap_or(Value::Null);
            (kind, data, topic.as_deref())
        }
    }
}
