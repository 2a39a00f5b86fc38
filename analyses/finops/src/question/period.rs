//! Parses the past period that a question names, as whole days.
//!
//! Open years, months and days are relative to the bill's last day, not to the clock, so that an old bill can be
//! asked about. Such a period is marked as relative.

use jiff::civil::Date;

use crate::question::dates::{
    DayRange, PartialDate, add_units, month_name, partial_date, period_count, resolve, unit_start,
    year,
};
use crate::text::tokens::Tokens;

/// Days from `start` to the exclusive `end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Period {
    pub start: Date,
    pub end: Date,
    /// The period as the question writes it.
    pub text: String,
    /// Whether the bill's last day was needed to resolve it.
    pub relative: bool,
}

/// An empty range for a period that does not exist, such as `31 February`.
const IMPOSSIBLE: DayRange = (Date::MAX, Date::MAX);

/// Finds the first period in the question and marks its tokens as used. `first` and `last` are the first and the
/// last day of the bill.
pub(crate) fn find(tokens: &mut Tokens, first: Date, last: Date) -> Option<Period> {
    find_where(tokens, first, last, |_| true)
}

/// Finds up to two periods: `from April to May` is both of them, not a range. Where only one of them has a year,
/// the other gets the same year.
pub(crate) fn find_two(
    tokens: &mut Tokens,
    first: Date,
    last: Date,
) -> (Option<Period>, Option<Period>) {
    let days = |ends: (PartialDate, PartialDate)| ends.0.day.is_some() || ends.1.day.is_some();
    let mut found = [(); 2].map(|()| find_where(tokens, first, last, days));
    if let [Some(a), Some(b)] = &mut found {
        let open = |period: &Period| period.relative && period.names_month();
        match (open(a), open(b)) {
            (true, false) if !b.relative => a.set_year(b.start.year()),
            (false, true) if !a.relative => b.set_year(a.start.year()),
            _ => {}
        }
    }
    let [a, b] = found;
    (a, b)
}

/// Like [`find`], but only with ranges whose ends `admit` accepts.
fn find_where(
    tokens: &mut Tokens,
    first: Date,
    last: Date,
    admit: impl Fn((PartialDate, PartialDate)) -> bool,
) -> Option<Period> {
    let mut start = 0;
    while start < tokens.len() {
        let found = date_range(tokens, start, first, last, &admit)
            .or_else(|| part_of_period(tokens, start, last))
            .or_else(|| relative_period(tokens, start, last))
            .or_else(|| single_period(tokens, start, last));
        match found {
            Some(((from, until), end, relative)) if from < until => {
                let period = Period {
                    start: from,
                    end: until,
                    text: tokens.original_text(start, end),
                    relative,
                };
                tokens.mark_used(start, end);
                return Some(period);
            }
            // Reading a part of a period that does not exist would be a guess.
            Some((_, end, _)) => start = end,
            None => start += 1,
        }
    }
    None
}

impl Period {
    /// The last month that the bill covers completely, going by its last day.
    pub(crate) fn last_month(last: Date) -> Option<Self> {
        let end = unit_start(last.tomorrow().ok()?, "month")?;
        let start = add_units(end, "month", -1)?;
        Some(Self {
            start,
            end,
            text: "the last month".into(),
            relative: true,
        })
    }

    /// Whether it is named, such as `May` or `Q2`, and not relative, such as `last month`.
    fn names_month(&self) -> bool {
        let word = self
            .text
            .split(|c: char| !c.is_alphanumeric())
            .next()
            .unwrap_or_default()
            .to_lowercase();
        month_name(&word).is_some()
            || word.starts_with('q')
            || word.starts_with(|c: char| c.is_ascii_digit())
    }

    fn set_year(&mut self, year: i16) {
        let years = i64::from(year) - i64::from(self.start.year());
        if let (Some(start), Some(end)) = (
            add_units(self.start, "year", years),
            add_units(self.end, "year", years),
        ) {
            (self.start, self.end, self.relative) = (start, end, false);
        }
    }
}

