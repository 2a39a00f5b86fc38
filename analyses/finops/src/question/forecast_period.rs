//! Parses the period of a forecast, which lies after the bill's last day; [`crate::question::period`] parses past
//! periods.

use jiff::civil::Date;

use crate::question::dates::{
    DayRange, PartialDate, add_units, partial_date, period_count, resolve, unit_start, year,
};
use crate::question::period::Period;
use crate::text::tokens::Tokens;

/// Finds the first period and marks its tokens as used. An open start is the day after the bill's last; an open
/// year is the first in which the period ends after the bill.
pub(crate) fn find(tokens: &mut Tokens, last: Date) -> Option<Period> {
    for start in 0..tokens.len() {
        let found = relative_period(tokens, start, last)
            .or_else(|| until_date(tokens, start, last))
            .or_else(|| one_or_two_periods(tokens, start, last));
        if let Some(((from, until), end)) = found
            && from < until
        {
            let period = Period {
                start: from,
                end: until,
                text: tokens.original_text(start, end),
                relative: true,
            };
            tokens.mark_used(start, end);
            return Some(period);
        }
    }
    None
}

/// `next month`, `next 30 days`, `this quarter`, `end of the year`, `rest of the month`.
fn relative_period(tokens: &Tokens, start: usize, last: Date) -> Option<(DayRange, usize)> {
    let tomorrow = last.tomorrow().ok()?;
    let text = |offset: usize| tokens.unused_text(start + offset);
    let unit = |text: &str| text.strip_suffix('s').unwrap_or(text).to_string();
    match text(0) {
        "next" | "coming" => {
            if let Some(count) = period_count(text(1)) {
                return Some((
                    (tomorrow, add_units(tomorrow, &unit(text(2)), count)?),
                    start + 3,
                ));
            }
            let from = add_units(unit_start(last, text(1))?, text(1), 1)?;
            Some(((from, add_units(from, text(1), 1)?), start + 2))
        }
        "this" | "current" => {
            let from = unit_start(last, text(1))?;
            Some(((from, add_units(from, text(1), 1)?), start + 2))
        }
        "end" | "rest" => {
            let at = (1..=3).find(|at| !matches!(text(*at), "of" | "the" | "this"))?;
            let (named, after) = match text(at) {
                "next" => (text(at + 1), at + 2),
                unit => (unit, at + 1),
            };
            if let Some(from) = unit_start(last, named) {
                let count = if after > at + 1 { 2 } else { 1 };
                // On the bill's last day a unit may be complete; the next one is meant.
                let end = add_units(from, named, count)?;
                let end = if end <= tomorrow {
                    add_units(end, named, 1)?
                } else {
                    end
                };
                return Some(((tomorrow, end), start + after));
            }
            let ((_, until), end) = one_or_two_periods(tokens, start + at, last)?;
            Some(((tomorrow, until), end))
        }
        _ => None,
    }
}

/// `to 31 August`, `until July`, `by Q4`: from the day after the bill's last.
fn until_date(tokens: &Tokens, start: usize, last: Date) -> Option<(DayRange, usize)> {
    if !matches!(
        tokens.unused_text(start),
        "to" | "until" | "till" | "by" | "through"
    ) {
        return None;
    }
    let skip = usize::from(tokens.unused_text(start + 1) == "the");
    let at = start + 1 + skip;
    if tokens.unused_text(at) == "end" {
        return relative_period(tokens, at, last);
    }
    let ((_, until), end) = one_or_two_periods(tokens, at, last)?;
    Some(((last.tomorrow().ok()?, until), end))
}

/// A month, day, quarter or year, or two of them joined by `to` or `and`.
fn one_or_two_periods(tokens: &Tokens, start: usize, last: Date) -> Option<(DayRange, usize)> {
    let (first, end) = single_period(tokens, start, last)?;
    let joined = matches!(tokens.unused_text(end), "to" | "and" | "until" | "through");
    if joined && let Some(((_, until), end)) = single_period(tokens, end + 1, first.1) {
        return Some(((first.0, until), end));
    }
    Some((first, end))
}

fn single_period(tokens: &Tokens, start: usize, last: Date) -> Option<(DayRange, usize)> {
    let text = tokens.unused_text(start);
    let quarter = text
        .strip_prefix('q')
        .and_then(|n| n.parse::<i8>().ok())
        .filter(|n| (1..=4).contains(n));
    if let Some(quarter) = quarter {
        let given = year(tokens.unused_text(start + 1));
        let named = PartialDate {
            year: given,
            month: Some(quarter * 3 - 2),
            day: None,
        };
        let span = |year| {
            let ((from, _), _) = resolve(
                PartialDate {
                    year: Some(year),
                    ..named
                },
                last,
            )?;
            Some((from, add_units(from, "month", 3)?))
        };
        return Some((
            ahead(given, last, span)?,
            start + 1 + usize::from(given.is_some()),
        ));
    }
    let (named, end) = partial_date(tokens, start)?;
    if named.month.is_none() && named.day.is_some() {
        return None;
    }
    let span = |year| {
        resolve(
            PartialDate {
                year: Some(year),
                ..named
            },
            last,
        )
        .map(|(span, _)| span)
    };
    Some((ahead(named.year, last, span)?, end))
}

/// The days in the given year, or in the first year in which they end after the bill.
fn ahead(
    given: Option<i16>,
    last: Date,
    span: impl Fn(i16) -> Option<DayRange>,
) -> Option<DayRange> {
    match given {
        Some(year) => span(year),
        None => (last.year()..=last.year() + 1)
            .filter_map(span)
            .find(|(_, until)| last.tomorrow().is_ok_and(|tomorrow| *until > tomorrow)),
    }
}
