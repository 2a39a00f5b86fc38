//! What could be saved in a month, estimated by rules that are said with each: commitments, storage classes,
//! traffic between regions, and what lies idle.
//!
//! The rates are assumptions near to list prices; whether a saving can be had, only its owner knows.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::answer::families::coverage::committable;
use crate::answer::families::family_answer::{Finding, Table};
use crate::answer::families::input::Asked;
use crate::answer::phrases::{self, LISTED};
use crate::bill::money::{self, TooManyDigits};
use crate::bill::usage_totals::Terms;
use crate::cost_data::aws_insights::{Opinion, Recommended};
use crate::text::sanitize::{clip, escape};
use crate::text::tokens;

/// Days that a month is estimated from.
const DAYS: i64 = 30;
/// What a one-year commitment without upfront payment saves of the price on demand, in hundredths.
const COMMITMENT: i64 = 27;
/// What the infrequent-access class saves of standard storage, for the half of the data that is rarely read.
const STORAGE: i64 = 23;

struct Saving {
    kind: &'static str,
    what: String,
    cost: Decimal,
    saving: Decimal,
    why: String,
}

pub(crate) fn find(asked: Asked<'_>, currency: u32) -> Result<Finding, TooManyDigits> {
    let (first, end) = asked.covered();
    let start = end.checked_sub(DAYS.days()).unwrap_or(first).max(first);
    if start >= end {
        let nothing = format!("The bill has nothing of {} in that time.", asked.subject());
        return Ok(with_recommended(
            Finding {
                sentence: nothing,
                ..Finding::default()
            },
            asked.opinion,
        ));
    }
    let mut found = metered(asked, currency, start, end)?;
    for idle in asked.advice(start, end)? {
        if idle.kind == "idle_resource"
            && idle.currency == asked.ledger.currencies.keys[currency as usize]
        {
            found.push(Saving {
                kind: "idle",
                what: idle.title.clone(),
                cost: idle.amount,
                saving: idle.amount,
                why: idle.detail,
            });
        }
    }
    found.retain(|saving| saving.saving > Decimal::ZERO);
    found.sort_by(|a, b| b.saving.cmp(&a.saving).then_with(|| a.what.cmp(&b.what)));
    found.truncate(asked.question.top.unwrap_or(LISTED).min(2 * LISTED));
    let mut total = Decimal::ZERO;
    let mut table = Table::new(&["What", "Cost", "Could save a month"]);
    for saving in &found {
        total = money::add(total, saving.saving).ok_or(TooManyDigits)?;
        table.rows.push(vec![
            escape(&saving.what),
            money::show(saving.cost),
            money::show(saving.saving),
        ]);
    }
    let last = end.yesterday().unwrap_or(end);
    let sentence = match found.is_empty() {
        true => format!(
            "I found nothing to save of {} from {start} to {last}.",
            asked.subject()
        ),
        false => format!(
            "About **{}** a month could be saved of {}, going by {start} to {last}.",
            asked.amount(total, currency),
            asked.subject()
        ),
    };
    let own = Finding {
        sentence,
        tables: if found.is_empty() {
            vec![]
        } else {
            vec![table]
        },
        notes: found
            .iter()
            .map(|saving| format!("{}: {}", escape(&saving.what), escape(&saving.why)))
            .collect(),
        data: json!({
            "currency": clip(asked.currency(currency)), "start": start.to_string(), "end": end.to_string(),
            "saving": money::exact(total),
            "savings": found.iter().map(|saving| json!({
                "kind": saving.kind, "what": clip(&saving.what), "cost": money::exact(saving.cost),
                "saving": money::exact(saving.saving), "why": clip(&saving.why),
            })).collect::<Vec<_>>(),
        }),
    };
    Ok(with_recommended(own, asked.opinion))
}

/// What AWS recommends, where there is no bill to look at.
pub(crate) fn recommended_only(opinion: &Opinion) -> Finding {
    let own = Finding {
        sentence: "There is no bill to look for savings in.".into(),
        data: json!({}),
        ..Finding::default()
    };
    with_recommended(own, opinion)
}

