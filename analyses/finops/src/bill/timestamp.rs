//! Parses the timestamps of a bill, in the formats that exporters use, to the UTC day.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};

/// The UTC day of `2024-09-01`, `2024-09-01 22:00:00`, `2024-09-01T22:00Z` or `2024-09-01T22:00:00.5+02:00`. A
/// timestamp without a zone is UTC, as FOCUS defines it.
pub(crate) fn day(text: &str) -> Option<Date> {
    let (date, rest) = (text.get(..10)?, &text[10..]);
    let date: Date = date.parse().ok()?;
    let Some(rest) = rest.strip_prefix(['T', 't', ' ']) else {
        return rest.is_empty().then_some(date);
    };
    let zone_at = rest.find(['Z', 'z', '+', '-', ' ']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(zone_at);
    let minutes = match zone.trim() {
        "" | "Z" | "z" | "UTC" => 0,
        offset => offset_minutes(offset)?,
    };
    let time: Time = clock.parse().ok()?;
    let local = DateTime::from_parts(date, time);
    Some(
        local
            .checked_sub(SignedDuration::from_mins(minutes))
            .ok()?
            .date(),
    )
}

fn offset_minutes(offset: &str) -> Option<i64> {
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let digits: String = offset.get(1..)?.chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || !matches!(digits.len(), 2 | 4) {
        return None;
    }
    let hours: i64 = digits[..2].parse().ok()?;
    let minutes: i64 = if digits.len() == 4 {
        digits[2..].parse().ok()?
    } else {
        0
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_parsed_in_every_format() {
        for (text, expected) in [
            ("2024-09-01", "2024-09-01"),
            ("2024-09-01 22:00:00", "2024-09-01"),
            ("2024-09-01T22:00:00Z", "2024-09-01"),
            ("2024-09-01T22:00Z", "2024-09-01"),
            ("2024-09-01 22:00:00 UTC", "2024-09-01"),
            ("2024-09-01T22:00:00.000+00:00", "2024-09-01"),
            ("2024-09-01T22:00:00-05:00", "2024-09-02"),
            ("2024-09-01T01:00:00+0200", "2024-08-31"),
        ] {
            assert_eq!(
                day(text).map(|day| day.to_string()).as_deref(),
                Some(expected),
                "{text}"
            );
        }
        for text in [
            "",
            "2024-09",
            "2024-02-30",
            "01/09/2024",
            "2024-09-01x",
            "2024-09-01T25:00",
            "2024-09-01T10:00+99",
            "2024-09-0é",
        ] {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
