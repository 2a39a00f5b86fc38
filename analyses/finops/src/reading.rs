//! All that is read of a bill, and the answer that it gives to a conversation's last question. Pure: rows come
//! in, an answer goes out.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::advice;
use super::answer::Answer;
use super::aws::Opinion;
use super::bill::Row;
use super::families::{self, Asked};
use super::filler;
use super::intent::Intent;
use super::ledger::{Ledger, TooManyDigits};
use super::measures::Measures;
use super::question::Question;
use super::traces::Traces;
use super::words::Words;

#[derive(Serialize, Deserialize)]
pub(super) struct Reading {
    pub ledger: Ledger,
    traces: Traces,
    measures: Measures,
    /// The bill's name, or how many files it is.
    pub name: String,
    pub files: usize,
    /// Requests of Cost Explorer's that were paid for.
    pub requests: u32,
    /// What is to be said of the reading itself.
    pub notes: Vec<String>,
    /// What AWS says besides; of a whole reading only.
    #[serde(skip)]
    pub opinion: Opinion,
}

impl Reading {
    /// Nothing yet; what a conversation's questions need is going to be kept.
    pub(super) fn new(turns: &[Words]) -> Self {
        let measured = turns
            .iter()
            .any(|turn| Intent::read(&mut turn.clone()).measures());
        Self {
            ledger: Ledger::new(turns.to_vec()),
            traces: Traces::default(),
            measures: Measures::new(measured),
            name: String::new(),
            files: 0,
            requests: 0,
            notes: Vec::new(),
            opinion: Opinion::default(),
        }
    }

    pub(super) fn add(&mut self, row: &Row<'_>) -> Result<(), TooManyDigits> {
        let cell = self.ledger.add(row)?;
        self.measures.add(row, cell)?;
        self.traces.add(row, cell)
    }

    /// Takes in what was read elsewhere: files first.
    pub(super) fn merge(&mut self, other: Self) -> Result<(), TooManyDigits> {
        self.files += other.files;
        self.requests += other.requests;
        self.name = match (other.files, self.files) {
            (0, 0) => other.name,
            (0, _) if self.name.ends_with(&other.name) => self.name.clone(),
            (0, _) => format!("{} and {}", self.name, other.name),
            (_, 1) => other.name,
            (_, files) => format!("{files} files"),
        };
        let renumbered = self.ledger.merge(&other.ledger)?;
        self.measures.merge(&other.measures, &renumbered)?;
        self.traces.merge(&other.traces, &renumbered)
    }

    /// Says that the bill begins on this day, although it was not read from there.
    pub(super) fn begins(&mut self, day: Date) {
        if let Some((first, _)) = &mut self.ledger.days {
            *first = day.min(*first);
        }
    }

    /// The last of the turns as it is read of a bill of these days.
    pub(super) fn asked_over(&mut self, turns: &[Words], days: Option<(Date, Date)>) -> Question {
        let own = std::mem::replace(&mut self.ledger.days, days);
        let question = Question::read_last(turns, &self.ledger);
        self.ledger.days = own;
        question
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
            let grouping = question.grouping.as_ref();
            sections = self
                .ledger
                .sections(&question.scope, grouping, question.order())?;
            advice = advice::find(&self.ledger, &self.traces, &question.scope)?;
            finding = families::find(Asked {
                question: &question,
                ledger: &self.ledger,
                measures: &self.measures,
                traces: &self.traces,
                opinion: &self.opinion,
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
            notes: &self.notes,
            requests: self.requests,
            sample,
        };
        Ok((answer.into_json()?, about_costs))
    }
}