/// `between 1 and 15 September`, `from May to July 2025`, `1-15 September`, `May and June`, `since March`, `until
/// 15 May`.
fn date_range(
    tokens: &Tokens,
    start: usize,
    first: Date,
    last: Date,
    admit: &impl Fn((PartialDate, PartialDate)) -> bool,
) -> Option<(DayRange, usize, bool)> {
    let lead = tokens.unused_text(start);
    const LEADS: [&str; 8] = [
        "between", "from", "since", "after", "before", "until", "till", "through",
    ];
    let after_lead = after_the(tokens, start + usize::from(LEADS.contains(&lead)));
    let (a, after_a) = partial_date(tokens, after_lead)?;
    let open = |span: fn(DayRange, Date, Date) -> DayRange| {
        let (whole, relative) = resolve(a, last)?;
        Some((
            span(whole, first, last.tomorrow().ok()?),
            after_a,
            relative || matches!(lead, "since" | "after"),
        ))
    };
    match lead {
        "since" => return open(|(from, _), _, end| (from, end)),
        "after" => return open(|(_, until), _, end| (until, end)),
        "until" | "till" | "through" => return open(|(_, until), first, _| (first, until)),
        "before" => return open(|(from, _), first, _| (first, from)),
        _ => {}
    }

    let after_separator = after_the(tokens, separator(tokens, after_a)?);
    let (b, after_b) = partial_date(tokens, after_separator)?;
    if !admit((a, b)) {
        return None;
    }
    if tokens.unused_text(after_a) != "and" || lead == "between" || lead == "from" {
        let ends = complete(a, b).and_then(|(a, b)| ends(a, b, last));
        let ((from, until), relative) = ends.map_or((IMPOSSIBLE, false), |(a, b, relative)| {
            ((a.0, b.1), relative)
        });
        return Some(((from, until), after_b, relative));
    }
    // `May and July` is not a range; `May and June` is, in either order.
    let (a, b) = complete(a, b)?;
    let ((a, found), (b, found_too)) = (resolve(a, last)?, resolve(b, last)?);
    let span = match (a, b) {
        _ if a.1 == b.0 => (a.0, b.1),
        _ if b.1 == a.0 => (b.0, a.1),
        _ => return None,
    };
    Some((span, after_b, found || found_too))
}

/// The days of both ends, and whether a year was open. An open year is that of the end, or the one before where the
/// range crosses new year.
fn ends(a: PartialDate, b: PartialDate, last: Date) -> Option<(DayRange, DayRange, bool)> {
    let (until, found) = resolve(b, last)?;
    if a.year.is_some() {
        let (from, found_too) = resolve(a, last)?;
        return Some((from, until, found || found_too));
    }
    let in_year = |year| {
        resolve(
            PartialDate {
                year: Some(year),
                ..a
            },
            last,
        )
        .map(|(span, _)| span)
    };
    let same = in_year(until.0.year())?;
    let from = if same.0 <= until.0 || a.month == b.month {
        same
    } else {
        in_year(until.0.year() - 1)?
    };
    Some((from, until, found))
}

fn after_the(tokens: &Tokens, at: usize) -> usize {
    at + usize::from(tokens.unused_text(at) == "the")
}

/// Each end takes from the other what it leaves open: `1 and 15 September`.
fn complete(a: PartialDate, b: PartialDate) -> Option<(PartialDate, PartialDate)> {
    let month_a = a.month.or(b.month);
    let month_b = b.month.or(a.month);
    if (a.day.is_some() || b.day.is_some()) && (month_a.is_none() || month_b.is_none()) {
        return None;
    }
    // `1 September to 15` continues in the month. `May to 2025` is not a range; `2024 to May 2025` is.
    let (month_a, month_b) = if a.day.is_none() && b.day.is_none() {
        (a.month, b.month)
    } else {
        (month_a, month_b)
    };
    if month_b.is_none() && month_a.is_some() {
        return None;
    }
    // `from November to February 2026` starts in the year before.
    let over_new_year = i16::from(month_a > month_b);
    let year_a = a.year.or(b.year.map(|year| year - over_new_year));
    let year_b = b.year.or(a.year.map(|year| year + over_new_year));
    Some((
        PartialDate {
            year: year_a,
            month: month_a,
            day: a.day,
        },
        PartialDate {
            year: year_b,
            month: month_b,
            day: b.day,
        },
    ))
}

fn separator(tokens: &Tokens, at: usize) -> Option<usize> {
    let word = tokens.unused(at)?;
    match word.text.as_str() {
        "and" | "to" | "until" | "till" | "thru" | "through" => Some(at + 1),
        _ if matches!(word.separator.trim(), "-" | "–" | "—" | ".." | "...") => Some(at),
        _ => None,
    }
}

