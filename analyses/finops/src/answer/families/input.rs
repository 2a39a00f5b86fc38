//! Input.

use jiff::civil::Date;

use crate::answer::phrases;
use crate::bill::charge_filter::Scope;
use crate::bill::ledger::Ledger;
use crate::bill::money::{self, TooManyDigits};
use crate::bill::notable_charges::Traces;
use crate::bill::usage_totals::Measures;
use crate::cost_data::aws_insights::Opinion;
use crate::observations;
use crate::observations::observation::Advice;
use crate::question::parse::Question;
use crate::question::period::Period;
use crate::text::sanitize::escape;

/// A question with all that was read of the bill.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub question: &'a Question,
    pub ledger: &'a Ledger,
    pub measures: &'a Measures,
    pub traces: &'a Traces,
    pub opinion: &'a Opinion,
}

impl Asked<'_> {
    /// The scope over all days of the bill.
    pub(crate) fn whole(&self) -> Scope {
        Scope {
            days: None,
            ..self.question.scope.clone()
        }
    }

    /// The scope over these days.
    pub(crate) fn over(&self, start: Date, end: Date) -> Scope {
        Scope {
            days: Some((start, end)),
            ..self.question.scope.clone()
        }
    }

    pub(crate) fn within(&self, period: &Period) -> Scope {
        self.over(period.start, period.end)
    }

    /// The bill's first day, and the day after its last.
    pub(crate) fn bill(&self) -> (Date, Date) {
        let (first, last) = self.ledger.days.unwrap_or((Date::MIN, Date::MIN));
        (first, last.tomorrow().unwrap_or(last))
    }

    /// The days asked about, as far as the bill has them.
    pub(crate) fn covered(&self) -> (Date, Date) {
        let (first, end) = self.bill();
        match &self.question.period {
            Some(period) => (period.start.max(first), period.end.min(end)),
            None => (first, end),
        }
    }

    pub(crate) fn currency(&self, currency: u32) -> &str {
        phrases::currency_name(&self.ledger.currencies.keys[currency as usize])
    }

    pub(crate) fn amount(&self, amount: rust_decimal::Decimal, currency: u32) -> String {
        format!(
            "{} {}",
            money::show(amount),
            escape(self.currency(currency))
        )
    }

    pub(crate) fn subject(&self) -> String {
        phrases::subject(self.question, self.ledger)
    }

    /// What to say of a period that the bill has a part of.
    pub(crate) fn partly_covered(&self, period: &Period) -> Option<String> {
        let (first, end) = self.bill();
        let days = (period.end.min(end) - period.start.max(first))
            .get_days()
            .max(0);
        let all = (period.end - period.start).get_days();
        (days < all).then(|| {
            format!(
                "The bill covers {days} of the {all} days{}.",
                phrases::spoken(period)
            )
        })
    }

    /// The findings of [`advice`] in these days.
    pub(crate) fn advice(&self, start: Date, end: Date) -> Result<Vec<Advice>, TooManyDigits> {
        observations::find(self.ledger, self.traces, &self.over(start, end))
    }
}
