//! The analysis `finops`: answers a question about a cloud bill in FOCUS 1.0.
//!
//! Reading ([`bill`]) is apart from what is pure: the question's grammar, the sums, the findings and
//! the rendering. It sends nothing anywhere, and what it can't understand it says.

mod advice;
mod answer;
mod bill;
mod catalogue;
mod data;
mod dates;
#[cfg(test)]
mod evaluation;
mod families;
#[cfg(test)]
mod family_tests;
mod figures;
mod filler;
mod future;
mod grouping;
mod intent;
mod ledger;
mod measures;
mod money;
mod naming;
mod period;
mod question;
#[cfg(test)]
mod question_tests;
mod reading;
mod sample;
mod services;
mod shift;
mod tags;
#[cfg(test)]
mod tests;
mod text;
mod timestamp;
mod wording;
mod words;

use std::path::PathBuf;

use async_trait::async_trait;
use serde_json::Value;

use crate::analysis::{Analysis, Context, Failure};
use bill::{Bill, Unreadable};
use ledger::TooManyDigits;
use reading::Reading;
use words::Words;

pub use sample::write_sample;

/// Rows between two reports; at each the job can also be cancelled.
const ROWS_A_REPORT: u64 = 4_096;

/// Earlier turns that a question can go on with.
const TURNS: usize = 12;

/// Where the bill is.
#[derive(Debug, Clone)]
pub struct Source {
    /// A CSV file, plain or gzipped.
    pub bill: PathBuf,
    /// Whether it is the generated sample, which every answer then says.
    pub sample: bool,
}

/// The analysis. It reads the bill anew for each question, so a replaced file counts at once.
#[derive(Clone)]
pub struct Finops {
    source: Source,
}

impl Finops {
    pub fn new(source: Source) -> Self {
        Self { source }
    }

    /// The answer to a question about costs; `None` if it is none.
    pub async fn on_costs(&self, context: &Context) -> Result<Option<Value>, Failure> {
        let (answer, about_costs) = self.answer(context).await.map_err(rejected)?;
        Ok(about_costs.then_some(answer))
    }

    /// The answer, and whether the question was about costs at all.
    async fn answer(&self, context: &Context) -> Result<(Value, bool), Unreadable> {
        let turns = turns(context);
        let mut bill = Bill::open(&self.source.bill)?;
        let mut reading = Reading::new(bill.name(), &turns);
        let name = bill.name().to_string();
        let inexact = |_: TooManyDigits| {
            Unreadable(format!(
                "The amounts of the bill {name} have too many digits to be added exactly."
            ))
        };

        context.progress(10, "Reading the bill");
        while let Some(row) = bill.next_row()? {
            reading.add(&row).map_err(inexact)?;
            if reading.ledger.rows.is_multiple_of(ROWS_A_REPORT) {
                let percent = 10 + u32::from(bill.percent()) * 80 / 100;
                context.progress(
                    u8::try_from(percent).unwrap_or(90),
                    format!("Reading the bill ({} rows)", reading.ledger.rows),
                );
                tokio::task::yield_now().await;
            }
        }

        context.progress(90, format!("Adding up {} rows", reading.ledger.rows));
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
        let answered = self.answer(context).await.map_err(rejected);
        answered.map(|(answer, _)| answer)
    }
}

/// The conversation's questions as words, the one asked last. Of a long conversation the end counts.
fn turns(context: &Context) -> Vec<Words> {
    let past = context.history();
    let recent = &past[past.len().saturating_sub(TURNS)..];
    let asked = recent.iter().map(|turn| turn.message.as_str());
    asked.chain([context.query()]).map(Words::of).collect()
}

fn rejected(Unreadable(message): Unreadable) -> Failure {
    Failure::Reject {
        code: "BILL_UNREADABLE",
        message,
    }
}
