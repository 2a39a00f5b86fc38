//! One observation.

use rust_decimal::Decimal;
use serde_json::Value;

/// Findings told of each kind; the answer has a size limit.
pub(crate) const MAX_PER_KIND: usize = 4;

/// One finding.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Observation {
    /// `spike` or `idle_resource`.
    pub kind: &'static str,
    pub title: String,
    pub detail: String,
    /// What the finding is about, in `currency`: a spike's excess, an idle resource's cost.
    pub amount: Decimal,
    pub currency: String,
    /// Rows of the bill with their line numbers, and daily sums of the bill's rows.
    pub evidence: Vec<Value>,
}
