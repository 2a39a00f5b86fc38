//! What a unit costs: what was billed for what is measured in it, divided by how much was consumed; or the whole,
//! divided by a number that the question gives.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::json;

use crate::answer::families::family_answer::{Finding, Table};
use crate::answer::families::input::Asked;
use crate::answer::phrases::{LISTED, listed};
use crate::bill::money::{self, TooManyDigits};
use crate::bill::usage_totals::Measure;
use crate::question::intent::Unit;
use crate::text::sanitize::{clip, escape};
use crate::text::tokens::{joined, singular};

/// Places that a price of a unit is rounded to.
const PLACES: u32 = 8;

pub(crate) fn find(asked: Asked<'_>, currency: u32, unit: &Unit) -> Result<Finding, TooManyDigits> {
    let (start, end) = asked.covered();
    let when = format!("{}", Days(start, end));
    if let Unit::Given { count, noun } = unit {
        let cost = asked.ledger.total(&asked.over(start, end), currency)?;
        let each = price(cost, *count, Decimal::ONE)?;
        return Ok(Finding {
            sentence: format!(
                "{} cost **{}** per {}{when}: {} for {}.",
                asked.subject(),
                shown(asked, each, currency),
                escape(noun),
                asked.amount(cost, currency),
                money::exact(*count),
            ),
            data: json!({
                "currency": clip(asked.currency(currency)), "unit": clip(noun), "quantity": money::exact(*count),
                "cost": money::exact(cost), "unitCost": money::exact(each),
            }),
            ..Finding::default()
        });
    }
    let mut sums: BTreeMap<(String, u32), Measure> = BTreeMap::new();
    let mut units: BTreeMap<String, ()> = BTreeMap::new();
    let scope = asked.over(start, end);
    for (cell, kind, measure) in asked.measures.within(asked.ledger, &scope, currency) {
        if kind.unit.is_empty() {
            continue;
        }
        units.insert(kind.unit.clone(), ());
        let fits = match unit {
            Unit::Consumed { unit, .. } => singular(&joined(&kind.unit)) == *unit,
            _ => true,
        };
        if fits {
            sums.entry((kind.unit.clone(), cell.service))
                .or_default()
                .grow(measure)?;
        }
    }
    if sums.is_empty() {
        let known: Vec<String> = units.into_keys().collect();
        let known = if known.is_empty() {
            "nothing that is consumed".into()
        } else {
            listed(&known)
        };
        return Ok(Finding {
            sentence: format!(
                "The bill has no such unit for {}{when}; it has {known}.",
                asked.subject()
            ),
            ..Finding::default()
        });
    }
    let many = match unit {
        Unit::Consumed { many, .. } => Decimal::from(*many),
        _ => Decimal::ONE,
    };
    let per = |unit: &str| match many == Decimal::ONE {
        true => escape(unit),
        false => format!("{} {}", money::exact(many), escape(unit)),
    };
    let mut table = Table::new(&["Service, unit", "Cost", "Quantity", "Cost of a unit"]);
    let mut rows = Vec::new();
    let mut whole: BTreeMap<&str, Measure> = BTreeMap::new();
    for ((unit, service), measure) in &sums {
        whole.entry(unit).or_default().grow(measure)?;
        let each = price(measure.cost, measure.quantity, many)?;
        let service = &asked.ledger.services.keys[*service as usize];
        table.rows.push(vec![
            format!("{}, {}", escape(service), per(unit)),
            money::show(measure.cost),
            money::show(measure.quantity),
            shown(asked, each, currency),
        ]);
        rows.push(json!({
            "service": clip(service), "unit": clip(unit), "cost": money::exact(measure.cost),
            "quantity": money::exact(measure.quantity), "unitCost": money::exact(each),
        }));
    }
    table.rows.truncate(4 * LISTED);
    rows.truncate(4 * LISTED);
    let mut parts = Vec::new();
    let mut data = json!({"currency": clip(asked.currency(currency)), "units": rows});
    for (unit, measure) in whole.iter().take(LISTED) {
        let each = price(measure.cost, measure.quantity, many)?;
        parts.push(format!(
            "**{}** per {}",
            shown(asked, each, currency),
            per(unit)
        ));
        // What the question named stands at the top.
        if whole.len() == 1 {
            data["unit"] = clip(unit).into();
            data["cost"] = money::exact(measure.cost).into();
            data["quantity"] = money::exact(measure.quantity).into();
            data["unitCost"] = money::exact(each).into();
        }
    }
    Ok(Finding {
        sentence: format!("{} cost {}{when}.", asked.subject(), parts.join(", ")),
        tables: vec![table],
        notes: vec!["Billed cost divided by consumed quantity.".into()],
        data,
    })
}

fn price(cost: Decimal, quantity: Decimal, many: Decimal) -> Result<Decimal, TooManyDigits> {
    if quantity.is_zero() {
        return Ok(Decimal::ZERO);
    }
    let each = cost
        .checked_div(quantity)
        .and_then(|each| each.checked_mul(many))
        .ok_or(TooManyDigits)?;
    Ok(money::rounded(each, PLACES))
}

/// A price with as many digits as tell one from another.
fn shown(asked: Asked<'_>, each: Decimal, currency: u32) -> String {
    let digits = each.round_sf(6).unwrap_or(each);
    format!(
        "{} {}",
        money::exact(digits),
        escape(asked.currency(currency))
    )
}

struct Days(jiff::civil::Date, jiff::civil::Date);

impl std::fmt::Display for Days {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let last = self.1.yesterday().unwrap_or(self.1);
        write!(formatter, " from {} to {last}", self.0)
    }
}
