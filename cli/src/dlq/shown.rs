//! Dead letters on a terminal: a table, and one letter in whole.
//!
//! Text from a queue may hold anything, so what is printed is printable. Decides nothing.

use jiff::Timestamp;

use crate::dlq::plan::{Entry, Plan, Unreadable};

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

/// In the largest unit that it fills.
fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = (now.as_second() - then.as_second()).max(0);
    let units = [(24 * 3600, "d"), (3600, "h"), (60, "m"), (1, "s")];
    let filled = units.iter().find(|(unit, _)| seconds >= *unit);
    filled.map_or("0s".to_owned(), |(unit, name)| {
        format!("{}{name}", seconds / unit)
    })
}

/// Without what would move a terminal's cursor or break a line.
fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// Columns as wide as their widest, two spaces apart.
fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_nothing_moves_the_cursor() {
        let rows = [["a", "bb"], ["ñññ", "c"]].map(|row| row.map(String::from));
        assert_eq!(aligned(&rows), "a    bb\nñññ  c\n");
        assert_eq!(printable("a\x1b[2J\nb"), "a\u{fffd}[2J\u{fffd}b");
    }

    #[test]
    fn an_age_is_told_in_the_largest_unit_that_it_fills() {
        let at = |second| Timestamp::from_second(second).unwrap();
        for (second, told) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (7200, "2h"),
            (200_000, "2d"),
        ] {
            assert_eq!(ago(at(0), at(second)), told);
        }
        assert_eq!(ago(at(5), at(0)), "0s", "clocks differ");
    }
}
