//! One module for each family of questions: each computes its figures from what was read, and says them.
//!
//! All of it is pure. Figures are of one currency, the one with the most rows of what is asked about.

mod anomalies;
mod budget;
mod comparison;
mod coverage;
mod forecast;
mod savings;
mod trend;
mod unit_cost;
mod why;

use jiff::civil::Date;
use serde_json::Value;

use super::advice;
use super::aws::Opinion;
use super::intent::Intent;
use super::ledger::{Ledger, Scope, TooManyDigits};
use super::measures::Measures;
use super::money;
use super::period::Period;
use super::question::Question;
use super::text::escape;
use super::traces::Traces;
use super::wording;

pub(super) use forecast::{DAYS as FORECAST_DAYS, USUAL as FORECAST_USUAL};

/// A question with all that was read of the bill.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub question: &'a Question,
    pub ledger: &'a Ledger,
    pub measures: &'a Measures,
    pub traces: &'a Traces,
    pub opinion: &'a Opinion,
}

/// What a family has to say.
#[derive(Debug, Default)]
pub(super) struct Finding {
    /// Markdown, with every name escaped.
    pub sentence: String,
    pub tables: Vec<Table>,
    pub notes: Vec<String>,
    pub data: Value,
}

/// A table of Markdown cells; all but the first column are amounts.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub heading: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// What the question's family says; `None` for the breakdown, which is the usual answer.
pub(super) fn find(asked: Asked<'_>) -> Result<Option<Finding>, TooManyDigits> {
    let currency = match &asked.question.intent {
        Intent::Breakdown => return Ok(None),
        _ => asked.ledger.currency(&asked.whole()),
    };
    let Some(currency) = currency else {
        let recommended = !asked.opinion.recommended.is_empty();
        let savings = asked.question.intent == Intent::Savings && recommended;
        return Ok(savings.then(|| savings::recommended_only(asked.opinion)));
    };
    let mut finding = match &asked.question.intent {
        Intent::Breakdown => return Ok(None),
        Intent::Comparison | Intent::Change => comparison::find(asked, currency),
        Intent::Trend => trend::find(asked, currency),
        Intent::Why => why::find(asked, currency),
        Intent::Forecast => forecast::find(asked, currency),
        Intent::Anomalies => anomalies::find(asked, currency),
        Intent::UnitCost(unit) => unit_cost::find(asked, currency, unit),
        Intent::Budget(budget) => budget::find(asked, currency, budget),
        Intent::Coverage => coverage::find(asked, currency),
        Intent::Savings => savings::find(asked, currency),
    }?;
    if asked.ledger.currencies.keys.len() > 1 {
        finding.notes.push(format!(
            "Of the bill's currencies only {} is looked at.",
            escape(asked.currency(currency))
        ));
    }
    Ok(Some(finding))
}

impl Asked<'_> {
    /// The scope over all days of the bill.
    fn whole(&self) -> Scope {
        Scope {
            days: None,
            ..self.question.scope.clone()
        }
    }

    /// The scope over these days.
    fn over(&self, start: Date, end: Date) -> Scope {
        Scope {
            days: Some((start, end)),
            ..self.question.scope.clone()
        }
    }

    fn within(&self, period: &Period) -> Scope {
        self.over(period.start, period.end)
    }

    /// The bill's first day, and the day after its last.
    fn bill(&self) -> (Date, Date) {
        let (first, last) = self.ledger.days.unwrap_or((Date::MIN, Date::MIN));
        (first, last.tomorrow().unwrap_or(last))
    }

    /// The days asked about, as far as the bill has them.
    fn covered(&self) -> (Date, Date) {
        let (first, end) = self.bill();
        match &self.question.period {
            Some(period) => (period.start.max(first), period.end.min(end)),
            None => (first, end),
        }
    }

    fn currency(&self, currency: u32) -> &str {
        wording::currency_name(&self.ledger.currencies.keys[currency as usize])
    }

    fn amount(&self, amount: rust_decimal::Decimal, currency: u32) -> String {
        format!(
            "{} {}",
            money::show(amount),
            escape(self.currency(currency))
        )
    }

    fn subject(&self) -> String {
        wording::subject(self.question, self.ledger)
    }

    /// What to say of a period that the bill has a part of.
    fn partly_covered(&self, period: &Period) -> Option<String> {
        let (first, end) = self.bill();
        let days = (period.end.min(end) - period.start.max(first))
            .get_days()
            .max(0);
        let all = (period.end - period.start).get_days();
        (days < all).then(|| {
            format!(
                "The bill covers {days} of the {all} days{}.",
                wording::spoken(period)
            )
        })
    }

    /// The findings of [`advice`] in these days.
    fn advice(&self, start: Date, end: Date) -> Result<Vec<advice::Advice>, TooManyDigits> {
        advice::find(self.ledger, self.traces, &self.over(start, end))
    }
}

impl Table {
    fn new(heading: &[&str]) -> Self {
        Self {
            heading: heading.iter().map(|name| (*name).to_string()).collect(),
            rows: Vec::new(),
        }
    }

    pub(super) fn markdown(&self) -> String {
        let row = |cells: &[String]| format!("| {} |", cells.join(" | "));
        let mut rule = vec!["---:".to_string(); self.heading.len()];
        rule[0] = "---".into();
        let mut lines = vec![row(&self.heading), row(&rule)];
        lines.extend(self.rows.iter().map(|cells| row(cells)));
        lines.join("\n")
    }
}

/// `rose by`, `fell by` or nothing to say.
fn direction(change: rust_decimal::Decimal) -> &'static str {
    if change.is_zero() {
        "did not change:"
    } else if change.is_sign_negative() {
        "fell by"
    } else {
        "rose by"
    }
}

/// ` (12.5 %)`, where there is something to be a part of.
fn in_percent(part: rust_decimal::Decimal, whole: rust_decimal::Decimal) -> String {
    money::percent(part, whole).map_or_else(String::new, |percent| {
        format!(" ({} %)", money::exact(percent))
    })
}
