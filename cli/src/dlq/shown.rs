//! Dead letters on a terminal: a table, and one letter in whole.
//!
//! Decides nothing.

use jiff::Timestamp;

use crate::dlq::plan::{Entry, Plan, Unreadable};
use crate::terminal::{ago, aligned, printable};

/// Characters of an unreadable body in a table; `show` prints it in whole.
const BODY: usize = 100;

/// A line for each entry, and one for each message that could not be read.
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
    for letter in &plan.unreadable {
        text.push_str(&unreadable(letter, now));
    }
    if plan.elsewhere > 0 {
        let elsewhere = plan.elsewhere;
        text.push_str(&format!(
            "About {elsewhere} more are hidden by another reader, for a minute at most.\n"
        ));
    }
    text
}

/// All that is known of an entry, a line each.
pub fn entry(entry: &Entry) -> String {
    let number = |number: Option<u32>| number.map_or("-".to_owned(), |number| number.to_string());
    let text = |text: &Option<String>| printable(text.as_deref().unwrap_or("-"));
    let fields = [
        ["job", &entry.job],
        ["run", &number(entry.run)],
        ["failed", &format!("{:.3}", entry.since)],
        ["code", &text(&entry.code)],
        ["error", &text(&entry.error)],
        ["attempts", &number(entry.attempts)],
        ["kind", &text(&entry.kind)],
        ["user", &text(&entry.user_id)],
        ["tenant", &text(&entry.tenant_id)],
        ["now", &status(entry)],
        ["messages", &entry.messages.join(" ")],
        ["apply would", &entry.disposal],
    ];
    aligned(&fields.map(|field| field.map(String::from)))
}

/// A message that could not be read, in whole.
pub fn body(letter: &Unreadable) -> String {
    format!(
        "message  {}\nsent     {:.3}\nbody     {}\n",
        letter.message,
        letter.sent_at,
        printable(&letter.body)
    )
}

fn row(entry: &Entry, now: Timestamp) -> [String; 9] {
    let text = |text: &Option<String>| printable(text.as_deref().unwrap_or("-"));
    let number = |number: Option<u32>| number.map_or("-".to_owned(), |number| number.to_string());
    [
        entry.job.clone(),
        number(entry.run),
        format!("{} ago", ago(entry.since, now)),
        text(&entry.kind),
        text(&entry.code),
        number(entry.attempts),
        text(&entry.user_id),
        status(entry),
        entry.disposal.clone(),
    ]
}

fn status(entry: &Entry) -> String {
    entry.status.clone().unwrap_or_else(|| "gone".to_owned())
}

fn unreadable(letter: &Unreadable, now: Timestamp) -> String {
    let body = printable(&letter.body);
    let start: String = body.chars().take(BODY).collect();
    let more = if start.len() < body.len() { "..." } else { "" };
    let (message, ago) = (&letter.message, ago(letter.sent_at, now));
    format!("unreadable message {message}, sent {ago} ago: {start}{more}\n")
}
