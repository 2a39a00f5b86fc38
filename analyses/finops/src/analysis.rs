//! The analysis `finops`: settings, reading and answering.

use async_trait::async_trait;
use longhaul_shared::settings::{Environment, SettingsError};
use longhaul_worker::analysis::{Analysis, Context, Failure};
use serde_json::Value;

use crate::answer::compose::{self, Unanswerable};
use crate::aws::sources::AwsSources;
use crate::cost_data::describe;
use crate::failures::{inexact_sum, refused_plan};
use crate::question::resolve;
use crate::read::gather;
use crate::read::locations::BillSource;
use crate::text::tokens::Tokens;

/// Earlier turns of a conversation that are read; a follow-up question can refer to them.
const MAX_TURNS: usize = 12;

/// Answers questions about costs. It reads the bill for each question, so a replaced file is used at once.
#[derive(Clone)]
pub struct Finops {
    source: BillSource,
    aws_sources: AwsSources,
}

impl Finops {
    /// Answers from these bills and these AWS services.
    pub fn new(source: BillSource, aws_sources: AwsSources) -> Self {
        Self {
            source,
            aws_sources,
        }
    }

    /// Creates the analysis from the worker's settings. Returns `None` where neither a bill nor an AWS service is
    /// configured.
    pub fn configured(config: &Environment) -> Result<Option<Self>, SettingsError> {
        let bills = config.optional("FINOPS_BILL").unwrap_or_default();
        let source = BillSource::parse(bills, config.switch("FINOPS_BILL_IS_SAMPLE")?);
        let aws_sources = AwsSources::configured(config)?;
        let some = !source.locations.is_empty() || aws_sources.any_enabled();
        Ok(some.then(|| Self::new(source, aws_sources)))
    }

    /// Returns the answer, or `None` where the question is not about costs.
    pub async fn answer_if_about_costs(&self, context: &Context) -> Result<Option<Value>, Failure> {
        let (answer, about_costs) = self.answer(context, &turns(context)?).await?;
        Ok(about_costs.then_some(answer))
    }

    /// Returns the answer to a plan, as of `params.plan`.
    pub async fn answer_plan(&self, context: &Context, plan: &Value) -> Result<Value, Failure> {
        let turns = [plan_turn(plan)?];
        self.answer(context, &turns).await.map(|(answer, _)| answer)
    }

    /// Returns what the bill has, for the author of a plan: names, tag keys, days, measures and columns.
    pub async fn describe(&self, context: &Context) -> Result<Value, Failure> {
        let turns = [Tokens::of("total")];
        let cost_data = gather::gather(&self.source, &self.aws_sources, context, &turns).await?;
        Ok(describe::bill(&cost_data))
    }

    /// Returns the answer, and whether the question was about costs at all.
    async fn answer(&self, context: &Context, turns: &[Tokens]) -> Result<(Value, bool), Failure> {
        let cost_data = gather::gather(&self.source, &self.aws_sources, context, turns).await?;
        context.progress(90, format!("Adding up {} rows", cost_data.ledger.rows));
        let sample = self.source.sample;
        compose::answer(&cost_data, context.query(), turns, sample).map_err(|error| match error {
            Unanswerable::Inexact => inexact_sum(&cost_data.name),
            Unanswerable::Plan(error) => refused_plan(&error.0),
        })
    }
}

#[async_trait]
impl Analysis for Finops {
    fn kind(&self) -> &'static str {
        "finops"
    }

    async fn run(&self, context: &Context) -> Result<Value, Failure> {
        let turns = turns(context)?;
        self.answer(context, &turns).await.map(|(answer, _)| answer)
    }
}

/// The questions of the conversation, oldest first, the current one last: the plan of `params.plan` where there is one,
/// else the query. Only the last [`MAX_TURNS`] earlier turns are used.
fn turns(context: &Context) -> Result<Vec<Tokens>, Failure> {
    let past = context.history();
    let recent = &past[past.len().saturating_sub(MAX_TURNS)..];
    let asked = recent.iter().map(|turn| Tokens::of(&turn.message));
    let current = match context.params().get("plan") {
        None | Some(Value::Null) => Tokens::of(context.query()),
        Some(plan) => plan_turn(plan)?,
    };
    Ok(asked.chain([current]).collect())
}

/// A plan in place of a question.
fn plan_turn(plan: &Value) -> Result<Tokens, Failure> {
    let plan = resolve::parse(plan).map_err(|error| refused_plan(&error.0))?;
    Ok(Tokens::of_plan(&serde_json::json!(plan).to_string()))
}
