//! A plan: what a question asks of a bill, in the bill's own words. The grammar compiles questions to plans, and a
//! front end or a model can send one in their place.

use serde::{Deserialize, Serialize};

use crate::bill::measure::Measure;

/// A plan, as JSON in camel case. Everything but the operation may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct QueryPlan {
    pub operation: Operation,
    #[serde(default)]
    pub measure: Measure,
    /// All of them restrict the charges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<PlanFilter>,
    /// Two at most: a FOCUS column, `Tags/key`, or `day`, `week`, `month`, `quarter`, `year`, `weekday`, `weekPart`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group_by: Vec<String>,
    /// The whole bill if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<PlanPeriod>,
    /// The earlier period, of `compare` and `why`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared_with: Option<PlanPeriod>,
    /// How many of the largest groups are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top: Option<usize>,
    /// How many of the smallest groups are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bottom: Option<usize>,
    /// Groups left out before the first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skip: usize,
    /// Only groups whose amount is within these bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub having: Option<PlanBounds>,
    /// What a unit cost is divided by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<PlanUnit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<PlanBudget>,
    /// The mean per `day` or `month` besides the total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average: Option<Average>,
    /// Whether the part of the whole is asked for, in percent.
    #[serde(default, skip_serializing_if = "is_false")]
    pub share: bool,
    /// Whether the measure `discount` is asked for in percent of the list cost.
    #[serde(default, skip_serializing_if = "is_false")]
    pub rate: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Operation {
    #[default]
    Total,
    Breakdown,
    /// A breakdown with `top` or `bottom`.
    Rank,
    /// A breakdown with `having`.
    Threshold,
    Compare,
    Why,
    Trend,
    Forecast,
    Anomalies,
    UnitCost,
    Budget,
    Coverage,
    Savings,
}

/// A restriction of one column: `in`, `notIn`, `contains` or `isNull`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PlanFilter {
    /// A FOCUS column, `Tags/key`, or `weekPart`.
    pub column: String,
    #[serde(default, rename = "in", skip_serializing_if = "Vec::is_empty")]
    pub included: Vec<String>,
    #[serde(default, rename = "notIn", skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<String>,
    /// Texts; the value contains one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_null: bool,
}

/// Days: the first, and the one after the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanPeriod {
    pub start: String,
    pub end: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanBounds {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<PlanAmount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under: Option<PlanAmount>,
}

/// An exact amount: a text, or a number in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum PlanAmount {
    Text(String),
    Number(serde_json::Number),
}

impl PlanAmount {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanUnit {
    /// A unit of the bill, or what `count` counts; every unit of the bill where it is empty.
    #[serde(default)]
    pub unit: String,
    /// How many units a price is for.
    #[serde(default = "one")]
    pub many: u32,
    /// How many there are of something that the bill does not have, such as customers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<PlanAmount>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanBudget {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<PlanAmount>,
    #[serde(default)]
    pub monthly: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Average {
    Day,
    Month,
}

fn one() -> u32 {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// The JSON Schema of a plan.
pub fn schema() -> serde_json::Value {
    serde_json::from_str(include_str!("query_plan.schema.json")).unwrap_or_default()
}
