//! Two periods compared: what each was billed, and what changed in each group.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::answer::families::family_answer::{FamilyAnswer, Table};
use crate::answer::families::input::FamilyInput;
use crate::answer::grouping_labels;
use crate::answer::phrases::{MAX_LISTED, change_verb, percent_suffix, period_phrase};
use crate::bill::grouping::Grouping;
use crate::bill::money::{self, PrecisionOverflow};
use crate::question::period::Period;
use crate::text::sanitize::{clip, escape};

/// What one group was billed in both periods.
pub(crate) struct Change {
    pub key: String,
    pub before: Decimal,
    pub after: Decimal,
    pub change: Decimal,
}

/// The period that is compared with, and the one asked about.
pub(crate) fn periods(input: FamilyInput<'_>) -> Option<(Period, Period)> {
    let after = input.question.period.clone()?;
    let before = input
        .question
        .base_period
        .clone()
        .or_else(|| after.preceding())?;
    Some((before, after))
}

pub(crate) fn answer(
    input: FamilyInput<'_>,
    currency: u32,
) -> Result<FamilyAnswer, PrecisionOverflow> {
    let Some((before, after)) = periods(input) else {
        return Ok(periods_missing());
    };
    let grouping = match &input.question.grouping {
        Some(grouping) if !grouping.is_of_days() => grouping.clone(),
        _ => Grouping::Service,
    };
    let changes = changes(input, currency, &before, &after, &grouping)?;
    let old = input
        .ledger
        .total(&input.filter_over_period(&before), currency)?;
    let new = input
        .ledger
        .total(&input.filter_over_period(&after), currency)?;
    let change = money::subtract(new, old).ok_or(PrecisionOverflow)?;
    let name = input.currency_name(currency);
    let mut table = Table::new(&["", "Before", "After", "Change"]);
    table.heading[0] = grouping_labels::title(&grouping, input.ledger);
    let max_rows = input.question.top.unwrap_or(MAX_LISTED).min(4 * MAX_LISTED);
    for row in changes.iter().take(max_rows) {
        table.rows.push(vec![
            escape(&row.key),
            money::display(row.before),
            money::display(row.after),
            money::display(row.change),
        ]);
    }
    table.rows.push([old, new, change].iter().fold(
        vec!["**Total**".into()],
        |mut cells, amount| {
            cells.push(format!("**{}**", money::display(*amount)));
            cells
        },
    ));
    Ok(FamilyAnswer {
        sentence: format!(
            "{}{}: **{}**;{}: **{}**. It {} **{}**{}.",
            input.subject(),
            period_phrase(&before),
            input.amount(old, currency),
            period_phrase(&after),
            input.amount(new, currency),
            change_verb(change),
            input.amount(change.abs(), currency),
            percent_suffix(change, old),
        ),
        tables: vec![table],
        notes: [&before, &after]
            .into_iter()
            .filter_map(|period| input.partial_coverage_note(period))
            .collect(),
        data: json!({
            "currency": clip(name), "before": period_json(&before, old), "after": period_json(&after, new),
            "change": money::exact_text(change), "changePercent": money::percent(change, old).map(money::exact_text),
            "groups": changes.iter().take(max_rows).map(|row| json!({
                "key": clip(&row.key), "before": money::exact_text(row.before), "after": money::exact_text(row.after),
                "change": money::exact_text(row.change),
            })).collect::<Vec<_>>(),
        }),
    })
}

/// The answer where the bill is too short for two periods.
pub(crate) fn periods_missing() -> FamilyAnswer {
    FamilyAnswer {
        sentence: "Name the two periods to compare, such as \"April and May\".".into(),
        ..FamilyAnswer::default()
    }
}

pub(crate) fn period_json(period: &Period, total: Decimal) -> Value {
    json!({"start": period.start.to_string(), "end": period.end.to_string(), "total": money::exact_text(total)})
}

/// What changed between two periods, the largest change first.
pub(crate) fn changes(
    input: FamilyInput<'_>,
    currency: u32,
    before: &Period,
    after: &Period,
    grouping: &Grouping,
) -> Result<Vec<Change>, PrecisionOverflow> {
    let mut sides: BTreeMap<String, (Decimal, Decimal)> = BTreeMap::new();
    for (key, amount) in
        input
            .ledger
            .sums_by_label(&input.filter_over_period(before), currency, grouping)?
    {
        sides.entry(key).or_default().0 = amount;
    }
    for (key, amount) in
        input
            .ledger
            .sums_by_label(&input.filter_over_period(after), currency, grouping)?
    {
        sides.entry(key).or_default().1 = amount;
    }
    let mut changes = Vec::new();
    for (key, (before, after)) in sides {
        let change = money::subtract(after, before).ok_or(PrecisionOverflow)?;
        changes.push(Change {
            key,
            before,
            after,
            change,
        });
    }
    changes.sort_by(|a, b| {
        b.change
            .abs()
            .cmp(&a.change.abs())
            .then_with(|| a.key.cmp(&b.key))
    });
    Ok(changes)
}
