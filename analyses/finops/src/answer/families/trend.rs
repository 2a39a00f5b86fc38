//! How a cost developed: by month where there are three months or more, else by day. The slope is the median of the
//! slopes between all pairs of points (Theil and Sen), so that single outliers have little effect.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::json;

use crate::answer::families::family_answer::{FamilyAnswer, Table};
use crate::answer::families::input::FamilyInput;
use crate::answer::phrases::{change_verb, percent_suffix};
use crate::bill::ledger_sums::month_label;
use crate::bill::money::{self, PrecisionOverflow};
use crate::text::sanitize::clip;

/// Points that the slope is computed from; the time grows with their square.
const MAX_POINTS: usize = 400;

pub(crate) fn answer(
    input: FamilyInput<'_>,
    currency: u32,
) -> Result<FamilyAnswer, PrecisionOverflow> {
    let (start, end) = input.covered_days();
    if start >= end {
        return Ok(too_few_days(input));
    }
    let daily = input
        .ledger
        .sums_by(&input.filter_over_days(start, end), currency, |key| key.day)?;
    let by_month = months_between(start, end) >= 2;
    let mut points: BTreeMap<String, Decimal> = BTreeMap::new();
    let mut day = start;
    while day < end && points.len() <= MAX_POINTS {
        // A day without a charge cost nothing.
        let key = if by_month {
            month_label(day)
        } else {
            day.to_string()
        };
        let point = points.entry(key).or_default();
        *point = money::add(*point, daily.get(&day).copied().unwrap_or_default())
            .ok_or(PrecisionOverflow)?;
        day = match day.tomorrow() {
            Ok(day) => day,
            Err(_) => break,
        };
    }
    let whole = |key: &str| {
        !by_month
            || ((key != month_label(start) || start.day() == 1)
                && (key != month_label(end) || end.day() == 1))
    };
    let labelled: Vec<(String, Decimal, bool)> = points
        .into_iter()
        .map(|(key, amount)| {
            let complete = whole(&key);
            (key, amount, complete)
        })
        .collect();
    let complete: Vec<&(String, Decimal, bool)> = labelled.iter().filter(|point| point.2).collect();
    let [first, .., last] = complete[..] else {
        return Ok(too_few_days(input));
    };
    let change = money::subtract(last.1, first.1).ok_or(PrecisionOverflow)?;
    let slope = median_slope(&complete.iter().map(|point| point.1).collect::<Vec<_>>())?;
    let unit = if by_month { "month" } else { "day" };
    let mut table = Table::new(&[if by_month { "Month" } else { "Day" }, "Cost", "Change"]);
    let mut before: Option<Decimal> = None;
    for (key, amount, complete) in &labelled {
        let step = before
            .and_then(|before| money::subtract(*amount, before))
            .filter(|_| *complete);
        let label = if *complete {
            key.clone()
        } else {
            format!("{key} (in part)")
        };
        table.rows.push(vec![
            label,
            money::display(*amount),
            step.map_or_else(String::new, money::display),
        ]);
        before = complete.then_some(*amount);
    }
    Ok(FamilyAnswer {
        sentence: format!(
            "{} {} **{}**{} from {} ({}) to {} ({}); the usual change from one {unit} to the next is {}.",
            input.subject(),
            change_verb(change),
            input.amount(change.abs(), currency),
            percent_suffix(change, first.1),
            input.amount(first.1, currency),
            first.0,
            input.amount(last.1, currency),
            last.0,
            input.amount(slope, currency),
        ),
        tables: vec![table],
        notes: vec![format!(
            "The usual change is the median of the slopes between any two {unit}s."
        )],
        data: json!({
            "currency": clip(input.currency_name(currency)), "unit": unit,
            "first": {"key": first.0, "amount": money::exact_text(first.1)}, "last": {"key": last.0, "amount": money::exact_text(last.1)},
            "change": money::exact_text(change), "changePercent": money::percent(change, first.1).map(money::exact_text),
            "slope": money::exact_text(slope),
            "points": labelled.iter().map(|(key, amount, whole)| json!({"key": key, "amount": money::exact_text(*amount), "whole": whole})).collect::<Vec<_>>(),
        }),
    })
}

fn too_few_days(input: FamilyInput<'_>) -> FamilyAnswer {
    FamilyAnswer {
        sentence: format!(
            "The bill has too few days of {} to show a trend.",
            input.subject()
        ),
        ..FamilyAnswer::default()
    }
}

/// How many months lie between the months of two days; the second day is exclusive.
fn months_between(start: Date, end: Date) -> i32 {
    let last = end.yesterday().unwrap_or(end);
    let months = |day: Date| i32::from(day.year()) * 12 + i32::from(day.month());
    months(last) - months(start)
}

/// The median slope, to the cent.
fn median_slope(amounts: &[Decimal]) -> Result<Decimal, PrecisionOverflow> {
    let mut slopes = Vec::new();
    for (at, amount) in amounts.iter().enumerate() {
        for (distance, later) in (1u32..).zip(&amounts[at + 1..]) {
            let rise = money::subtract(*later, *amount).ok_or(PrecisionOverflow)?;
            slopes.push(rise / Decimal::from(distance));
        }
    }
    Ok(money::round(money::median(&mut slopes), 2))
}