/// `last month`, `past 7 days`, `this quarter`, `yesterday`, `year to date`.
fn relative_period(tokens: &Tokens, start: usize, last: Date) -> Option<(DayRange, usize, bool)> {
    let tomorrow = last.tomorrow().ok()?;
    let text = |offset: usize| tokens.unused_text(start + offset);
    let to_date = text(1) == "to" && text(2) == "date";
    let (span, length) = match text(0) {
        "today" => ((last, tomorrow), 1),
        "yesterday" => ((last.yesterday().ok()?, last), 1),
        "ytd" => ((unit_start(last, "year")?, tomorrow), 1),
        "mtd" => ((unit_start(last, "month")?, tomorrow), 1),
        "qtd" => ((unit_start(last, "quarter")?, tomorrow), 1),
        unit if to_date => ((unit_start(last, unit)?, tomorrow), 3),
        which @ ("last" | "past" | "previous" | "prior" | "this" | "current") => {
            let count = period_count(text(1));
            let unit = text(1 + usize::from(count.is_some()));
            let length = 2 + usize::from(count.is_some());
            let unit = unit.strip_suffix('s').unwrap_or(unit);
            match (which, count) {
                ("this" | "current", None) => {
                    let from = unit_start(last, unit)?;
                    ((from, add_units(from, unit, 1)?), length)
                }
                ("this" | "current", Some(_)) => return None,
                // `last month` is the complete unit before this one. Several units, or `past`, end with the last
                // day.
                ("last" | "previous" | "prior", None) => {
                    let until = unit_start(last, unit)?;
                    ((add_units(until, unit, -1)?, until), length)
                }
                (_, count) => (
                    (add_units(tomorrow, unit, -count.unwrap_or(1))?, tomorrow),
                    length,
                ),
            }
        }
        _ => return None,
    };
    Some((span, start + length, true))
}

/// `the first week of May`, `last 10 days of Q1 2026`, where a week has seven days; `the second half of May`, from
/// the 16th on.
fn part_of_period(tokens: &Tokens, start: usize, last: Date) -> Option<(DayRange, usize, bool)> {
    let which = tokens.unused_text(start);
    if matches!(which, "first" | "second" | "last") && tokens.unused_text(start + 1) == "half" {
        return half_of_period(tokens, start, last);
    }
    if !matches!(which, "first" | "last") {
        return None;
    }
    let count = period_count(tokens.unused_text(start + 1));
    let unit = start + 1 + usize::from(count.is_some());
    let days = match tokens.unused_text(unit) {
        "day" | "days" => 1,
        "week" | "weeks" => 7,
        _ => return None,
    };
    let days = days * count.unwrap_or(1);
    if !matches!(tokens.unused_text(unit + 1), "of" | "in") {
        return None;
    }
    let ((from, until), end, relative) = single_period(tokens, after_the(tokens, unit + 2), last)?;
    let span = match which {
        "first" => (from, add_units(from, "day", days)?.min(until)),
        _ => (add_units(until, "day", -days)?.max(from), until),
    };
    Some((span, end, relative))
}

/// Half a year is six months; half of anything else is half of its days, and the second half has the odd one.
fn half_of_period(tokens: &Tokens, start: usize, last: Date) -> Option<(DayRange, usize, bool)> {
    if !matches!(tokens.unused_text(start + 2), "of" | "in") {
        return None;
    }
    let ((from, until), end, relative) = single_period(tokens, after_the(tokens, start + 3), last)?;
    let middle = match add_units(from, "year", 1) {
        Some(next) if next == until => add_units(from, "month", 6)?,
        _ => add_units(from, "day", i64::from((until - from).get_days()) / 2)?,
    };
    let span = match tokens.unused_text(start) {
        "first" => (from, middle),
        _ => (middle, until),
    };
    Some((span, end, relative))
}

/// A month, day, quarter or year by itself.
fn single_period(tokens: &Tokens, start: usize, last: Date) -> Option<(DayRange, usize, bool)> {
    let text = tokens.unused_text(start);
    if let Some(quarter) = text
        .strip_prefix('q')
        .and_then(|n| n.parse::<i8>().ok())
        .filter(|n| (1..=4).contains(n))
    {
        let month = quarter * 3 - 2;
        let given = year(tokens.unused_text(start + 1));
        let ((from, _), relative) = resolve(
            PartialDate {
                year: given,
                month: Some(month),
                day: None,
            },
            last,
        )?;
        return Some((
            (from, add_units(from, "month", 3)?),
            start + 1 + usize::from(given.is_some()),
            relative,
        ));
    }
    // `last May` and `this May` mean the same as `May`.
    let qualified = usize::from(matches!(text, "last" | "this"));
    let (partial_date, end) = partial_date(tokens, start + qualified)?;
    if partial_date.month.is_none() && (partial_date.day.is_some() || qualified == 1) {
        return None;
    }
    let (span, relative) = resolve(partial_date, last).unwrap_or((IMPOSSIBLE, false));
    Some((span, end, relative))
}
