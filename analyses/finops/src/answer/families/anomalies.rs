//! Days on which a service cost far more than on the days around, by the rule of [`crate::observations::spikes`].

use serde_json::json;

use crate::answer::families::family_answer::{FamilyAnswer, Table};
use crate::answer::families::input::FamilyInput;
use crate::answer::phrases::{MAX_LISTED, period_phrase};
use crate::bill::money::{self, PrecisionOverflow};
use crate::observations::spikes;
use crate::text::sanitize::{clip, escape};

pub(crate) fn answer(
    input: FamilyInput<'_>,
    currency: u32,
) -> Result<FamilyAnswer, PrecisionOverflow> {
    let mut found = spikes::spikes(input.ledger, &input.question.filter)?;
    found.retain(|spike| spike.currency == currency);
    let mut table = Table::new(&["Day and service", "Cost", "Expected", "Above", "Deviations"]);
    let max_rows = input.question.top.unwrap_or(MAX_LISTED).min(4 * MAX_LISTED);
    let mut listed = Vec::new();
    for spike in found.iter().take(max_rows) {
        let service = &input.ledger.services.keys[spike.service as usize];
        let deviations = spike.deviations();
        table.rows.push(vec![
            format!("{} {}", spike.day, escape(service)),
            money::display(spike.cost),
            money::display(spike.median),
            money::display(spike.excess),
            deviations.map_or_else(|| "-".into(), money::display),
        ]);
        listed.push(json!({
            "date": spike.day.to_string(), "service": clip(service), "amount": money::exact_text(spike.cost),
            "expected": money::exact_text(spike.median), "excess": money::exact_text(spike.excess),
            "deviation": money::exact_text(spike.deviation), "deviations": deviations.map(money::exact_text),
        }));
    }
    let when = match &input.question.period {
        Some(period) => period_phrase(period),
        None => " over the whole bill".into(),
    };
    let sentence = match &found[..] {
        [] => format!("{} has no unusual day{when}.", input.subject()),
        [first, ..] => format!(
            "{} has **{}** unusual {}{when}; the largest is {} of {} with {} above what was expected.",
            input.subject(),
            found.len(),
            if found.len() == 1 { "day" } else { "days" },
            first.day,
            escape(&input.ledger.services.keys[first.service as usize]),
            input.amount(first.excess, currency),
        ),
    };
    Ok(FamilyAnswer {
        sentence,
        tables: if table.rows.is_empty() {
            vec![]
        } else {
            vec![table]
        },
        notes: vec![spikes::SPIKE_RULE.to_string()],
        data: json!({"currency": clip(input.currency_name(currency)), "count": found.len(), "days": listed}),
    })
}
