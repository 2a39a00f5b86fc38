//! What a bill has, for the author of a plan: names, tag keys, days, measures and columns.

use serde_json::{Value, json};

use crate::bill::dimension_values::DimensionValues;
use crate::bill::focus_column::FocusColumn;
use crate::bill::measure::Measure;
use crate::cost_data::CostData;
use crate::text::sanitize::clip;

/// Names listed of each kind.
const MAX_NAMES: usize = 200;

/// The description of a bill.
pub(crate) fn bill(cost_data: &CostData) -> Value {
    let ledger = &cost_data.ledger;
    let columns = FocusColumn::ALL
        .into_iter()
        .filter(|column| column.is_read());
    json!({
        "name": clip(&cost_data.name),
        "days": ledger.days.map(|(first, last)| json!({"first": first.to_string(), "last": last.to_string()})),
        "rows": ledger.rows,
        "currencies": clipped(ledger.currencies.keys.iter()),
        "providers": clipped(ledger.providers.iter()),
        "services": clipped(ledger.services.keys.iter()),
        "accounts": named(&ledger.accounts),
        "regions": named(&ledger.regions),
        "tagKeys": clipped(ledger.tags.keys.values()),
        "measures": Measure::ALL.map(Measure::name),
        "columns": columns.map(FocusColumn::name).collect::<Vec<_>>(),
    })
}

fn clipped<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    names.take(MAX_NAMES).map(|name| clip(name)).collect()
}

/// Ids and their names.
fn named(values: &DimensionValues) -> Vec<Value> {
    let values = values.keys.iter().zip(&values.names).take(MAX_NAMES);
    values
        .map(|(id, names)| json!({"id": clip(id), "name": names.first().map(|name| clip(name))}))
        .collect()
}
