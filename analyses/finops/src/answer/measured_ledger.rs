//! The ledger that a question is answered from: the bill's own, or one of another measure and of further columns.

use crate::bill::ledger::Ledger;
use crate::bill::measure::Measure;
use crate::bill::money::PrecisionOverflow;
use crate::cost_data::CostData;
use crate::question::understood::Question;

/// A ledger made for a question; none where the bill's own does.
pub(crate) struct MeasuredLedger {
    made: Option<Ledger>,
    /// Rows that lack the measure.
    left_out: u64,
    /// Whether the bill has too many different charges for it.
    pub unavailable: bool,
}

impl MeasuredLedger {
    pub(crate) fn of(cost_data: &CostData, question: &Question) -> Result<Self, PrecisionOverflow> {
        let columns = question.columns();
        let needed = question.measure != Measure::Billed || !columns.is_empty();
        if !needed || cost_data.details.overflowed {
            return Ok(Self {
                made: None,
                left_out: 0,
                unavailable: needed,
            });
        }
        let (ledger, left_out) =
            cost_data
                .details
                .ledger(&cost_data.ledger, question.measure, &columns)?;
        Ok(Self {
            made: Some(ledger),
            left_out,
            unavailable: false,
        })
    }

    pub(crate) fn ledger<'a>(&'a self, cost_data: &'a CostData) -> &'a Ledger {
        self.made.as_ref().unwrap_or(&cost_data.ledger)
    }

    /// A note on what is left out.
    pub(crate) fn note(&self, measure: Measure) -> Option<String> {
        match (self.unavailable, self.left_out) {
            (true, _) => {
                Some("The bill has too many different charges for this question.".to_string())
            }
            (false, 0) => None,
            (false, rows) => Some(format!(
                "{rows} rows of the bill have no {} and add nothing.",
                measure.words()
            )),
        }
    }
}
