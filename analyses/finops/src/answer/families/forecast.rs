//! Forecasts a cost by a line through the past days: the median of all slopes (Theil and Sen) and the median of the
//! residuals, so that outliers have little effect. Four of five such sums would fall into the interval if the days'
//! deviations from the line were independent.
//!
//! An estimate to the cent, computed in floating point, unlike billed costs.

use jiff::ToSpan;
use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use serde_json::json;

use crate::answer::families::family_answer::FamilyAnswer;
use crate::answer::families::input::FamilyInput;
use crate::answer::phrases::{self, period_phrase};
use crate::bill::money::{self, PrecisionOverflow};
use crate::cost_data::aws_insights::AwsForecast;
use crate::plan::needed_days::{DEFAULT_FORECAST_DAYS, FORECAST_HISTORY_DAYS};
use crate::question::period::Period;
use crate::text::sanitize::clip;

/// Days of the bill that a forecast needs at least.
const MIN_DAYS: usize = 14;
/// Days beyond the bill that a forecast covers at most.
const MAX_DAYS_AHEAD: i64 = 1_100;
/// Four of five values of a normal distribution lie within this many standard deviations.
const DEVIATIONS_OF_80_PERCENT: f64 = 1.281_551_565_544_6;
/// Scales a median absolute deviation to a standard deviation.
const MAD_TO_STANDARD_DEVIATION: f64 = 1.4826;

/// The estimated cost of a number of days.
pub(crate) struct Estimate {
    pub expected: Decimal,
    pub low: Decimal,
    pub high: Decimal,
    /// Days that the line was fitted to.
    pub days: usize,
}

pub(crate) fn answer(
    input: FamilyInput<'_>,
    currency: u32,
) -> Result<FamilyAnswer, PrecisionOverflow> {
    let (_, end) = input.bill_days();
    let Some(period) = input
        .question
        .period
        .clone()
        .or_else(|| default_period(end))
    else {
        return Ok(FamilyAnswer::default());
    };
    let billed = input
        .ledger
        .total(&input.filter_over_period(&period), currency)?;
    let Some(estimate) = estimate(input, currency, period.start.max(end), period.end)? else {
        return Ok(FamilyAnswer {
            sentence: format!(
                "There is no forecast for {}{}: it needs at least {MIN_DAYS} days of the bill and covers at most {MAX_DAYS_AHEAD} days after it.",
                input.subject(),
                period_phrase(&period)
            ),
            ..FamilyAnswer::default()
        });
    };
    let with = |amount: Decimal| money::add(billed, amount).ok_or(PrecisionOverflow);
    let (expected, low, high) = (
        with(estimate.expected)?,
        with(estimate.low)?,
        with(estimate.high)?,
    );
    let formatted = |amount| input.amount(amount, currency);
    let already = match period.start < end {
        true => format!(", including {} that is billed already", formatted(billed)),
        false => String::new(),
    };
    let mut notes = vec![format!(
        "A line through the last {} days (median slope, median level); in four of five cases the cost is within the interval, if the future is like those days.",
        estimate.days
    )];
    if input.question.period.is_none() {
        notes.push(format!(
            "No period was named, so this covers the {DEFAULT_FORECAST_DAYS} days after the bill's last day."
        ));
    }
    let aws_forecast = input.aws_insights.forecast.as_ref();
    notes.extend(aws_forecast.map(aws_forecast_note));
    Ok(FamilyAnswer {
        sentence: format!(
            "{} will cost about **{}**{} (between {} and {}){already}.",
            input.subject(),
            formatted(expected),
            period_phrase(&period),
            formatted(low),
            formatted(high)
        ),
        tables: vec![],
        notes,
        data: json!({
            "currency": clip(input.currency_name(currency)), "start": period.start.to_string(), "end": period.end.to_string(),
            "billed": money::exact_text(billed), "expected": money::exact_text(money::round(expected, 2)),
            "low": money::exact_text(money::round(low, 2)), "high": money::exact_text(money::round(high, 2)),
            "intervalPercent": 80, "fromDays": estimate.days,
            "costExplorer": aws_forecast.map(|aws_forecast| json!({
                "currency": clip(&aws_forecast.expected.currency), "start": aws_forecast.start.to_string(), "end": aws_forecast.end.to_string(),
                "expected": money::exact_text(aws_forecast.expected.amount), "low": money::exact_text(aws_forecast.low), "high": money::exact_text(aws_forecast.high),
            })),
        }),
    })
}

