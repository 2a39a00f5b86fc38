//! All that is read of a bill, and the answer that it gives to a conversation's last question. Pure: rows come
//! in, an answer goes out.

use serde_json::Value;

use super::advice::{self, Traces};
use super::answer::Answer;
use super::bill::Row;
use super::families::{self, Asked};
use super::filler;
use super::intent::Intent;
use super::ledger::{Ledger, TooManyDigits};
use super::measures::Measures;
use super::question::Question;
use super::words::Words;

pub(super) struct Reading {
    pub ledger: Ledger,
    traces: Traces,
    measures: Measures,
    /// The bill's name.
    name: String,
}

impl Reading {
    /// Nothing yet; what a conversation's questions need is going to be kept.
    pub(super) fn new(name: &str, turns: &[Words]) -> Self {
        let measured = turns
            .iter()
            .any(|turn| Intent::read(&mut turn.clone()).measures());
        Self {
            ledger: Ledger::new(turns.to_vec()),
            traces: Traces::default(),
            measures: Measures::new(measured),
            name: name.to_string(),
        }
    }

    pub(super) fn add(&mut self, row: &Row<'_>) -> Result<(), TooManyDigits> {
        let cell = self.ledger.add(row)?;
        self.measures.add(row, cell)?;
        self.traces.add(row, cell)
    }

    /// The answer to the last of the turns, as it was written, and whether that was about costs at all.
    pub(super) fn answer(
        &self,
        query: &str,
        turns: &[Words],
        sample: bool,
    ) -> Result<(Value, bool), TooManyDigits> {
        let question = Question::read_last(turns, &self.ledger);
        let about_costs = question.understood || filler::speaks_of_costs(query);
        let (mut sections, mut advice, mut finding) = (Vec::new(), Vec::new(), None);
        if !question.asks_only_for_absent() {
            let ranked = question.top.is_some();
            sections = self
                .ledger
                .sections(&question.scope, question.grouping.as_ref(), ranked)?;
            advice = advice::find(&self.ledger, &self.traces, &question.scope)?;
            finding = families::find(Asked {
                question: &question,
                ledger: &self.ledger,
                measures: &self.measures,
                traces: &self.traces,
            })?;
        }
        let answer = Answer {
            query,
            question: &question,
            ledger: &self.ledger,
            sections: &sections,
            advice: &advice,
            finding,
            source: &self.name,
            sample,
        };
        Ok((answer.into_json()?, about_costs))
    }
}
