//! One module for each family of questions; each computes the figures and writes the sentences of its answer.
//!
//! Figures are in one currency, the one that most rows asked about have.

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

use crate::bill::money::PrecisionOverflow;
use crate::question::intent::Intent;
use crate::text::sanitize::escape;
use family_answer::FamilyAnswer;
use input::FamilyInput;

/// The answer of the question's family; `None` for a breakdown.
pub(crate) fn answer(input: FamilyInput<'_>) -> Result<Option<FamilyAnswer>, PrecisionOverflow> {
    let currency = match &input.question.intent {
        Intent::Breakdown => return Ok(None),
        _ => input.ledger.main_currency(&input.filter_over_all_days()),
    };
    let Some(currency) = currency else {
        let recommended = !input.aws_insights.recommended.is_empty();
        let savings = input.question.intent == Intent::Savings && recommended;
        return Ok(savings.then(|| savings::recommendations_only(input.aws_insights)));
    };
    let mut family_answer = match &input.question.intent {
        Intent::Breakdown => return Ok(None),
        Intent::Comparison | Intent::Change => comparison::answer(input, currency),
        Intent::Trend => trend::answer(input, currency),
        Intent::Why => why::answer(input, currency),
        Intent::Forecast => forecast::answer(input, currency),
        Intent::Anomalies => anomalies::answer(input, currency),
        Intent::UnitCost(unit) => unit_cost::answer(input, currency, unit),
        Intent::Budget(budget) => budget::answer(input, currency, budget),
        Intent::Coverage => coverage::answer(input, currency),
        Intent::Savings => savings::answer(input, currency),
    }?;
    if input.ledger.currencies.keys.len() > 1 {
        family_answer.notes.push(format!(
            "Only the charges in {} are included, not the bill's other currencies.",
            escape(input.currency_name(currency))
        ));
    }
    Ok(Some(family_answer))
}
