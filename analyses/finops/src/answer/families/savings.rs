//! Estimates what could be saved in a month: commitments, storage classes, traffic between regions and idle
//! resources. The answer states the rule of each estimate.
//!
//! The rates are assumptions close to list prices.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::answer::families::coverage::can_be_committed;
use crate::answer::families::family_answer::{FamilyAnswer, Table};
use crate::answer::families::input::FamilyInput;
use crate::answer::phrases::{self, MAX_LISTED};
use crate::bill::money::{self, PrecisionOverflow};
use crate::bill::usage_totals::PricingTerms;
use crate::cost_data::aws_insights::{AwsInsights, ServiceRecommendations};
use crate::text::sanitize::{clip, escape};
use crate::text::tokens;

/// Days of the bill that a month is estimated from.
const ESTIMATE_DAYS: i64 = 30;
/// What a one-year commitment without upfront payment saves of the on-demand price, in percent.
const COMMITMENT_SAVING_PERCENT: i64 = 27;
/// What the infrequent-access class saves if half of the data in standard storage is rarely read, in percent.
const STORAGE_SAVING_PERCENT: i64 = 23;

struct Saving {
    kind: &'static str,
    what: String,
    cost: Decimal,
    saving: Decimal,
    why: String,
}

pub(crate) fn answer(
    input: FamilyInput<'_>,
    currency: u32,
) -> Result<FamilyAnswer, PrecisionOverflow> {
    let (first, end) = input.covered_days();
    let start = end
        .checked_sub(ESTIMATE_DAYS.days())
        .unwrap_or(first)
        .max(first);
    if start >= end {
        let nothing = format!(
            "The bill has no charges for {} in that time.",
            input.subject()
        );
        return Ok(with_recommendations(
            FamilyAnswer {
                sentence: nothing,
                ..FamilyAnswer::default()
            },
            input.aws_insights,
        ));
    }
    let mut found = usage_savings(input, currency, start, end)?;
    for idle in input.observations(start, end)? {
        if idle.kind == "idle_resource"
            && idle.currency == input.ledger.currencies.keys[currency as usize]
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
    found.truncate(input.question.top.unwrap_or(MAX_LISTED).min(2 * MAX_LISTED));
    let mut total = Decimal::ZERO;
    let mut table = Table::new(&["What", "Cost", "Could save a month"]);
    for saving in &found {
        total = money::add(total, saving.saving).ok_or(PrecisionOverflow)?;
        table.rows.push(vec![
            escape(&saving.what),
            money::display(saving.cost),
            money::display(saving.saving),
        ]);
    }
    let last = end.yesterday().unwrap_or(end);
    let sentence = match found.is_empty() {
        true => format!(
            "I found no savings for {} from {start} to {last}.",
            input.subject()
        ),
        false => format!(
            "About **{}** a month could be saved on {}, judging by {start} to {last}.",
            input.amount(total, currency),
            input.subject()
        ),
    };
    let own = FamilyAnswer {
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
            "currency": clip(input.currency_name(currency)), "start": start.to_string(), "end": end.to_string(),
            "saving": money::exact_text(total),
            "savings": found.iter().map(|saving| json!({
                "kind": saving.kind, "what": clip(&saving.what), "cost": money::exact_text(saving.cost),
                "saving": money::exact_text(saving.saving), "why": clip(&saving.why),
            })).collect::<Vec<_>>(),
        }),
    };
    Ok(with_recommendations(own, input.aws_insights))
}

/// AWS's recommendations, where there is no bill.
pub(crate) fn recommendations_only(aws_insights: &AwsInsights) -> FamilyAnswer {
    let own = FamilyAnswer {
        sentence: "There is no bill to look for savings in.".into(),
        data: json!({}),
        ..FamilyAnswer::default()
    };
    with_recommendations(own, aws_insights)
}

