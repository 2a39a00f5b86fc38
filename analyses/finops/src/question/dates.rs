//! Parses single dates of a question, complete or partial, and adds calendar units.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use crate::question::amounts;
use crate::text::tokens::Tokens;

/// The parts of a date that a question gives; the others are open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PartialDate {
    pub year: Option<i16>,
    pub month: Option<i8>,
    pub day: Option<i8>,
}

/// A first day and an exclusive end.
pub(crate) type DayRange = (Date, Date);

/// The date that starts at `at`, in any order: `15 May 2025`, `May 15th`, `May`, `2025-05`, `2025-05-15`, `2025`,
/// `Christmas 2025`, or a bare day such as the first of `1 and 15 September`. Returns the index after it, too.
pub(crate) fn partial_date(tokens: &Tokens, at: usize) -> Option<(PartialDate, usize)> {
    let word = tokens.unused_text(at);
    if word == "christmas" {
        let year = year(tokens.unused_text(at + 1));
        let partial_date = PartialDate {
            year,
            month: Some(12),
            day: Some(25),
        };
        return Some((partial_date, at + 1 + usize::from(year.is_some())));
    }
    let dashed = |index: usize| {
        tokens
            .unused(index)
            .is_some_and(|word| matches!(word.separator.as_str(), "-" | "/"))
    };
    if let Some(given_year) = year(word) {
        // `05/2025` and `15-09-2024` mean different dates in different countries, so they are not read.
        let before = at.checked_sub(1).map_or("", |before| tokens.text(before));
        let short = before.len() <= 2 && before.bytes().all(|byte| byte.is_ascii_digit());
        if at > 0
            && short
            && tokens
                .unused(at)
                .is_some_and(|word| matches!(word.separator.as_str(), "/" | "-" | "."))
        {
            return None;
        }
        if let Some(month) = month_name(tokens.unused_text(at + 1)) {
            return Some((
                PartialDate {
                    year: Some(given_year),
                    month: Some(month),
                    day: None,
                },
                at + 2,
            ));
        }
        let dashed_number = |index: usize, max: i8| {
            let text = tokens.unused_text(index);
            (dashed(index) && text.len() <= 2)
                .then(|| text.parse::<i8>().ok())
                .flatten()
                .filter(|n| (1..=max).contains(n))
        };
        let month = dashed_number(at + 1, 12);
        let day = month.and_then(|_| dashed_number(at + 2, 31));
        let end = at + 1 + usize::from(month.is_some()) + usize::from(day.is_some());
        // `2025-13-01` is not a date, and its year alone is not what was asked for.
        if dashed(end)
            && tokens.unused_text(end).len() <= 2
            && tokens.unused_text(end).bytes().all(|b| b.is_ascii_digit())
        {
            return None;
        }
        return Some((
            PartialDate {
                year: Some(given_year),
                month,
                day,
            },
            end,
        ));
    }
    if let Some(day) = day_number(word) {
        let after_of = at + 1 + usize::from(tokens.unused_text(at + 1) == "of");
        let Some(month) = month_name(tokens.unused_text(after_of)) else {
            return Some((
                PartialDate {
                    day: Some(day),
                    ..PartialDate::default()
                },
                at + 1,
            ));
        };
        let year = year(tokens.unused_text(after_of + 1));
        return Some((
            PartialDate {
                year,
                month: Some(month),
                day: Some(day),
            },
            after_of + 1 + usize::from(year.is_some()),
        ));
    }
    let month = month_name(word)?;
    let day = day_number(tokens.unused_text(at + 1))
        .filter(|_| month_name(tokens.unused_text(at + 2)).is_none());
    let after_day = at + 1 + usize::from(day.is_some());
    let after_of = after_day + usize::from(tokens.unused_text(after_day) == "of");
    let year = year(tokens.unused_text(after_of));
    let end = if year.is_some() {
        after_of + 1
    } else {
        after_day
    };
    if day.is_none() && year.is_none() && !meant_as_month(tokens, at) {
        return None;
    }
    Some((
        PartialDate {
            year,
            month: Some(month),
            day,
        },
        end,
    ))
}

