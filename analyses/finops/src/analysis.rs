//! The analysis `finops`.

use async_trait::async_trait;
use longhaul_shared::settings::{Settings, SettingsError};
use longhaul_worker::analysis::{Analysis, Context, Failure};
use serde_json::Value;

use crate::answer::compose;
use crate::aws::sources::AwsSources;
use crate::failures::inexact_sum;
use crate::read::gather;
use crate::read::locations::BillSource;
use crate::text::tokens::Tokens;

/// Earlier turns that a question can go on with.
const MAX_TURNS: usize = 12;

/// The analysis. It reads the bill anew for each question, so a replaced file counts at once.
#[derive(Clone)]
pub struct Finops {
    source: BillSource,
    aws_sources: AwsSources,
}

impl Finops {
    /// With these bills, and what AWS itself is asked besides.
    pub fn new(source: BillSource, aws_sources: AwsSources) -> Self {
        Self {
            source,
            aws_sources,
        }
    }

    /// As the configuration says; `None` where it has neither a bill nor anything of AWS to ask.
    pub fn configured(config: &Settings) -> Result<Option<Self>, SettingsError> {
        let bills = config.optional("FINOPS_BILL").unwrap_or_default();
        let source = BillSource::parse(bills, config.switch("FINOPS_BILL_IS_SAMPLE")?);
        let aws_sources = AwsSources::configured(config)?;
        let some = !source.locations.is_empty() || aws_sources.any_enabled();
        Ok(some.then(|| Self::new(source, aws_sources)))
    }

    /// The answer to a question about costs; `None` if it is none.
    pub async fn answer_if_about_costs(&self, context: &Context) -> Result<Option<Value>, Failure> {
        let (answer, about_costs) = self.answer(context).await?;
        Ok(about_costs.then_some(answer))
    }

    /// The answer, and whether the question was about costs at all.
    async fn answer(&self, context: &Context) -> Result<(Value, bool), Failure> {
        let turns = turns(context);
        let cost_data = gather::gather(&self.source, &self.aws_sources, context, &turns).await?;
        context.progress(90, format!("Adding up {} rows", cost_data.ledger.rows));
        let sample = self.source.sample;
        compose::answer(&cost_data, context.query(), &turns, sample)
            .map_err(|_| inexact_sum(&cost_data.name))
    }
}

#[async_trait]
impl Analysis for Finops {
    fn kind(&self) -> &'static str {
        "finops"
    }

    async fn run(&self, context: &Context) -> Result<Value, Failure> {
        self.answer(context).await.map(|(answer, _)| answer)
    }
}

/// The conversation's questions as words, the one asked last. Of a long conversation the end counts.
fn turns(context: &Context) -> Vec<Tokens> {
    let past = context.history();
    let recent = &past[past.len().saturating_sub(MAX_TURNS)..];
    let asked = recent.iter().map(|turn| turn.message.as_str());
    asked.chain([context.query()]).map(Tokens::of).collect()
}
