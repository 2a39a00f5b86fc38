//! What a family of questions computes its answer from.

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::answer::phrases;
use crate::bill::charge_filter::ChargeFilter;
use crate::bill::ledger::Ledger;
use crate::bill::money::{self, PrecisionOverflow};
use crate::bill::notable_charges::NotableCharges;
use crate::bill::usage_totals::UsageTotals;
use crate::cost_data::aws_insights::AwsInsights;
use crate::observations;
use crate::observations::observation::Observation;
use crate::question::parse::Question;
use crate::question::period::Period;
use crate::text::sanitize::escape;

/// A question, and everything that was read for it.
#[derive(Clone, Copy)]
pub(crate) struct FamilyInput<'a> {
    pub question: &'a Question,
    pub ledger: &'a Ledger,
    pub usage: &'a UsageTotals,
    pub notable_charges: &'a NotableCharges,
    pub aws_insights: &'a AwsInsights,
}

impl FamilyInput<'_> {
    /// The question's filter over all days of the bill.
    pub(crate) fn filter_over_all_days(&self) -> ChargeFilter {
        ChargeFilter {
            days: None,
            ..self.question.filter.clone()
        }
    }

    /// The question's filter over these days.
    pub(crate) fn filter_over_days(&self, start: Date, end: Date) -> ChargeFilter {
        ChargeFilter {
            days: Some((start, end)),
            ..self.question.filter.clone()
        }
    }

    pub(crate) fn filter_over_period(&self, period: &Period) -> ChargeFilter {
        self.filter_over_days(period.start, period.end)
    }

    /// The bill's first day, and the day after its last.
    pub(crate) fn bill_days(&self) -> (Date, Date) {
        let (first, last) = self.ledger.days.unwrap_or((Date::MIN, Date::MIN));
        (first, last.tomorrow().unwrap_or(last))
    }

    /// The days asked about that the bill covers.
    pub(crate) fn covered_days(&self) -> (Date, Date) {
        let (first, end) = self.bill_days();
        match &self.question.period {
            Some(period) => (period.start.max(first), period.end.min(end)),
            None => (first, end),
        }
    }

    pub(crate) fn currency_name(&self, currency: u32) -> &str {
        phrases::currency_name(&self.ledger.currencies.keys[currency as usize])
    }

    pub(crate) fn amount(&self, amount: Decimal, currency: u32) -> String {
        format!(
            "{} {}",
            money::display(amount),
            escape(self.currency_name(currency))
        )
    }

    pub(crate) fn subject(&self) -> String {
        phrases::subject(self.question, self.ledger)
    }

    /// A note for a period that the bill covers only in part.
    pub(crate) fn partial_coverage_note(&self, period: &Period) -> Option<String> {
        let (first, end) = self.bill_days();
        let days = (period.end.min(end) - period.start.max(first))
            .get_days()
            .max(0);
        let all = (period.end - period.start).get_days();
        (days < all).then(|| {
            format!(
                "The bill covers {days} of the {all} days{}.",
                phrases::period_phrase(period)
            )
        })
    }

    /// The observations in these days.
    pub(crate) fn observations(
        &self,
        start: Date,
        end: Date,
    ) -> Result<Vec<Observation>, PrecisionOverflow> {
        observations::find(
            self.ledger,
            self.notable_charges,
            &self.filter_over_days(start, end),
        )
    }
}
