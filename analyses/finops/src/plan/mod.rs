//! Plans: what a question asks of a bill, and what has to be read for it. Pure.

pub(crate) mod compile;
pub(crate) mod date_gap;
pub(crate) mod needed_days;
pub(crate) mod query_plan;
pub(crate) mod resolve;

/// The JSON Schema of a plan.
pub fn schema() -> serde_json::Value {
    serde_json::from_str(include_str!("query_plan.schema.json")).unwrap_or_default()
}
