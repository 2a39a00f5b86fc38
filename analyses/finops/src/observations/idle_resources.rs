//! Idle resources.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::json;

use crate::bill::charge_filter::Scope;
use crate::bill::ledger::Ledger;
use crate::bill::money::{self, TooManyDigits};
use crate::bill::notable_charges::{REMEMBERED, Traces};
use crate::observations::observation::{Advice, TOLD};
use crate::text::sanitize::clip;

/// An idle resource is charged on this many days at least.
const IDLE_DAYS: usize = 14;
pub(super) fn idle_resources(
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
