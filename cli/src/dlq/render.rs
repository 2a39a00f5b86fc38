//! Renders a plan for a terminal: as a table, or one entry in detail.

use jiff::Timestamp;

use crate::dlq::plan::{Entry, Plan, UnreadableMessage};
use crate::terminal::{aligned, elapsed, printable};

/// Characters of an unreadable body in a table; `show` prints the whole body.
const BODY_PREVIEW_CHARS: usize = 100;

/// A line for each entry, and one for each unreadable message.
pub fn table(plan: &Plan, now: Timestamp) -> String {
    let head = [
        "JOB", "RUN", "FAILED", "KIND", "CODE", "TRIES", "USER", "NOW", "DO",
    ];
    let mut rows = vec![head.map(String::from)];
    rows.extend(plan.entries.iter().map(|entry| row(entry, now)));
    let mut text = if plan.entries.is_empty() {
        String::new()
    } else {
        aligned(&rows)
    };
    for message in &plan.unreadable {
        text.push_str(&unreadable_preview(message, now));
    }
    if plan.in_flight > 0 {
        let in_flight = plan.in_flight;
        text.push_str(&format!(
            "About {in_flight} more are hidden by another reader, for at most a minute.\n"
        ));
    }
    text
}

/// A line for each field of an entry.
pub fn entry(entry: &Entry) -> String {
    let number = |number: Option<u32>| number.map_or("-".to_owned(), |number| number.to_string());
    let text = |text: &Option<String>| printable(text.as_deref().unwrap_or("-"));
    let fields = [
        ["job", &entry.job],
        ["run", &number(entry.run)],
        ["failed", &format!("{:.3}", entry.failed_at)],
        ["code", &text(&entry.code)],
        ["error", &text(&entry.error)],
        ["attempts", &number(entry.attempts)],
        ["kind", &text(&entry.kind)],
        ["user", &text(&entry.user_id)],
        ["tenant", &text(&entry.tenant_id)],
        ["now", &status(entry)],
        ["messages", &entry.messages.join(" ")],
        ["apply will", &entry.resolution],
    ];
    aligned(&fields.map(|field| field.map(String::from)))
}

/// An unreadable message with its whole body.
pub fn unreadable(message: &UnreadableMessage) -> String {
    format!(
        "message  {}\nsent     {:.3}\nbody     {}\n",
        message.message,
        message.sent_at,
        printable(&message.body)
    )
}

fn row(entry: &Entry, now: Timestamp) -> [String; 9] {
    let text = |text: &Option<String>| printable(text.as_deref().unwrap_or("-"));
    let number = |number: Option<u32>| number.map_or("-".to_owned(), |number| number.to_string());
    [
        entry.job.clone(),
        number(entry.run),
        format!("{} ago", elapsed(entry.failed_at, now)),
        text(&entry.kind),
        text(&entry.code),
        number(entry.attempts),
        text(&entry.user_id),
        status(entry),
        entry.resolution.clone(),
    ]
}

fn status(entry: &Entry) -> String {
    entry.status.clone().unwrap_or_else(|| "gone".to_owned())
}

fn unreadable_preview(message: &UnreadableMessage, now: Timestamp) -> String {
    let body = printable(&message.body);
    let start: String = body.chars().take(BODY_PREVIEW_CHARS).collect();
    let more = if start.len() < body.len() { "..." } else { "" };
    let (id, ago) = (&message.message, elapsed(message.sent_at, now));
    format!("unreadable message {id}, sent {ago} ago: {start}{more}\n")
}
