//! Finds idle resources: charged on most days, and described as idle or without consumption.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::json;

use crate::bill::charge_filter::ChargeFilter;
use crate::bill::ledger::Ledger;
use crate::bill::money::{self, PrecisionOverflow};
use crate::bill::notable_charges::{MAX_RESOURCES, NotableCharges};
use crate::observations::observation::{MAX_PER_KIND, Observation};
use crate::text::sanitize::clip;

/// An idle resource is charged on this many days at least.
const MIN_IDLE_DAYS: usize = 14;
pub(super) fn idle_resource_observations(
    ledger: &Ledger,
    notable: &NotableCharges,
    filter: &ChargeFilter,
) -> Result<Vec<Observation>, PrecisionOverflow> {
    let described = notable.described_idle.iter().map(|entry| (entry, true));
    // Where not every consuming resource is recorded, one without consumption may be among those left out.
    let without_consumption = notable.without_consumption.iter().filter(|(resource, _)| {
        notable.consuming.len() < MAX_RESOURCES && !notable.consuming.contains(*resource)
    });
    let mut found = Vec::new();
    for ((resource, idle), described) in
        described.chain(without_consumption.map(|entry| (entry, false)))
    {
        let (start, end) = filter.days.unwrap_or((Date::MIN, Date::MAX));
        let days: Vec<(Date, Decimal, u64)> = idle
            .days
            .range(start..end)
            .map(|(day, (cost, line))| (*day, *cost, *line))
            .collect();
        let (Some(first), Some(last)) = (days.first(), days.last()) else {
            continue;
        };
        let covered = usize::try_from((last.0 - first.0).get_days()).unwrap_or(0) + 1;
        let admitted = ledger.admits(
            &ChargeFilter {
                days: None,
                ..filter.clone()
            },
            &idle.key,
        );
        if !admitted || days.len() < MIN_IDLE_DAYS || days.len() * 10 < covered * 9 {
            continue;
        }
        let mut amount = Decimal::ZERO;
        for (_, cost, _) in &days {
            amount = money::add(amount, *cost).ok_or(PrecisionOverflow)?;
        }
        let service = clip(&ledger.services.keys[idle.key.service as usize]);
        let currency = ledger.currencies.keys[idle.key.currency as usize].clone();
        let resource = clip(resource);
        let why = if described {
            format!("is billed as \"{}\"", clip(&idle.description))
        } else {
            "is billed without any consumption worth naming".to_string()
        };
        let evidence = days.iter().take(3).chain(days.iter().skip(3).next_back()).map(|(day, cost, line)| json!({
            "line": line, "date": day.to_string(), "service": service, "resource": resource, "dayTotal": money::exact_text(*cost),
        }));
        found.push(Observation {
            kind: "idle_resource",
            title: format!(
                "{resource} looks idle and cost {} {currency}",
                money::display(amount)
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
    found.truncate(MAX_PER_KIND);
    Ok(found)
}
