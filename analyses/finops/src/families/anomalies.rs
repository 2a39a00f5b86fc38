//! Days on which a service cost far more than around them, by the rule of [`super::super::advice`].

use serde_json::json;

use super::super::ledger::TooManyDigits;
use super::super::text::{clip, escape};
use super::super::wording::LISTED;
use super::super::{advice, money};
use super::{Asked, Finding, Table};

pub(super) fn find(asked: Asked<'_>, currency: u32) -> Result<Finding, TooManyDigits> {
    let mut found = advice::spikes(asked.ledger, &asked.question.scope)?;
    found.retain(|spike| spike.currency == currency);
    let mut table = Table::new(&["Day and service", "Cost", "Expected", "Above", "Deviations"]);
    let most = asked.question.top.unwrap_or(LISTED).min(4 * LISTED);
    let mut listed = Vec::new();
    for spike in found.iter().take(most) {
        let service = &asked.ledger.services.keys[spike.service as usize];
        let deviations = spike.deviations();
        table.rows.push(vec![
            format!("{} {}", spike.day, escape(service)),
            money::show(spike.cost),
            money::show(spike.median),
            money::show(spike.excess),
            deviations.map_or_else(|| "-".into(), money::show),
        ]);
        listed.push(json!({
            "date": spike.day.to_string(), "service": clip(service), "amount": money::exact(spike.cost),
            "expected": money::exact(spike.median), "excess": money::exact(spike.excess),
            "deviation": money::exact(spike.deviation), "deviations": deviations.map(money::exact),
        }));
    }
    let when = match &asked.question.period {
        Some(period) => super::super::wording::spoken(period),
        None => " over the whole bill".into(),
    };
    let sentence = match &found[..] {
        [] => format!("{} has no unusual day{when}.", asked.subject()),
        [first, ..] => format!(
            "{} has **{}** unusual {}{when}; the largest is {} of {} with {} above what was expected.",
            asked.subject(),
            found.len(),
            if found.len() == 1 { "day" } else { "days" },
            first.day,
            escape(&asked.ledger.services.keys[first.service as usize]),
            asked.amount(first.excess, currency),
        ),
    };
    Ok(Finding {
        sentence,
        tables: if table.rows.is_empty() {
            vec![]
        } else {
            vec![table]
        },
        notes: vec![advice::RULE.to_string()],
        data: json!({"currency": clip(asked.currency(currency)), "count": found.len(), "days": listed}),
    })
}
