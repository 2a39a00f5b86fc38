//! The days of charges that a question needs.

use jiff::ToSpan;
use jiff::civil::Date;

use crate::question::intent::Intent;
use crate::question::parse::Question;

/// Days before the bill's end that a forecast's line is fitted to.
pub(crate) const FORECAST_HISTORY_DAYS: i64 = 90;
/// Days that a forecast covers where the question names none.
pub(crate) const DEFAULT_FORECAST_DAYS: i64 = 30;
/// Days read before and after the period, since spikes are found by comparison with the days around them.
const MARGIN_DAYS: i64 = 28;

/// The days whose charges matter to the answer; `None` is all days.
pub(crate) fn needed_days(question: &Question, last: Date) -> Option<(Date, Date)> {
    let ahead = matches!(question.intent, Intent::Forecast | Intent::Budget(_));
    let recent = last.checked_sub(FORECAST_HISTORY_DAYS.days()).ok()?;
    let (start, end) = match &question.period {
        Some(period) => (period.start, period.end),
        None if question.intent == Intent::Forecast => (recent, last),
        None => return None,
    };
    let before = match &question.base_period {
        Some(base) => base.start,
        None if question.intent.compares_periods() => question.period.as_ref()?.shifted("")?.start,
        None => start,
    };
    let start = if ahead {
        before.min(recent)
    } else {
        before.min(start)
    };
    Some((
        start.checked_sub(MARGIN_DAYS.days()).ok()?,
        end.checked_add(MARGIN_DAYS.days()).ok()?,
    ))
}

pub(crate) fn overlaps(days: Option<(Date, Date)>, needed: Option<(Date, Date)>) -> bool {
    match (days, needed) {
        // Charges may be billed in the month after they were made.
        (Some((start, end)), Some((from, until))) => {
            let late = end.checked_add(1.month()).unwrap_or(end);
            start < until && from < late
        }
        _ => true,
    }
}