/// `may` and `march` are verbs too. Without a day or a year they are months only where a month can stand.
fn meant_as_month(tokens: &Tokens, at: usize) -> bool {
    let Some(word) = tokens
        .unused(at)
        .filter(|word| matches!(word.text.as_str(), "may" | "march"))
    else {
        return true;
    };
    let before = at.checked_sub(1).map_or("", |before| tokens.text(before));
    let after = tokens.text(at + 1);
    let verb = matches!(
        after,
        "i" | "we"
            | "you"
            | "it"
            | "he"
            | "she"
            | "they"
            | "be"
            | "have"
            | "not"
            | "the"
            | "my"
            | "also"
    );
    let preposition = matches!(
        before,
        "in" | "of"
            | "for"
            | "during"
            | "since"
            | "last"
            | "this"
            | "from"
            | "to"
            | "until"
            | "till"
            | "through"
            | "between"
            | "and"
            | "before"
            | "after"
            | "vs"
            | "versus"
            | "with"
            | "than"
            | "against"
            | "compare"
            | "would"
            | "by"
    );
    preposition || (!verb && (after.is_empty() || word.original.starts_with('M')))
}

/// The days that a partial date covers, and whether its year was open. An open year is the latest in which the date
/// starts on or before the bill's last day.
pub(crate) fn resolve(partial_date: PartialDate, last: Date) -> Option<(DayRange, bool)> {
    let (year, relative) = match (partial_date.year, partial_date.month) {
        (Some(year), _) => (year, false),
        (None, Some(month)) => {
            let this_year = (month, partial_date.day.unwrap_or(1)) <= (last.month(), last.day());
            (
                if this_year {
                    last.year()
                } else {
                    last.year() - 1
                },
                true,
            )
        }
        (None, None) => return None,
    };
    let from = Date::new(
        year,
        partial_date.month.unwrap_or(1),
        partial_date.day.unwrap_or(1),
    )
    .ok()?;
    let unit = match (partial_date.month, partial_date.day) {
        (_, Some(_)) => "day",
        (Some(_), None) => "month",
        (None, None) => "year",
    };
    Some(((from, add_units(from, unit, 1)?), relative))
}

pub(crate) fn unit_start(day: Date, unit: &str) -> Option<Date> {
    match unit {
        "day" => Some(day),
        "week" => day
            .checked_sub(i64::from(day.weekday().since(Weekday::Monday)).days())
            .ok(),
        "month" => Some(day.first_of_month()),
        "quarter" => Date::new(day.year(), (day.month() - 1) / 3 * 3 + 1, 1).ok(),
        "year" => Some(day.first_of_year()),
        _ => None,
    }
}

pub(crate) fn add_units(day: Date, unit: &str, count: i64) -> Option<Date> {
    let span = match unit {
        "day" => count.days(),
        "week" => count.weeks(),
        "month" => count.months(),
        "quarter" => (count * 3).months(),
        "year" => count.years(),
        _ => return None,
    };
    day.checked_add(span).ok()
}

/// A count from 1 to 3,660 (ten years of days), as digits or as a word.
pub(crate) fn period_count(text: &str) -> Option<i64> {
    amounts::count(text)
        .filter(|count| (1..=3660).contains(count))
        .map(|count| count as i64)
}

pub(crate) fn year(text: &str) -> Option<i16> {
    (text.len() == 4)
        .then(|| text.parse().ok())
        .flatten()
        .filter(|year| (1990..=2199).contains(year))
}

fn day_number(text: &str) -> Option<i8> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
    if !matches!(&text[digits.len()..], "" | "st" | "nd" | "rd" | "th") || digits.len() > 2 {
        return None;
    }
    digits.parse().ok().filter(|day| (1..=31).contains(day))
}

pub(crate) fn month_name(text: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let index = MONTHS
        .iter()
        .position(|month| *month == text || (text.len() == 3 && month.starts_with(text)));
    let index = index.or((text == "sept").then_some(8))?;
    i8::try_from(index + 1).ok()
}
