//! The days that a forecast is asked for: periods read forward from the bill's last day, where
//! [`crate::question::period`] reads them back.

use jiff::civil::Date;

use crate::question::dates::{Point, Span, number, point, resolve, step, unit_start, year};
use crate::question::period::Period;
use crate::text::tokens::Words;

/// Finds the period and takes its words. Its open end is the bill's last day; an open year is the first
/// that ends after it.
pub(crate) fn find(words: &mut Words, last: Date) -> Option<Period> {
    for start in 0..words.len() {
        let found = rolling(words, start, last)
            .or_else(|| until(words, start, last))
            .or_else(|| single(words, start, last));
        if let Some(((from, until), end)) = found
            && from < until
        {
            let period = Period {
                start: from,
                end: until,
                words: words.quote(start, end),
                relative: true,
            };
            words.take(start, end);
            return Some(period);
        }
    }
    None
}

/// `next month`, `next 30 days`, `this quarter`, `end of the year`, `rest of the month`.
fn rolling(words: &Words, start: usize, last: Date) -> Option<(Span, usize)> {
    let tomorrow = last.tomorrow().ok()?;
    let text = |offset: usize| words.free_text(start + offset);
    let unit = |text: &str| text.strip_suffix('s').unwrap_or(text).to_string();
    match text(0) {
        "next" | "coming" => {
            if let Some(count) = number(text(1)) {
                return Some((
                    (tomorrow, step(tomorrow, &unit(text(2)), count)?),
                    start + 3,
                ));
            }
            let from = step(unit_start(last, text(1))?, text(1), 1)?;
            Some(((from, step(from, text(1), 1)?), start + 2))
        }
        "this" | "current" => {
            let from = unit_start(last, text(1))?;
            Some(((from, step(from, text(1), 1)?), start + 2))
        }
        "end" | "rest" => {
            let at = (1..=3).find(|at| !matches!(text(*at), "of" | "the" | "this"))?;
            let (named, after) = match text(at) {
                "next" => (text(at + 1), at + 2),
                unit => (unit, at + 1),
            };
            if let Some(from) = unit_start(last, named) {
                let count = if after > at + 1 { 2 } else { 1 };
                // On the bill's last day a unit may be over: the next one is meant.
                let end = step(from, named, count)?;
                let end = if end <= tomorrow {
                    step(end, named, 1)?
                } else {
                    end
                };
                return Some(((tomorrow, end), start + after));
            }
            let ((_, until), end) = single(words, start + at, last)?;
            Some(((tomorrow, until), end))
        }
        _ => None,
    }
}

/// `to 31 August`, `until July`, `by Q4`: from the day after the bill's last.
fn until(words: &Words, start: usize, last: Date) -> Option<(Span, usize)> {
    if !matches!(
        words.free_text(start),
        "to" | "until" | "till" | "by" | "through"
    ) {
        return None;
    }
    let skip = usize::from(words.free_text(start + 1) == "the");
    let at = start + 1 + skip;
    if words.free_text(at) == "end" {
        return rolling(words, at, last);
    }
    let ((_, until), end) = single(words, at, last)?;
    Some(((last.tomorrow().ok()?, until), end))
}

/// A month, a day, a quarter or a year, or two of them with `to` or `and` between.
fn single(words: &Words, start: usize, last: Date) -> Option<(Span, usize)> {
    let (first, end) = one(words, start, last)?;
    let joined = matches!(words.free_text(end), "to" | "and" | "until" | "through");
    if joined && let Some(((_, until), end)) = one(words, end + 1, first.1) {
        return Some(((first.0, until), end));
    }
    Some((first, end))
}

fn one(words: &Words, start: usize, last: Date) -> Option<(Span, usize)> {
    let text = words.free_text(start);
    let quarter = text
        .strip_prefix('q')
        .and_then(|n| n.parse::<i8>().ok())
        .filter(|n| (1..=4).contains(n));
    if let Some(quarter) = quarter {
        let given = year(words.free_text(start + 1));
        let named = Point {
            year: given,
            month: Some(quarter * 3 - 2),
            day: None,
        };
        let span = |year| {
            let ((from, _), _) = resolve(
                Point {
                    year: Some(year),
                    ..named
                },
                last,
            )?;
            Some((from, step(from, "month", 3)?))
        };
        return Some((
            ahead(given, last, span)?,
            start + 1 + usize::from(given.is_some()),
        ));
    }
    let (named, end) = point(words, start)?;
    if named.month.is_none() && named.day.is_some() {
        return None;
    }
    let span = |year| {
        resolve(
            Point {
                year: Some(year),
                ..named
            },
            last,
        )
        .map(|(span, _)| span)
    };
    Some((ahead(named.year, last, span)?, end))
}

/// The span in its year, or in the first one in which it ends after the bill.
fn ahead(given: Option<i16>, last: Date, span: impl Fn(i16) -> Option<Span>) -> Option<Span> {
    match given {
        Some(year) => span(year),
        None => (last.year()..=last.year() + 1)
            .filter_map(span)
            .find(|(_, until)| last.tomorrow().is_ok_and(|tomorrow| *until > tomorrow)),
    }
}
