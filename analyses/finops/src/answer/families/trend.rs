//! How a cost has developed: by month where there are three months or more, else by day, with the median of all
//! slopes between two points (Theil and Sen), which single outliers do not bend.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::json;

use crate::answer::families::family_answer::{Finding, Table};
use crate::answer::families::input::Asked;
use crate::answer::phrases::{direction, in_percent};
use crate::bill::ledger_sums::month;
use crate::bill::money::{self, TooManyDigits};
use crate::text::sanitize::clip;

/// Points that the slope is drawn through; more would take long.
const POINTS: usize = 400;

pub(crate) fn find(asked: Asked<'_>, currency: u32) -> Result<Finding, TooManyDigits> {
    let (start, end) = asked.covered();
    if start >= end {
        return Ok(nothing(asked));
    }
    let daily = asked
        .ledger
        .tally(&asked.over(start, end), currency, |cell| cell.day)?;
    let by_month = months_between(start, end) >= 2;
    let mut points: BTreeMap<String, Decimal> = BTreeMap::new();
    let mut day = start;
    while day < end && points.len() <= POINTS {
        // A day without a charge cost nothing.
        let key = if by_month {
            month(day)
        } else {
            day.to_string()
        };
        let point = points.entry(key).or_default();
        *point = money::add(*point, daily.get(&day).copied().unwrap_or_default())
            .ok_or(TooManyDigits)?;
        day = match day.tomorrow() {
            Ok(day) => day,
            Err(_) => break,
        };
    }
    let whole = |key: &str| {
        !by_month
            || ((key != month(start) || start.day() == 1) && (key != month(end) || end.day() == 1))
    };
    let shown: Vec<(String, Decimal, bool)> = points
        .into_iter()
        .map(|(key, amount)| {
            let counted = whole(&key);
            (key, amount, counted)
        })
        .collect();
    let counted: Vec<&(String, Decimal, bool)> = shown.iter().filter(|point| point.2).collect();
    let [first, .., last] = counted[..] else {
        return Ok(nothing(asked));
    };
    let change = money::minus(last.1, first.1).ok_or(TooManyDigits)?;
    let slope = slope(&counted.iter().map(|point| point.1).collect::<Vec<_>>())?;
    let unit = if by_month { "month" } else { "day" };
    let mut table = Table::new(&[if by_month { "Month" } else { "Day" }, "Cost", "Change"]);
    let mut before: Option<Decimal> = None;
    for (key, amount, counted) in &shown {
        let step = before
            .and_then(|before| money::minus(*amount, before))
            .filter(|_| *counted);
        let label = if *counted {
            key.clone()
        } else {
            format!("{key} (in part)")
        };
        table.rows.push(vec![
            label,
            money::show(*amount),
            step.map_or_else(String::new, money::show),
        ]);
        before = counted.then_some(*amount);
    }
    Ok(Finding {
        sentence: format!(
            "{} {} **{}**{} from {} ({}) to {} ({}); the usual change from one {unit} to the next is {}.",
            asked.subject(),
            direction(change),
            asked.amount(change.abs(), currency),
            in_percent(change, first.1),
            asked.amount(first.1, currency),
            first.0,
            asked.amount(last.1, currency),
            last.0,
            asked.amount(slope, currency),
        ),
        tables: vec![table],
        notes: vec![format!(
            "The usual change is the median of the slopes between any two {unit}s."
        )],
        data: json!({
            "currency": clip(asked.currency(currency)), "unit": unit,
            "first": {"key": first.0, "amount": money::exact(first.1)}, "last": {"key": last.0, "amount": money::exact(last.1)},
            "change": money::exact(change), "changePercent": money::percent(change, first.1).map(money::exact),
            "slope": money::exact(slope),
            "points": shown.iter().map(|(key, amount, whole)| json!({"key": key, "amount": money::exact(*amount), "whole": whole})).collect::<Vec<_>>(),
        }),
    })
}

fn nothing(asked: Asked<'_>) -> Finding {
    Finding {
        sentence: format!(
            "The bill has too few days of {} to tell a trend.",
            asked.subject()
        ),
        ..Finding::default()
    }
}

/// How many months lie between the months of two days, the last of them exclusive.
fn months_between(start: Date, end: Date) -> i32 {
    let last = end.yesterday().unwrap_or(end);
    let months = |day: Date| i32::from(day.year()) * 12 + i32::from(day.month());
    months(last) - months(start)
}

/// The median slope, to the cent.
fn slope(amounts: &[Decimal]) -> Result<Decimal, TooManyDigits> {
    let mut slopes = Vec::new();
    for (at, amount) in amounts.iter().enumerate() {
        for (distance, later) in (1u32..).zip(&amounts[at + 1..]) {
            let rise = money::minus(*later, *amount).ok_or(TooManyDigits)?;
            slopes.push(rise / Decimal::from(distance));
        }
    }
    Ok(money::rounded(money::median(&mut slopes), 2))
}
