//! What an observation consists of.

use rust_decimal::Decimal;
use serde_json::Value;

/// Observations reported of each kind; the answer has a size limit.
pub(crate) const MAX_PER_KIND: usize = 4;

/// Something that stands out in the bill.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Observation {
    /// `spike` or `idle_resource`.
    pub kind: &'static str,
    pub title: String,
    pub detail: String,
    /// A spike's excess or an idle resource's cost, in `currency`.
    pub amount: Decimal,
    pub currency: String,
    /// Rows of the bill with their line numbers, and daily sums.
    pub evidence: Vec<Value>,
}