/// Puts beside our own estimates what AWS recommends: a table of each service's, with its own sum.
fn with_recommended(mut own: Finding, opinion: &Opinion) -> Finding {
    for Recommended {
        by,
        count,
        saving,
        largest,
    } in &opinion.recommended
    {
        let sum = phrases::amount(saving.amount, &saving.currency);
        own.sentence += &format!(
            " {by} estimates that its {count} recommendations would save **{sum}** a month."
        );
        let mut table = Table::new(&[&format!("{by} recommends"), "Cost", "Could save a month"]);
        for one in largest.iter().take(LISTED) {
            let cost = one.cost.map_or_else(String::new, money::show);
            let what = match one.how.as_str() {
                "" => escape(&one.what),
                how => format!("{}: {}", escape(&one.what), escape(how)),
            };
            table.rows.push(vec![what, cost, money::show(one.saving)]);
        }
        own.tables.push(table);
    }
    if !opinion.recommended.is_empty() {
        let note = "AWS's recommendations are for all accounts, and overlap with each other and with what I found: they are not added.";
        own.notes.push(note.into());
        own.data["recommended"] = opinion.recommended.iter().map(data).collect();
    }
    own
}

fn data(recommended: &Recommended) -> Value {
    let largest = recommended.largest.iter().map(|one| {
        json!({
            "what": one.what, "cost": one.cost.map(money::exact), "saving": money::exact(one.saving), "how": one.how,
        })
    });
    json!({
        "by": recommended.by, "count": recommended.count, "saving": money::exact(recommended.saving.amount),
        "currency": clip(&recommended.saving.currency), "largest": largest.collect::<Vec<_>>(),
    })
}

/// What the charges' own descriptions and terms tell.
fn metered(
    asked: Asked<'_>,
    currency: u32,
    start: Date,
    end: Date,
) -> Result<Vec<Saving>, TooManyDigits> {
    let scope = asked.over(start, end);
    let services = &asked.ledger.services.keys;
    let mut on_demand: BTreeMap<u32, BTreeMap<Date, Decimal>> = BTreeMap::new();
    let mut storage: BTreeMap<u32, Decimal> = BTreeMap::new();
    let mut traffic: BTreeMap<u32, Decimal> = BTreeMap::new();
    let grow = |sum: &mut Decimal, more| {
        *sum = money::add(*sum, more).ok_or(TooManyDigits)?;
        Ok(())
    };
    for (cell, kind, measure) in asked.measures.within(asked.ledger, &scope, currency) {
        if kind.terms != Terms::OnDemand {
            continue;
        }
        if committable(&services[cell.service as usize]) {
            grow(
                on_demand
                    .entry(cell.service)
                    .or_default()
                    .entry(cell.day)
                    .or_default(),
                measure.cost,
            )?;
        }
        let said = tokens::joined(&kind.description);
        if said.contains("standardstorage") {
            grow(storage.entry(cell.service).or_default(), measure.cost)?;
        }
        if ["interregion", "crossregion", "regiontoregion"]
            .iter()
            .any(|phrase| said.contains(phrase))
        {
            grow(traffic.entry(cell.service).or_default(), measure.cost)?;
        }
    }
    let days = usize::try_from((end - start).get_days()).unwrap_or(0);
    let part = |cost: Decimal, hundredths: i64| {
        let saved = cost
            .checked_mul(Decimal::new(hundredths, 2))
            .ok_or(TooManyDigits)?;
        Ok(money::rounded(saved, 2))
    };
    let mut found = Vec::new();
    for (service, daily) in on_demand {
        // A day without a charge needs no commitment.
        let steady = if daily.len() < days {
            None
        } else {
            daily.values().min().copied()
        };
        let Some(base) = steady.and_then(|least| least.checked_mul(Decimal::from(days))) else {
            continue;
        };
        found.push(Saving {
            kind: "commitment",
            what: format!("Commitment for {}", clip(&services[service as usize])),
            cost: base,
            saving: part(base, COMMITMENT)?,
            why: format!("every day cost at least a {days}th of that on demand; a commitment of one year is taken to save {COMMITMENT} %."),
        });
    }
    for (service, cost) in storage {
        found.push(Saving {
            kind: "storage_class",
            what: format!("Storage class of {}", clip(&services[service as usize])),
            cost,
            saving: part(cost, STORAGE)?,
            why: format!("all is in the standard class; half of it is taken to be rarely read, which saves {STORAGE} % in all."),
        });
    }
    for (service, cost) in traffic {
        found.push(Saving {
            kind: "cross_region",
            what: format!(
                "Traffic between regions of {}",
                clip(&services[service as usize])
            ),
            cost,
            saving: cost,
            why: "all of it would be saved if both ends were in one region.".into(),
        });
    }
    Ok(found)
}
