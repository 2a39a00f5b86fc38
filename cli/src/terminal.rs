//! Text for a terminal: aligned tables, elapsed times, durations, words of a shell, and control characters replaced.

use std::time::Duration;

use jiff::Timestamp;

/// The time from `then` to `now`, in the largest unit that it fills, such as `3m`.
pub fn elapsed(then: Timestamp, now: Timestamp) -> String {
    let seconds = (now.as_second() - then.as_second()).max(0);
    let units = [(24 * 3600, "d"), (3600, "h"), (60, "m"), (1, "s")];
    let filled = units.iter().find(|(unit, _)| seconds >= *unit);
    filled.map_or("0s".to_owned(), |(unit, name)| {
        format!("{}{name}", seconds / unit)
    })
}

/// The text with control characters replaced, since text of a queue or a table could move the cursor or break a
/// line.
pub fn printable(text: &str) -> String {
    let replace = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(replace).collect()
}

/// The rows with columns as wide as their widest cell, two spaces apart.
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

/// The text as one word of a shell's command.
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_=.,:/@%+".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Parses a duration: a number and a unit (`s`, `m`, `h` or `d`).
pub fn parse_duration(text: &str) -> Result<Duration, String> {
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
    fn columns_are_aligned_and_control_characters_replaced() {
        let rows = [["a", "bb"], ["ñññ", "c"]].map(|row| row.map(String::from));
        assert_eq!(aligned(&rows), "a    bb\nñññ  c\n");
        assert_eq!(printable("a\x1b[2J\nb"), "a\u{fffd}[2J\u{fffd}b");
    }

    #[test]
    fn elapsed_time_is_in_the_largest_unit_that_it_fills() {
        let at = |second| Timestamp::from_second(second).unwrap();
        for (second, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (7200, "2h"),
            (200_000, "2d"),
        ] {
            assert_eq!(elapsed(at(0), at(second)), text);
        }
        assert_eq!(elapsed(at(5), at(0)), "0s", "clocks differ");
    }

    #[test]
    fn a_duration_is_parsed_or_rejected() {
        for (text, seconds) in [
            ("0s", 0),
            ("90s", 90),
            ("15m", 900),
            ("2h", 7200),
            ("7d", 604_800),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_secs(seconds)),
                "{text}"
            );
        }
        for text in ["", "5", "m", "-1m", "1 h", "2w", "3é"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
