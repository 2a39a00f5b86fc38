//! Days on which a service cost far more than around them, by the rule of [`crate::observations::spikes`].

use serde_json::json;

use crate::answer::families::family_answer::{Finding, Table};
use crate::answer::families::input::Asked;
use crate::answer::phrases::LISTED;
use crate::bill::money::{self, TooManyDigits};
use crate::observations::spikes;
use crate::text::sanitize::{clip, escape};

pub(crate) fn find(asked: Asked<'_>, currency: u32) -> Result<Finding, TooManyDigits> {
    let mut found = spikes::spikes(asked.ledger, &asked.question.scope)?;
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
        Some(period) => crate::answer::phrases::spoken(period),
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
        notes: vec![spikes::RULE.to_string()],
        data: json!({"currency": clip(asked.currency(currency)), "count": found.len(), "days": listed}),
    })
}
