//! The analysis `finops`: answers a question about cloud bills in FOCUS 1.0 to 1.2.
//!
//! Reading ([`supervisor`], [`source`], [`bill`]) is apart from what is pure: the question's grammar, the sums, the findings and
//! the rendering. It sends nothing anywhere, and what it can't understand it says.

mod advice;
mod answer;
mod aws;
mod bill;
#[cfg(test)]
mod bill_tests;
mod catalogue;
mod columns;
#[cfg(test)]
mod columns_tests;
mod data;
mod dates;
#[cfg(test)]
mod evaluation;
mod families;
#[cfg(test)]
mod family_tests;
mod fetching;
mod figures;
mod filler;
mod future;
mod grouping;
mod headway;
mod intent;
mod ledger;
mod maps;
#[cfg(test)]
mod maps_tests;
mod measures;
mod money;
mod names;
mod naming;
mod pack;
mod pairs;
mod parquet;
mod period;
mod question;
#[cfg(test)]
mod question_tests;
mod reader;
mod reading;
mod sample;
mod scope;
mod services;
mod shift;
mod source;
#[cfg(test)]
mod source_tests;
mod supervisor;
mod tags;
#[cfg(test)]
mod tests;
mod text;
mod timestamp;
mod traces;
#[cfg(test)]
mod versions_tests;
mod wording;
mod words;

use async_trait::async_trait;
use longhaul_shared::settings::{Environment, SettingsError};
use serde_json::Value;

use longhaul_worker::analysis::{Analysis, Context, Failure};
use words::Words;

pub use aws::Services;
pub use sample::write_sample;
pub use source::{Location, Source};

/// Earlier turns that a question can go on with.
const TURNS: usize = 12;

/// The analysis. It reads the bill anew for each question, so a replaced file counts at once.
#[derive(Clone)]
pub struct Finops {
    source: Source,
    services: Services,
}

impl Finops {
    /// With these bills, and what AWS itself is asked besides.
    pub fn new(source: Source, services: Services) -> Self {
        Self { source, services }
    }

    /// As the configuration says; `None` where it has neither a bill nor anything of AWS to ask.
    pub fn configured(config: &Environment) -> Result<Option<Self>, SettingsError> {
        let bills = config.optional("FINOPS_BILL").unwrap_or_default();
        let source = Source::at(bills, config.switch("FINOPS_BILL_IS_SAMPLE")?);
        let services = Services::configured(config)?;
        let some = !source.locations.is_empty() || services.any();
        Ok(some.then(|| Self::new(source, services)))
    }

    /// The answer to a question about costs; `None` if it is none.
    pub async fn on_costs(&self, context: &Context) -> Result<Option<Value>, Failure> {
        let (answer, about_costs) = self.answer(context).await?;
        Ok(about_costs.then_some(answer))
    }

    /// The answer, and whether the question was about costs at all.
    async fn answer(&self, context: &Context) -> Result<(Value, bool), Failure> {
        let turns = turns(context);
        let reading = supervisor::read(&self.source, &self.services, context, &turns).await?;
        context.progress(90, format!("Adding up {} rows", reading.ledger.rows));
        let inexact = |_| supervisor::inexact(&reading.name);
        reading
            .answer(context.query(), &turns, self.source.sample)
            .map_err(inexact)
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
fn turns(context: &Context) -> Vec<Words> {
    let past = context.history();
    let recent = &past[past.len().saturating_sub(TURNS)..];
    let asked = recent.iter().map(|turn| turn.message.as_str());
    asked.chain([context.query()]).map(Words::of).collect()
}

/// What can't be read, and never will be.
fn failed(message: String) -> Failure {
    Failure::Reject {
        code: "BILL_UNREADABLE",
        message,
    }
}
