//! Compose.

use serde_json::{Value, json};

use crate::answer::families::family_answer::Table;
use crate::answer::families::input::Asked;
use crate::answer::sections::Answer;
use crate::answer::{families, json};
use crate::bill::money::{self, TooManyDigits};
use crate::cost_data::collected::Reading;
use crate::observations;
use crate::question::parse::Question;
use crate::question::stop_words;
use crate::text::sanitize::{clip, clip_to};
use crate::text::tokens::Words;

/// Bytes of the question that the result repeats.
const QUERY: usize = 2_048;
/// The answer to the last of the turns, as it was written, and whether that was about costs at all.
pub(crate) fn answer(
    reading: &Reading,
    query: &str,
    turns: &[Words],
    sample: bool,
) -> Result<(Value, bool), TooManyDigits> {
    let question = Question::read_last(turns, &reading.ledger);
    let about_costs = question.understood || stop_words::speaks_of_costs(query);
    let (mut sections, mut advice, mut finding) = (Vec::new(), Vec::new(), None);
    if !question.asks_only_for_absent() {
        let grouping = question.grouping.as_ref();
        sections = reading
            .ledger
            .sections(&question.scope, grouping, question.order())?;
        advice = observations::find(&reading.ledger, &reading.traces, &question.scope)?;
        finding = families::find(Asked {
            question: &question,
            ledger: &reading.ledger,
            measures: &reading.measures,
            traces: &reading.traces,
            opinion: &reading.opinion,
        })?;
    }
    let answer = Answer {
        query,
        question: &question,
        ledger: &reading.ledger,
        sections: &sections,
        advice: &advice,
        finding,
        source: &reading.name,
        notes: &reading.notes,
        requests: reading.requests,
        sample,
    };
    Ok((into_json(&answer)?, about_costs))
}

/// The result of the job.
fn into_json(answer: &Answer<'_>) -> Result<Value, TooManyDigits> {
    let shown = answer.cut()?;
    let (tables, findings) = match &answer.finding {
        Some(finding) => {
            let tables: Vec<String> = finding.tables.iter().map(Table::markdown).collect();
            (tables.join("\n\n"), String::new())
        }
        None => (answer.tables(&shown), answer.findings()),
    };
    let response = [answer.sentence(), tables, answer.notes(), findings]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("\n\n");
    Ok(json!({
        "agent": "finops",
        "query": clip_to(answer.query, QUERY),
        "response": response,
        "cost_analysis": json::cost_analysis(answer, &shown),
        "optimization_recommendations": answer.advice.iter().map(|advice| json!({
            "kind": advice.kind, "title": advice.title, "detail": advice.detail,
            "amount": money::exact(advice.amount), "currency": clip(&advice.currency), "evidence": advice.evidence,
        })).collect::<Vec<_>>(),
    }))
}
