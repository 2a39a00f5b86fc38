//! Puts an answer together: parses the question, computes its sections, observations and family answer, and renders
//! them.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::answer::answer_parts::{AnswerParts, ShownSection};
use crate::answer::families::family_answer::Table;
use crate::answer::families::input::FamilyInput;
use crate::answer::measured_ledger::MeasuredLedger;
use crate::answer::{families, json};
use crate::bill::charge_filter::ChargeFilter;
use crate::bill::ledger::Ledger;
use crate::bill::measure::Measure;
use crate::bill::money::{self, PrecisionOverflow};
use crate::cost_data::CostData;
use crate::observations;
use crate::question::compile;
use crate::question::conversation::MentionedTexts;
use crate::question::parse::Question;
use crate::question::resolve::{self, PlanError};
use crate::question::status::Status;
use crate::question::stop_words;
use crate::text::sanitize::{clip, clip_to};
use crate::text::tokens::Tokens;

/// Bytes of the question that the result repeats.
const MAX_QUERY_BYTES: usize = 2_048;

/// Why there is no answer at all.
#[derive(Debug)]
pub(crate) enum Unanswerable {
    /// A sum can't be represented exactly.
    Inexact,
    /// The plan that was sent names what the bill does not have.
    Plan(PlanError),
}

impl From<PrecisionOverflow> for Unanswerable {
    fn from(_: PrecisionOverflow) -> Self {
        Self::Inexact
    }
}

/// The answer to the last turn, and whether the question was about costs at all. `query` is the question as it was
/// written.
pub(crate) fn answer(
    cost_data: &CostData,
    query: &str,
    turns: &[Tokens],
    sample: bool,
) -> Result<(Value, bool), Unanswerable> {
    if let Some(plan) = turns.last().and_then(Tokens::plan) {
        resolve::check(plan, &cost_data.ledger).map_err(Unanswerable::Plan)?;
    }
    let texts = MentionedTexts::of(&cost_data.details);
    let question = Question::parse_conversation(turns, &cost_data.ledger, &texts);
    let about_costs = question.understood || stop_words::mentions_costs(query);
    let measured = MeasuredLedger::of(cost_data, &question)?;
    let ledger = measured.ledger(cost_data);
    let mut notes = cost_data.notes.clone();
    notes.extend(measured.note(question.measure));
    let (mut sections, mut observations, mut family_answer) = (Vec::new(), Vec::new(), None);
    let mut whole = None;
    let status = match measured.unavailable {
        true => Status::Unanswered,
        false => question.status(),
    };
    if status != Status::Unanswered {
        let groupings: Vec<_> = question.groupings().collect();
        sections = ledger.sections(&question.filter, &groupings, question.order())?;
        for section in &mut sections {
            section
                .groups
                .retain(|group| question.having.admits(group.amount));
            section
                .groups
                .drain(..question.skipped.min(section.groups.len()));
        }
        if question.measure == Measure::Billed {
            observations =
                observations::find(ledger, &cost_data.notable_charges, &question.filter)?;
        }
        whole = whole_total(cost_data, ledger, &question)?;
        family_answer = families::answer(FamilyInput {
            question: &question,
            ledger: match question.intent.needs_usage() {
                true => &cost_data.ledger,
                false => ledger,
            },
            usage: &cost_data.usage,
            notable_charges: &cost_data.notable_charges,
            aws_insights: &cost_data.aws_insights,
        })?;
    }
    let answer = AnswerParts {
        query,
        question: &question,
        status,
        plan: compile::plan(&question, &cost_data.ledger),
        ledger,
        whole,
        sections: &sections,
        observations: &observations,
        family_answer,
        source: &cost_data.name,
        notes: &notes,
        paid_requests: cost_data.paid_requests,
        sample,
    };
    Ok((into_json(&answer)?, about_costs))
}

/// What the asked part is a part of: the list cost for a rate, else all charges of the same days, of the services asked
/// about where more than they is asked for.
fn whole_total(
    cost_data: &CostData,
    ledger: &Ledger,
    question: &Question,
) -> Result<Option<Decimal>, PrecisionOverflow> {
    let filter = &question.filter;
    if question.rate_asked {
        let list = Question {
            measure: Measure::List,
            ..question.clone()
        };
        let measured = MeasuredLedger::of(cost_data, &list)?;
        let ledger = measured.ledger(cost_data);
        let currency = ledger.main_currency(filter);
        return currency
            .map(|currency| ledger.total(filter, currency))
            .transpose();
    }
    if !question.share_asked || !question.is_restricted() {
        return Ok(None);
    }
    let mut whole = ChargeFilter {
        days: filter.days,
        ..ChargeFilter::default()
    };
    let services_alone = ChargeFilter {
        services: filter.services.clone(),
        ..whole.clone()
    };
    if services_alone != *filter {
        whole = services_alone;
    }
    let currency = ledger.main_currency(&whole);
    currency
        .map(|currency| ledger.total(&whole, currency))
        .transpose()
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
    if answer.status == Status::Unanswered && answer.ledger.days.is_some() {
        let response = answer.refusal();
        return Ok(result(answer, &response, &[]));
    }
    let response = [answer.summary(), tables, answer.notes_text(), findings]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("\n\n");
    Ok(result(answer, &response, &shown))
}

fn result(answer: &AnswerParts<'_>, response: &str, shown: &[ShownSection<'_>]) -> Value {
    json!({
        "agent": "finops",
        "query": clip_to(answer.query, MAX_QUERY_BYTES),
        "response": response,
        "cost_analysis": json::cost_analysis(answer, shown),
        "optimization_recommendations": answer.observations.iter().map(|observation| json!({
            "kind": observation.kind, "title": observation.title, "detail": observation.detail,
            "amount": money::exact_text(observation.amount), "currency": clip(&observation.currency), "evidence": observation.evidence,
        })).collect::<Vec<_>>(),
    })
}
