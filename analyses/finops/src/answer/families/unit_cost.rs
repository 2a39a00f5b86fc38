//! The cost of a unit: what was billed for charges in that unit, divided by the consumed quantity; or the whole
//! cost divided by a number that the question gives.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::json;

use crate::answer::families::family_answer::{FamilyAnswer, Table};
use crate::answer::families::input::FamilyInput;
use crate::answer::phrases::{MAX_LISTED, name_list};
use crate::bill::money::{self, PrecisionOverflow};
use crate::bill::usage_totals::UsageTotal;
use crate::question::intent::CostUnit;
use crate::text::sanitize::{clip, escape};
use crate::text::tokens::{normalized, singular};

/// Decimal places of the price of a unit.
const PRICE_DECIMALS: u32 = 8;

pub(crate) fn answer(
    input: FamilyInput<'_>,
    currency: u32,
    unit: &CostUnit,
) -> Result<FamilyAnswer, PrecisionOverflow> {
    let (start, end) = input.covered_days();
    let when = format!("{}", Days(start, end));
    if let CostUnit::Given { count, noun } = unit {
        let cost = input
            .ledger
            .total(&input.filter_over_days(start, end), currency)?;
        let each = unit_price(cost, *count, Decimal::ONE)?;
        return Ok(FamilyAnswer {
            sentence: format!(
                "{} cost **{}** per {}{when}: {} for {}.",
                input.subject(),
                unit_price_text(input, each, currency),
                escape(noun),
                input.amount(cost, currency),
                money::exact_text(*count),
            ),
            data: json!({
                "currency": clip(input.currency_name(currency)), "unit": clip(noun), "quantity": money::exact_text(*count),
                "cost": money::exact_text(cost), "unitCost": money::exact_text(each),
            }),
            ..FamilyAnswer::default()
        });
    }
    let mut sums: BTreeMap<(String, u32), UsageTotal> = BTreeMap::new();
    let mut units: BTreeMap<String, ()> = BTreeMap::new();
    let filter = input.filter_over_days(start, end);
    for (key, kind, total) in input.usage.in_filter(input.ledger, &filter, currency) {
        if kind.unit.is_empty() {
            continue;
        }
        units.insert(kind.unit.clone(), ());
        let fits = match unit {
            CostUnit::Consumed { unit, .. } => singular(&normalized(&kind.unit)) == *unit,
            _ => true,
        };
        if fits {
            sums.entry((kind.unit.clone(), key.service))
                .or_default()
                .add(total)?;
        }
    }
    if sums.is_empty() {
        let known: Vec<String> = units.into_keys().collect();
        let known = if known.is_empty() {
            "nothing that is consumed".into()
        } else {
            name_list(&known)
        };
        return Ok(FamilyAnswer {
            sentence: format!(
                "The bill has no such unit for {}{when}; it has {known}.",
                input.subject()
            ),
            ..FamilyAnswer::default()
        });
    }
    let per_count = match unit {
        CostUnit::Consumed { per_count, .. } => Decimal::from(*per_count),
        _ => Decimal::ONE,
    };
    let per = |unit: &str| match per_count == Decimal::ONE {
        true => escape(unit),
        false => format!("{} {}", money::exact_text(per_count), escape(unit)),
    };
    let mut table = Table::new(&["Service, unit", "Cost", "Quantity", "Cost of a unit"]);
    let mut rows = Vec::new();
    let mut whole: BTreeMap<&str, UsageTotal> = BTreeMap::new();
    for ((unit, service), total) in &sums {
        whole.entry(unit).or_default().add(total)?;
        let each = unit_price(total.cost, total.quantity, per_count)?;
        let service = &input.ledger.services.keys[*service as usize];
        table.rows.push(vec![
            format!("{}, {}", escape(service), per(unit)),
            money::display(total.cost),
            money::display(total.quantity),
            unit_price_text(input, each, currency),
        ]);
        rows.push(json!({
            "service": clip(service), "unit": clip(unit), "cost": money::exact_text(total.cost),
            "quantity": money::exact_text(total.quantity), "unitCost": money::exact_text(each),
        }));
    }
    table.rows.truncate(4 * MAX_LISTED);
    rows.truncate(4 * MAX_LISTED);
    let mut parts = Vec::new();
    let mut data = json!({"currency": clip(input.currency_name(currency)), "units": rows});
    for (unit, total) in whole.iter().take(MAX_LISTED) {
        let each = unit_price(total.cost, total.quantity, per_count)?;
        parts.push(format!(
            "**{}** per {}",
            unit_price_text(input, each, currency),
            per(unit)
        ));
        // The fields of the unit that the question names are at the top.
        if whole.len() == 1 {
            data["unit"] = clip(unit).into();
            data["cost"] = money::exact_text(total.cost).into();
            data["quantity"] = money::exact_text(total.quantity).into();
            data["unitCost"] = money::exact_text(each).into();
        }
    }
    Ok(FamilyAnswer {
        sentence: format!("{} cost {}{when}.", input.subject(), parts.join(", ")),
        tables: vec![table],
        notes: vec!["Billed cost divided by consumed quantity.".into()],
        data,
    })
}

fn unit_price(
    cost: Decimal,
    quantity: Decimal,
    per_count: Decimal,
) -> Result<Decimal, PrecisionOverflow> {
    if quantity.is_zero() {
        return Ok(Decimal::ZERO);
    }
    let each = cost
        .checked_div(quantity)
        .and_then(|each| each.checked_mul(per_count))
        .ok_or(PrecisionOverflow)?;
    Ok(money::round(each, PRICE_DECIMALS))
}

/// A price to six significant digits.
fn unit_price_text(input: FamilyInput<'_>, each: Decimal, currency: u32) -> String {
    let digits = each.round_sf(6).unwrap_or(each);
    format!(
        "{} {}",
        money::exact_text(digits),
        escape(input.currency_name(currency))
    )
}

struct Days(jiff::civil::Date, jiff::civil::Date);

impl std::fmt::Display for Days {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let last = self.1.yesterday().unwrap_or(self.1);
        write!(formatter, " from {} to {last}", self.0)
    }
}