/// Adds AWS's recommendations to our own estimates: a table for each service, with a sum of its own.
fn with_recommendations(mut own: FamilyAnswer, aws_insights: &AwsInsights) -> FamilyAnswer {
    for ServiceRecommendations {
        by,
        count,
        saving,
        largest,
    } in &aws_insights.recommended
    {
        let sum = phrases::amount_in_currency(saving.amount, &saving.currency);
        own.sentence += &format!(
            " {by} estimates that its {count} recommendations would save **{sum}** a month."
        );
        let mut table = Table::new(&[&format!("{by} recommends"), "Cost", "Could save a month"]);
        for one in largest.iter().take(MAX_LISTED) {
            let cost = one.cost.map_or_else(String::new, money::display);
            let what = match one.how.as_str() {
                "" => escape(&one.what),
                how => format!("{}: {}", escape(&one.what), escape(how)),
            };
            table
                .rows
                .push(vec![what, cost, money::display(one.saving)]);
        }
        own.tables.push(table);
    }
    if !aws_insights.recommended.is_empty() {
        let note = "AWS's recommendations are for all accounts, and overlap with each other and with what I found: they are not added.";
        own.notes.push(note.into());
        own.data["recommended"] = aws_insights
            .recommended
            .iter()
            .map(recommendations_json)
            .collect();
    }
    own
}

fn recommendations_json(recommended: &ServiceRecommendations) -> Value {
    let largest = recommended.largest.iter().map(|one| {
        json!({
            "what": one.what, "cost": one.cost.map(money::exact_text), "saving": money::exact_text(one.saving), "how": one.how,
        })
    });
    json!({
        "by": recommended.by, "count": recommended.count, "saving": money::exact_text(recommended.saving.amount),
        "currency": clip(&recommended.saving.currency), "largest": largest.collect::<Vec<_>>(),
    })
}

/// Savings found by the descriptions and the pricing of charges.
fn usage_savings(
    input: FamilyInput<'_>,
    currency: u32,
    start: Date,
    end: Date,
) -> Result<Vec<Saving>, PrecisionOverflow> {
    let filter = input.filter_over_days(start, end);
    let services = &input.ledger.services.keys;
    let mut on_demand: BTreeMap<u32, BTreeMap<Date, Decimal>> = BTreeMap::new();
    let mut storage: BTreeMap<u32, Decimal> = BTreeMap::new();
    let mut traffic: BTreeMap<u32, Decimal> = BTreeMap::new();
    let add_to = |sum: &mut Decimal, more| {
        *sum = money::add(*sum, more).ok_or(PrecisionOverflow)?;
        Ok(())
    };
    for (key, kind, total) in input.usage.in_filter(input.ledger, &filter, currency) {
        if kind.terms != PricingTerms::OnDemand {
            continue;
        }
        if can_be_committed(&services[key.service as usize]) {
            add_to(
                on_demand
                    .entry(key.service)
                    .or_default()
                    .entry(key.day)
                    .or_default(),
                total.cost,
            )?;
        }
        let description = tokens::normalized(&kind.description);
        if description.contains("standardstorage") {
            add_to(storage.entry(key.service).or_default(), total.cost)?;
        }
        if ["interregion", "crossregion", "regiontoregion"]
            .iter()
            .any(|phrase| description.contains(phrase))
        {
            add_to(traffic.entry(key.service).or_default(), total.cost)?;
        }
    }
    let days = usize::try_from((end - start).get_days()).unwrap_or(0);
    let part = |cost: Decimal, hundredths: i64| {
        let saved = cost
            .checked_mul(Decimal::new(hundredths, 2))
            .ok_or(PrecisionOverflow)?;
        Ok(money::round(saved, 2))
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
            saving: part(base, COMMITMENT_SAVING_PERCENT)?,
            why: format!("every day cost at least a {days}th of that on demand; a commitment of one year is taken to save {COMMITMENT_SAVING_PERCENT} %."),
        });
    }
    for (service, cost) in storage {
        found.push(Saving {
            kind: "storage_class",
            what: format!("Storage class of {}", clip(&services[service as usize])),
            cost,
            saving: part(cost, STORAGE_SAVING_PERCENT)?,
            why: format!("all is in the standard class; half of it is taken to be rarely read, which saves {STORAGE_SAVING_PERCENT} % in all."),
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
