//! Two periods beside each other: what each was billed, and what changed by whatever it is grouped.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::answer::families::family_answer::{Finding, Table};
use crate::answer::families::input::Asked;
use crate::answer::grouping_labels;
use crate::answer::phrases::{LISTED, direction, in_percent, spoken};
use crate::bill::grouping::Grouping;
use crate::bill::money::{self, TooManyDigits};
use crate::question::period::Period;
use crate::text::sanitize::{clip, escape};

/// What one value was billed in both periods.
pub(crate) struct Change {
    pub key: String,
    pub before: Decimal,
    pub after: Decimal,
    pub change: Decimal,
}

/// The period asked about, and the one it is compared with.
pub(crate) fn periods(asked: Asked<'_>) -> Option<(Period, Period)> {
    let after = asked.question.period.clone()?;
    let before = asked.question.base.clone().or_else(|| after.preceding())?;
    Some((before, after))
}

pub(crate) fn find(asked: Asked<'_>, currency: u32) -> Result<Finding, TooManyDigits> {
    let Some((before, after)) = periods(asked) else {
        return Ok(unnamed());
    };
    let grouping = match &asked.question.grouping {
        Some(Grouping::Day | Grouping::Month) | None => Grouping::Service,
        Some(grouping) => grouping.clone(),
    };
    let changes = changes(asked, currency, &before, &after, &grouping)?;
    let old = asked.ledger.total(&asked.within(&before), currency)?;
    let new = asked.ledger.total(&asked.within(&after), currency)?;
    let change = money::minus(new, old).ok_or(TooManyDigits)?;
    let name = asked.currency(currency);
    let mut table = Table::new(&["", "Before", "After", "Change"]);
    table.heading[0] = grouping_labels::title(&grouping, asked.ledger);
    let most = asked.question.top.unwrap_or(LISTED).min(4 * LISTED);
    for row in changes.iter().take(most) {
        table.rows.push(vec![
            escape(&row.key),
            money::show(row.before),
            money::show(row.after),
            money::show(row.change),
        ]);
    }
    table.rows.push([old, new, change].iter().fold(
        vec!["**Total**".into()],
        |mut cells, amount| {
            cells.push(format!("**{}**", money::show(*amount)));
            cells
        },
    ));
    Ok(Finding {
        sentence: format!(
            "{}{}: **{}**;{}: **{}**. It {} **{}**{}.",
            asked.subject(),
            spoken(&before),
            asked.amount(old, currency),
            spoken(&after),
            asked.amount(new, currency),
            direction(change),
            asked.amount(change.abs(), currency),
            in_percent(change, old),
        ),
        tables: vec![table],
        notes: [&before, &after]
            .into_iter()
            .filter_map(|period| asked.partly_covered(period))
            .collect(),
        data: json!({
            "currency": clip(name), "before": side(&before, old), "after": side(&after, new),
            "change": money::exact(change), "changePercent": money::percent(change, old).map(money::exact),
            "groups": changes.iter().take(most).map(|row| json!({
                "key": clip(&row.key), "before": money::exact(row.before), "after": money::exact(row.after),
                "change": money::exact(row.change),
            })).collect::<Vec<_>>(),
        }),
    })
}

/// A bill too young for two periods.
pub(crate) fn unnamed() -> Finding {
    Finding {
        sentence: "Name the two periods to compare, such as \"April and May\".".into(),
        ..Finding::default()
    }
}

pub(crate) fn side(period: &Period, total: Decimal) -> Value {
    json!({"start": period.start.to_string(), "end": period.end.to_string(), "total": money::exact(total)})
}

/// What changed between two periods, the largest change first.
pub(crate) fn changes(
    asked: Asked<'_>,
    currency: u32,
    before: &Period,
    after: &Period,
    grouping: &Grouping,
) -> Result<Vec<Change>, TooManyDigits> {
    let mut sides: BTreeMap<String, (Decimal, Decimal)> = BTreeMap::new();
    for (key, amount) in asked
        .ledger
        .tally_by(&asked.within(before), currency, grouping)?
    {
        sides.entry(key).or_default().0 = amount;
    }
    for (key, amount) in asked
        .ledger
        .tally_by(&asked.within(after), currency, grouping)?
    {
        sides.entry(key).or_default().1 = amount;
    }
    let mut changes = Vec::new();
    for (key, (before, after)) in sides {
        let change = money::minus(after, before).ok_or(TooManyDigits)?;
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
