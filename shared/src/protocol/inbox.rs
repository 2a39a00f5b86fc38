//! How messages between users and what waits in an inbox are spelled (PROTOCOL 7).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::request::InboxCursor;
use super::responses::{answer, rfc3339};
use crate::domain::ids::NotificationId;
use crate::domain::limits;
use crate::store::inbox::{InboxContent, InboxEntry};

/// What was sent to a user, as the user hears it.
pub fn inbox_entry(entry: &InboxEntry, now: Timestamp) -> String {
    let (kind, data, topic) = spelled(entry);
    let mut fields = json!({"data": data});
    if let InboxContent::Notification { .. } = entry.content {
        fields["notificationId"] = entry.id.to_string().into();
    }
    if let Some(topic) = topic {
        fields["topic"] = topic.into();
    }
    answer(kind, fields, None, now)
}

/// The answer to a message to a user; `is_delivered` says whether somebody heard it, else it is kept.
pub fn message_sent(
    id: NotificationId,
    is_delivered: bool,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let status = if is_delivered { "delivered" } else { "stored" };
    let data = json!({"messageId": id.to_string(), "status": status, "timestamp": now.as_second()});
    answer("messageSent", json!({"data": data}), request_id, now)
}

pub fn typing_indicator(from: &str, is_typing: bool, now: Timestamp) -> String {
    let fields = json!({"isTyping": is_typing, "data": {"from": from}});
    answer("typing_indicator", fields, None, now)
}

pub fn ack_confirmed(id: NotificationId, request_id: Option<&str>, now: Timestamp) -> String {
    let data = json!({"notificationId": id.to_string(), "status": "read"});
    answer("ackConfirmed", json!({"data": data}), request_id, now)
}

/// The answer to `listNotifications`: as many of these as fit one frame, and where the next page begins:
/// after the last that did, or else at `next`.
pub fn notifications(
    entries: &[InboxEntry],
    next: Option<InboxCursor>,
    request_id: Option<&str>,
    now: Timestamp,
) -> String {
    let (mut bytes, mut shown) = (0, vec![]);
    for entry in entries {
        let entry = listed(entry);
        bytes += entry.to_string().len();
        if bytes > limits::ANSWER_BYTES && !shown.is_empty() {
            break;
        }
        shown.push(entry);
    }
    let cut = (shown.len() < entries.len()).then(|| &entries[shown.len() - 1]);
    let next = cut.map_or(next, |last| {
        Some(InboxCursor {
            is_read: last.is_read,
            after: Some(last.id),
        })
    });
    let mut fields = json!({"notifications": shown});
    if let Some(next) = next {
        fields["cursor"] = next.to_string().into();
    }
    answer("notifications", fields, request_id, now)
}

fn listed(entry: &InboxEntry) -> Value {
    let (kind, data, topic) = spelled(entry);
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
fn spelled(entry: &InboxEntry) -> (&str, Value, Option<&str>) {
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
    fn a_page_holds_what_fits_and_says_where_the_next_begins() {
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
            let shown = frame["notifications"].as_array().unwrap().len();
            let cursor = frame["cursor"].as_str();
            (
                shown,
                cursor.map(|cursor| InboxCursor::parse(cursor).unwrap()),
            )
        };
        let (shown, cursor) = page(&all);
        let last = &all[shown - 1];
        let (is_read, after) = (last.is_read, Some(last.id));
        assert_eq!((shown, cursor), (4, Some(InboxCursor { is_read, after })));
        assert_eq!(page(&all[..4]), (4, None));
    }

    #[test]
    fn only_what_reads_so_is_a_cursor() {
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
