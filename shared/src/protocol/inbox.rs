//! Frames of messages between users, and responses about the inbox.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::request::InboxCursor;
use super::responses::{response, rfc3339};
use crate::domain::ids::NotificationId;
use crate::domain::inbox::{InboxContent, InboxEntry};
use crate::domain::limits;

/// The frame in which a user receives an entry of the inbox.
pub fn inbox_entry(entry: &InboxEntry, now: Timestamp) -> String {
    let (kind, data, topic) = parts(entry);
    let mut fields = json!({"data": data});
    if let InboxContent::Notification { .. } = entry.content {
        fields["notificationId"] = entry.id.to_string().into();
    }
    if let Some(topic) = topic {
        fields["topic"] = topic.into();
    }
    response(kind, fields, None, now)
}

/// The response to a message to a user: delivered to a connection, or stored in the inbox.
pub fn message_sent(
    id: NotificationId,
    is_delivered: bool,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let status = if is_delivered { "delivered" } else { "stored" };
    let data = json!({"messageId": id.to_string(), "status": status, "timestamp": now.as_second()});
    response("messageSent", json!({"data": data}), request_id, now)
}

pub fn typing_indicator(from: &str, is_typing: bool, now: Timestamp) -> String {
    let fields = json!({"isTyping": is_typing, "data": {"from": from}});
    response("typing_indicator", fields, None, now)
}

pub fn ack_confirmed(id: NotificationId, request_id: Option<&str>, now: Timestamp) -> String {
    let data = json!({"notificationId": id.to_string(), "status": "read"});
    response("ackConfirmed", json!({"data": data}), request_id, now)
}

/// The response to `listNotifications`: the entries that fit one frame, and the cursor of the next page: after the last entry
/// that fits, or `next` if all fit.
pub fn notifications(
    entries: &[InboxEntry],
    next: Option<InboxCursor>,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let (mut bytes, mut listed) = (0, vec![]);
    for entry in entries {
        let entry = entry_json(entry);
        bytes += entry.to_string().len();
        if bytes > limits::ANSWER_BYTES && !listed.is_empty() {
            break;
        }
        listed.push(entry);
    }
    let cut = (listed.len() < entries.len()).then(|| &entries[listed.len() - 1]);
    let next = cut.map_or(next, |last| {
        Some(InboxCursor {
            is_read: last.is_read,
            after: Some(last.id),
        })
    });
    let mut fields = json!({"notifications": listed});
    if let Some(next) = next {
        fields["cursor"] = next.to_string().into();
    }
    response("notifications", fields, request_id, now)
}

fn entry_json(entry: &InboxEntry) -> Value {
    let (kind, data, topic) = parts(entry);
    let status = if entry.is_read { "read" } else { "unread" };
    let mut listed = json!({
        "notificationId": entry.id.to_string(),
        "type": kind,
        "data": data,
        "status": status,
        "at": rfc3339(entry.at),
    });
    if let Some(topic) = topic {
        listed["topic"] = topic.into();
    }
    listed
}

/// An entry's type, data and topic.
fn parts(entry: &InboxEntry) -> (&str, Value, Option<&str>) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_the_entries_that_fit_and_the_next_cursor() {
        let now = Timestamp::from_second(100).unwrap();
        let entry = |n: u8| InboxEntry {
            id: NotificationId::new(now, &[n; 10]),
            at: now,
            content: InboxContent::Message {
                from: "bob".into(),
                text: "m".repeat(24 * 1024),
                kind: "text".into(),
            },
            is_read: n > 6,
        };
        let all: Vec<InboxEntry> = (0..10).map(entry).collect();
        let page = |entries: &[InboxEntry]| -> (usize, Option<InboxCursor>) {
            let frame = notifications(entries, None, None, now);
            assert!(frame.len() <= 128 * 1024);
            let frame: Value = serde_json::from_str(&frame).unwrap();
            let listed = frame["notifications"].as_array().unwrap().len();
            let cursor = frame["cursor"].as_str();
            (
                listed,
                cursor.map(|cursor| InboxCursor::parse(cursor).unwrap()),
            )
        };
        let (listed, cursor) = page(&all);
        let last = &all[listed - 1];
        let (is_read, after) = (last.is_read, Some(last.id));
        assert_eq!((listed, cursor), (4, Some(InboxCursor { is_read, after })));
        assert_eq!(page(&all[..4]), (4, None));
    }

    #[test]
    fn a_cursor_is_parsed_or_rejected() {
        for text in [
            "unread",
            "read",
            "read~0190c6f3-0000-7000-8000-000000000001",
        ] {
            assert_eq!(InboxCursor::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "~", "seen~", "read~x", "unread~0190"] {
            assert_eq!(InboxCursor::parse(text), None, "{text}");
        }
    }
}
