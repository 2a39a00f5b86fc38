//! Finds cost spikes: days on which a service cost far more than on the days around it.

use jiff::ToSpan;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::bill::charge_filter::ChargeFilter;
use crate::bill::ledger::Ledger;
use crate::bill::money::{self, PrecisionOverflow};
use crate::bill::notable_charges::NotableCharges;
use crate::observations::observation::{MAX_PER_KIND, Observation};
use crate::text::sanitize::clip;

/// Days before and after that a day is compared with.
const WINDOW_DAYS: usize = 28;
/// Days of those that the bill must cover.
const MIN_DAYS: usize = 14;
/// Only the last ten years of a bill are searched, so that a stray date does not make the search long.
const MAX_DAYS: i64 = 3_660;
/// A spike is this many robust standard deviations above the median; at six, chance produces none.
const MIN_DEVIATIONS: i64 = 6;

/// A day on which a service cost far more than on the days around it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spike {
    pub service: u32,
    pub currency: u32,
    pub day: Date,
    pub cost: Decimal,
    /// The expected cost: the median of the days around.
    pub median: Decimal,
    /// The median absolute deviation of the days around.
    pub deviation: Decimal,
    pub excess: Decimal,
}

/// The rule by which a day is unusual, as a note for the answer.
pub(crate) const SPIKE_RULE: &str = "A day is unusual when a service cost at least twice the median of the days up to 28 \
    before and after, one whole unit more, and more than six times their spread: 1.4826 median absolute \
    deviations, or a twentieth of the median if that is more.";

impl Spike {
    /// How many spreads the cost is above the median, to two places.
    pub(crate) fn deviations(&self) -> Option<Decimal> {
        let spread = spread(self.median, self.deviation);
        Some(money::round(self.excess.checked_div(spread)?, 2))
    }
}

/// The spikes within the filter, the largest excess first.
pub(crate) fn spikes(
    ledger: &Ledger,
    filter: &ChargeFilter,
) -> Result<Vec<Spike>, PrecisionOverflow> {
    let Some((first, last)) = ledger.days else {
        return Ok(Vec::new());
    };
    // A period is compared with the days around it, so days beyond its ends are included.
    let whole = ChargeFilter {
        days: None,
        ..filter.clone()
    };
    let mut found = Vec::new();
    let from = last.saturating_sub(MAX_DAYS.days()).max(first);
    let covered = index_of(last, from) + 1;
    for ((service, currency), costs) in ledger.daily_costs(&whole)? {
        // A day without a charge cost nothing.
        let mut dense = vec![Decimal::ZERO; covered];
        for (day, cost) in costs.range(from..) {
            dense[index_of(*day, from)] = *cost;
        }
        for (day, cost) in costs.range(from..) {
            let in_period = filter
                .days
                .is_none_or(|(start, end)| start <= *day && *day < end);
            if let Some((median, deviation)) = in_period
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

/// The costliest spikes as observations, with the rows that caused them.
pub(super) fn spike_observations(
    ledger: &Ledger,
    notable: &NotableCharges,
    filter: &ChargeFilter,
) -> Result<Vec<Observation>, PrecisionOverflow> {
    let whole = ChargeFilter {
        days: None,
        ..filter.clone()
    };
    let daily = ledger.daily_costs(&whole)?;
    Ok(spikes(ledger, filter)?
        .into_iter()
        .take(MAX_PER_KIND)
        .map(|Spike { service, currency, day, cost, median, deviation, excess }| {
            let name = &ledger.services.keys[service as usize];
            let currency_name = &ledger.currencies.keys[currency as usize];
            let mut evidence: Vec<Value> = notable.largest.get(&(service, currency, day)).into_iter().flatten()
                .filter(|charge| ledger.admits(&whole, &charge.key))
                .map(|charge| json!({
                    "line": charge.line, "date": day.to_string(), "service": clip(name),
                    "account": clip(&ledger.account_label(charge.key.account)),
                    "region": clip(&ledger.regions.keys[charge.key.region as usize]),
                    "resource": clip(&charge.resource), "amount": money::exact_text(charge.amount),
                }))
                .collect();
            for (date, amount) in daily[&(service, currency)].range(day.saturating_sub(2.days())..=day.saturating_add(2.days())) {
                evidence.push(json!({"date": date.to_string(), "service": clip(name), "dayTotal": money::exact_text(*amount)}));
            }
            Observation {
                kind: "spike",
                title: format!("{} cost {} {currency_name} on {day}", clip(name), money::display(cost)),
                detail: format!(
                    "The median of the days up to {WINDOW_DAYS} before and after is {} {currency_name}, their median absolute deviation {} {currency_name}: that day is {} {currency_name} above the median.",
                    money::display(median), money::display(deviation), money::display(excess)
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

/// The median and the median absolute deviation of the days around the one at `at`, if it is a spike: at least
/// twice the median, one whole unit more, and more than [`MIN_DEVIATIONS`] times the spread (the deviation scaled
/// to a standard deviation, and at least a twentieth of the median).
fn baseline(costs: &[Decimal], at: usize) -> Option<(Decimal, Decimal)> {
    let cost = costs[at];
    let before = &costs[at.saturating_sub(WINDOW_DAYS)..at];
    let after = &costs[at + 1..costs.len().min(at + 1 + WINDOW_DAYS)];
    let days = before.len() + after.len();
    let half = cost / Decimal::TWO;
    // Most days fail this test, which needs no sorting.
    let below_half = before
        .iter()
        .chain(after)
        .filter(|other| **other <= half)
        .count();
    if days < MIN_DAYS || below_half * 2 < days {
        return None;
    }
    let mut around = [before, after].concat();
    let median = money::median(&mut around);
    let mut distances: Vec<Decimal> = around.iter().map(|other| (*other - median).abs()).collect();
    let deviation = money::median(&mut distances);
    let spread = spread(median, deviation);
    let excess = cost - median;
    let stands_out = median <= half
        && excess > spread * Decimal::from(MIN_DEVIATIONS)
        && excess >= Decimal::ONE
        && median > Decimal::ZERO;
    stands_out.then_some((median, deviation))
}

/// The deviation scaled to a standard deviation, and at least a twentieth of the median.
fn spread(median: Decimal, deviation: Decimal) -> Decimal {
    (deviation * Decimal::new(14826, 4)).max(median / Decimal::from(20))
}
