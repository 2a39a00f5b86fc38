//! One module for each family of questions: each computes its figures from what was read, and says them.
//!
//! All of it is pure. Figures are of one currency, the one with the most rows of what is asked about.

mod anomalies;
mod budget;
mod comparison;
mod coverage;
pub(crate) mod family_answer;
mod forecast;
pub(crate) mod input;
mod savings;
mod trend;
mod unit_cost;
mod why;

use crate::bill::money::TooManyDigits;
use crate::question::intent::Intent;
use crate::text::sanitize::escape;
use family_answer::Finding;
use input::Asked;

/// What the question's family says; `None` for the breakdown, which is the usual answer.
pub(crate) fn find(asked: Asked<'_>) -> Result<Option<Finding>, TooManyDigits> {
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
