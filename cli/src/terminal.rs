//! Rows on a terminal: tables whose columns line up, ages, and nothing that moves the cursor.
//!
//! Text from a queue or a table may hold anything, so what is printed is printable.

use std::time::Duration;

use jiff::Timestamp;

/// In the largest unit that it fills.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = (now.as_second() - then.as_second()).max(0);
    let units = [(24 * 3600, "d"), (3600, "h"), (60, "m"), (1, "s")];
    let filled = units.iter().find(|(unit, _)| seconds >= *unit);
    filled.map_or("0s".to_owned(), |(unit, name)| {
        format!("{}{name}", seconds / unit)
    })
}

/// Without what would move a terminal's cursor or break a line.
pub fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// Columns as wide as their widest, two spaces apart.
pub fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
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

/// A length of time: a number and a unit.
pub fn age(text: &str) -> Result<Duration, String> {
    let expected = "expected a number and s, m, h or d, such as 15m";
    let unit = text.chars().last().ok_or(expected)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 24 * 3600,
        _ => return Err(expected.to_owned()),
    };
    let number: u32 = text[..text.len() - 1].parse().map_err(|_| expected)?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
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

    #[test]
    fn an_age_is_read_or_refused() {
        for (text, seconds) in [
            ("0s", 0),
            ("90s", 90),
            ("15m", 900),
            ("2h", 7200),
            ("7d", 604_800),
        ] {
            assert_eq!(age(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "5", "m", "-1m", "1 h", "2w", "3é"] {
            assert!(age(text).is_err(), "{text}");
        }
    }
}