/// A note with Cost Explorer's forecast. The bounds of its months are added, so its interval is rather too wide.
fn aws_forecast_note(aws_forecast: &AwsForecast) -> String {
    let formatted = |amount| phrases::amount_in_currency(amount, &aws_forecast.expected.currency);
    format!(
        "Cost Explorer's own forecast for all accounts from {} to {} is {} (between {} and {}).",
        aws_forecast.start,
        aws_forecast.end.yesterday().unwrap_or(aws_forecast.end),
        formatted(aws_forecast.expected.amount),
        formatted(aws_forecast.low),
        formatted(aws_forecast.high)
    )
}

fn default_period(end: Date) -> Option<Period> {
    Some(Period {
        start: end,
        end: end.checked_add(DEFAULT_FORECAST_DAYS.days()).ok()?,
        text: String::new(),
        relative: true,
    })
}

/// Estimates the days from `start`, which is not before the bill's end. `None` where the bill is too short or
/// `until` too far ahead; zero for no days.
pub(crate) fn estimate(
    input: FamilyInput<'_>,
    currency: u32,
    start: Date,
    until: Date,
) -> Result<Option<Estimate>, PrecisionOverflow> {
    let (first, end) = input.bill_days();
    let from = end
        .checked_sub(FORECAST_HISTORY_DAYS.days())
        .unwrap_or(first)
        .max(first);
    let daily = input
        .ledger
        .sums_by(&input.filter_over_days(from, end), currency, |key| key.day)?;
    let count = usize::try_from((end - from).get_days()).unwrap_or(0);
    if count < MIN_DAYS || i64::from((until - end).get_days()) > MAX_DAYS_AHEAD {
        return Ok(None);
    }
    let mut costs = vec![0.0; count];
    for (day, cost) in daily {
        let at = usize::try_from((day - from).get_days()).unwrap_or(0);
        costs[at] = cost.to_f64().ok_or(PrecisionOverflow)?;
    }
    let ahead = (start - from).get_days()..(until - from).get_days();
    let [expected, margin] = line_sum_and_margin(&costs, ahead.map(f64::from));
    let rounded = |amount: f64| {
        Decimal::from_f64(amount)
            .map(|amount| money::round(amount, 2))
            .ok_or(PrecisionOverflow)
    };
    Ok(Some(Estimate {
        expected: rounded(expected)?,
        low: rounded((expected - margin).max(0.0))?,
        high: rounded(expected + margin)?,
        days: count,
    }))
}

/// The sum of the line over these days, and half the width of its interval.
fn line_sum_and_margin(costs: &[f64], ahead: impl Iterator<Item = f64>) -> [f64; 2] {
    let days = costs.len() as f64;
    let mut slopes = Vec::new();
    for (at, cost) in costs.iter().enumerate() {
        for (later, other) in costs.iter().enumerate().skip(at + 1) {
            slopes.push((other - cost) / (later - at) as f64);
        }
    }
    let slope = median(&mut slopes);
    let mut levels: Vec<f64> = costs
        .iter()
        .enumerate()
        .map(|(day, cost)| cost - slope * day as f64)
        .collect();
    let level = median(&mut levels);
    let mut distances: Vec<f64> = levels.iter().map(|other| (other - level).abs()).collect();
    let deviation = MAD_TO_STANDARD_DEVIATION * median(&mut distances);

    let middle = (days - 1.0) / 2.0;
    let spread: f64 = (0..costs.len())
        .map(|day| (day as f64 - middle).powi(2))
        .sum();
    let (mut sum, mut count, mut offset) = (0.0, 0.0, 0.0);
    for day in ahead {
        // A falling cost ends at zero.
        sum += (level + slope * day).max(0.0);
        count += 1.0;
        offset += day - middle;
    }
    // The days' own deviations, and the errors of the line's level and slope.
    let variance = count + count * count / days + offset * offset / spread;
    [sum, DEVIATIONS_OF_80_PERCENT * deviation * variance.sqrt()]
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}
