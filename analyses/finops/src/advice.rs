//! What stands out in a bill: a day on which a service cost far more than around it, and a resource
//! that costs every day and does nothing. Each finding has the rows that it rests on.
//!
//! It states what was charged and by which rule it stands out; it refuses to know why.

use jiff::ToSpan;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::ledger::{Ledger, Scope, TooManyDigits};
use super::money;
use super::text::clip;
use super::traces::{REMEMBERED, Traces};

/// Days before and after that a day is compared with, and how many of them the bill must cover.
const WINDOW: usize = 28;
const FEWEST_DAYS: usize = 14;
/// The last ten years of a bill are looked at; a stray date must not make the rest long.
const LONGEST: i64 = 3_660;
/// A spike is this many robust standard deviations above the median; at six, chance gives none.
const DEVIATIONS: i64 = 6;
/// An idle resource is charged on this many days at least.
const IDLE_DAYS: usize = 14;
/// Findings told of each kind; the answer has a size limit.
const TOLD: usize = 4;

/// One finding.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Advice {
    /// `spike` or `idle_resource`.
    pub kind: &'static str,
    pub title: String,
    pub detail: String,
    /// What the finding is about, in `currency`: a spike's excess, an idle resource's cost.
    pub amount: Decimal,
    pub currency: String,
    /// Rows of the bill with their line numbers, and daily sums of the bill's rows.
    pub evidence: Vec<Value>,
}

/// The findings within the scope, the costliest first.
pub(super) fn find(
    ledger: &Ledger,
    traces: &Traces,
    scope: &Scope,
) -> Result<Vec<Advice>, TooManyDigits> {
    let mut found = told_spikes(ledger, traces, scope)?;
    found.extend(idle_resources(ledger, traces, scope)?);
    Ok(found)
}

/// A day on which a service cost far more than around it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spike {
    pub service: u32,
    pub currency: u32,
    pub day: Date,
    pub cost: Decimal,
    /// What was expected: the median of the days around.
    pub median: Decimal,
    /// Their median absolute deviation.
    pub deviation: Decimal,
    pub excess: Decimal,
}

/// By which rule a day is unusual.
pub(super) const RULE: &str = "A day is unusual when a service cost at least twice the median of the days up to 28 \
    before and after, one whole unit more, and more than six times their spread: 1.4826 median absolute \
    deviations, or a twentieth of the median if that is more.";

impl Spike {
    /// How many spreads it is above what was expected, to two places.
    pub(super) fn deviations(&self) -> Option<Decimal> {
        let spread = spread(self.median, self.deviation);
        Some(money::rounded(self.excess.checked_div(spread)?, 2))
    }
}

/// The spikes within the scope, the largest excess first.
pub(super) fn spikes(ledger: &Ledger, scope: &Scope) -> Result<Vec<Spike>, TooManyDigits> {
    let Some((first, last)) = ledger.days else {
        return Ok(Vec::new());
    };
    // The days around a period are what it is compared with, so they are read beyond its ends.
    let whole = Scope {
        days: None,
        ..scope.clone()
    };
    let mut found = Vec::new();
    let from = last.saturating_sub(LONGEST.days()).max(first);
    let covered = index_of(last, from) + 1;
    for ((service, currency), costs) in ledger.daily(&whole)? {
        // A day without a charge cost nothing.
        let mut dense = vec![Decimal::ZERO; covered];
        for (day, cost) in costs.range(from..) {
            dense[index_of(*day, from)] = *cost;
        }
        for (day, cost) in costs.range(from..) {
            let asked = scope
                .days
                .is_none_or(|(start, end)| start <= *day && *day < end);
            if let Some((median, deviation)) = asked
                .then(|| baseline(&dense, index_of(*day, from)))
                .flatten()
            {
                found.push(Spike {
                    service,
                    currency,
                    day: *day,
                    cost: *cost,
                    median,
                    deviation,
                    excess: *cost - median,
                });
            }
        }
    }
    found.sort_by_key(|spike| (std::cmp::Reverse(spike.excess), spike.day));
    Ok(found)
}

/// The costliest spikes as findings, with the rows that they rest on.
fn told_spikes(
    ledger: &Ledger,
    traces: &Traces,
    scope: &Scope,
) -> Result<Vec<Advice>, TooManyDigits> {
    let whole = Scope {
        days: None,
        ..scope.clone()
    };
    let daily = ledger.daily(&whole)?;
    Ok(spikes(ledger, scope)?
        .into_iter()
        .take(TOLD)
        .map(|Spike { service, currency, day, cost, median, deviation, excess }| {
            let name = &ledger.services.keys[service as usize];
            let currency_name = &ledger.currencies.keys[currency as usize];
            let mut evidence: Vec<Value> = traces.largest.get(&(service, currency, day)).into_iter().flatten()
                .filter(|charge| ledger.admits(&whole, &charge.cell))
                .map(|charge| json!({
                    "line": charge.line, "date": day.to_string(), "service": clip(name),
                    "account": clip(&ledger.account(charge.cell.account)),
                    "region": clip(&ledger.regions.keys[charge.cell.region as usize]),
                    "resource": clip(&charge.resource), "amount": money::exact(charge.amount),
                }))
                .collect();
            for (date, amount) in daily[&(service, currency)].range(day.saturating_sub(2.days())..=day.saturating_add(2.days())) {
                evidence.push(json!({"date": date.to_string(), "service": clip(name), "dayTotal": money::exact(*amount)}));
            }
            Advice {
                kind: "spike",
                title: format!("{} cost {} {currency_name} on {day}", clip(name), money::show(cost)),
                detail: format!(
                    "The median of the days up to {WINDOW} before and after is {} {currency_name}, their median absolute deviation {} {currency_name}: that day is {} {currency_name} above the median.",
                    money::show(median), money::show(deviation), money::show(excess)
                ),
                amount: excess,
                currency: currency_name.clone(),
                evidence,
            }
        })
        .collect())
}

