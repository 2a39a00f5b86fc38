//! Puts an answer together: parses the question, computes its sections, observations and family answer, and renders
//! them.

use serde_json::{Value, json};

use crate::answer::answer_parts::AnswerParts;
use crate::answer::families::family_answer::Table;
use crate::answer::families::input::FamilyInput;
use crate::answer::{families, json};
use crate::bill::money::{self, PrecisionOverflow};
use crate::cost_data::CostData;
use crate::observations;
use crate::question::parse::Question;
use crate::question::stop_words;
use crate::text::sanitize::{clip, clip_to};
use crate::text::tokens::Tokens;

/// Bytes of the question that the result repeats.
const MAX_QUERY_BYTES: usize = 2_048;

/// The answer to the last turn, and whether the question was about costs at all. `query` is the question as it was
/// written.
pub(crate) fn answer(
    cost_data: &CostData,
    query: &str,
    turns: &[Tokens],
    sample: bool,
) -> Result<(Value, bool), PrecisionOverflow> {
    let question = Question::parse_last(turns, &cost_data.ledger);
    let about_costs = question.understood || stop_words::mentions_costs(query);
    let (mut sections, mut observations, mut family_answer) = (Vec::new(), Vec::new(), None);
    if !question.asks_only_for_missing_services() {
        let grouping = question.grouping.as_ref();
        sections = cost_data
            .ledger
            .sections(&question.filter, grouping, question.order())?;
        observations = observations::find(
            &cost_data.ledger,
            &cost_data.notable_charges,
            &question.filter,
        )?;
        family_answer = families::answer(FamilyInput {
            question: &question,
            ledger: &cost_data.ledger,
            usage: &cost_data.usage,
            notable_charges: &cost_data.notable_charges,
            aws_insights: &cost_data.aws_insights,
        })?;
    }
    let answer = AnswerParts {
        query,
        question: &question,
        ledger: &cost_data.ledger,
        sections: &sections,
        observations: &observations,
        family_answer,
        source: &cost_data.name,
        notes: &cost_data.notes,
        paid_requests: cost_data.paid_requests,
        sample,
    };
    Ok((into_json(&answer)?, about_costs))
}

/// The result of the job.
fn into_json(answer: &AnswerParts<'_>) -> Result<Value, PrecisionOverflow> {
    let shown = answer.shown_sections()?;
    let (tables, findings) = match &answer.family_answer {
        Some(family_answer) => {
            let tables: Vec<String> = family_answer.tables.iter().map(Table::markdown).collect();
            (tables.join("\n\n"), String::new())
        }
        None => (answer.group_tables(&shown), answer.observations_text()),
    };
    let response = [answer.summary(), tables, answer.notes_text(), findings]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("\n\n");
    Ok(json!({
        "agent": "finops",
        "query": clip_to(answer.query, MAX_QUERY_BYTES),
        "response": response,
        "cost_analysis": json::cost_analysis(answer, &shown),
        "optimization_recommendations": answer.observations.iter().map(|observation| json!({
            "kind": observation.kind, "title": observation.title, "detail": observation.detail,
            "amount": money::exact_text(observation.amount), "currency": clip(&observation.currency), "evidence": observation.evidence,
        })).collect::<Vec<_>>(),
    }))
}