/// Days from `from` to `day`, which is not before it.
fn index_of(day: Date, from: Date) -> usize {
    usize::try_from((day - from).get_days()).unwrap_or(0)
}

/// The median and the median absolute deviation of the days around one, if that is a spike above
/// them: at least twice the median, one whole unit more, and more than [`DEVIATIONS`] times the
/// deviation (scaled to a standard deviation, and taken as a twentieth of the median at least).
fn baseline(costs: &[Decimal], at: usize) -> Option<(Decimal, Decimal)> {
    let cost = costs[at];
    let before = &costs[at.saturating_sub(WINDOW)..at];
    let after = &costs[at + 1..costs.len().min(at + 1 + WINDOW)];
    let days = before.len() + after.len();
    let half = cost / Decimal::TWO;
    // Most days fail this, which needs no sorting.
    let below_half = before
        .iter()
        .chain(after)
        .filter(|other| **other <= half)
        .count();
    if days < FEWEST_DAYS || below_half * 2 < days {
        return None;
    }
    let mut around = [before, after].concat();
    let median = money::median(&mut around);
    let mut distances: Vec<Decimal> = around.iter().map(|other| (*other - median).abs()).collect();
    let deviation = money::median(&mut distances);
    let spread = spread(median, deviation);
    let excess = cost - median;
    let stands_out = median <= half
        && excess > spread * Decimal::from(DEVIATIONS)
        && excess >= Decimal::ONE
        && median > Decimal::ZERO;
    stands_out.then_some((median, deviation))
}

/// The deviation as a standard deviation, and a twentieth of the median at least.
fn spread(median: Decimal, deviation: Decimal) -> Decimal {
    (deviation * Decimal::new(14826, 4)).max(median / Decimal::from(20))
}

fn idle_resources(
    ledger: &Ledger,
    traces: &Traces,
    scope: &Scope,
) -> Result<Vec<Advice>, TooManyDigits> {
    let described = traces.described.iter().map(|entry| (entry, true));
    // With the busy ones not all known, a resource without consumption may be one of them.
    let unused = traces
        .unused
        .iter()
        .filter(|(resource, _)| traces.busy.len() < REMEMBERED && !traces.busy.contains(*resource));
    let mut found = Vec::new();
    for ((resource, idle), described) in described.chain(unused.map(|entry| (entry, false))) {
        let (start, end) = scope.days.unwrap_or((Date::MIN, Date::MAX));
        let days: Vec<(Date, Decimal, u64)> = idle
            .days
            .range(start..end)
            .map(|(day, (cost, line))| (*day, *cost, *line))
            .collect();
        let (Some(first), Some(last)) = (days.first(), days.last()) else {
            continue;
        };
        let covered = usize::try_from((last.0 - first.0).get_days()).unwrap_or(0) + 1;
        let scoped = ledger.admits(
            &Scope {
                days: None,
                ..scope.clone()
            },
            &idle.cell,
        );
        if !scoped || days.len() < IDLE_DAYS || days.len() * 10 < covered * 9 {
            continue;
        }
        let mut amount = Decimal::ZERO;
        for (_, cost, _) in &days {
            amount = money::add(amount, *cost).ok_or(TooManyDigits)?;
        }
        let service = clip(&ledger.services.keys[idle.cell.service as usize]);
        let currency = ledger.currencies.keys[idle.cell.currency as usize].clone();
        let resource = clip(resource);
        let why = if described {
            format!("is billed as \"{}\"", clip(&idle.description))
        } else {
            "is billed without any consumption worth naming".to_string()
        };
        let evidence = days.iter().take(3).chain(days.iter().skip(3).next_back()).map(|(day, cost, line)| json!({
            "line": line, "date": day.to_string(), "service": service, "resource": resource, "dayTotal": money::exact(*cost),
        }));
        found.push(Advice {
            kind: "idle_resource",
            title: format!(
                "{resource} looks idle and cost {} {currency}",
                money::show(amount)
            ),
            detail: format!(
                "This {service} resource {why} on {} days from {} to {}.",
                days.len(),
                first.0,
                last.0
            ),
            amount,
            currency,
            evidence: evidence.collect(),
        });
    }
    found.sort_by(|a, b| b.amount.cmp(&a.amount).then_with(|| a.title.cmp(&b.title)));
    found.truncate(TOLD);
    Ok(found)
}
