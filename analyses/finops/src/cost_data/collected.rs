//! All that is read of a bill, and the answer that it gives to a conversation's last question. Pure: rows come
//! in, an answer goes out.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::bill::charge_row::Row;
use crate::bill::ledger::Ledger;
use crate::bill::money::TooManyDigits;
use crate::bill::notable_charges::Traces;
use crate::bill::usage_totals::Measures;
use crate::cost_data::aws_insights::Opinion;
use crate::question::intent::Intent;
use crate::question::parse::Question;
use crate::text::tokens::Words;

#[derive(Serialize, Deserialize)]
pub(crate) struct Reading {
    pub ledger: Ledger,
    pub traces: Traces,
    pub measures: Measures,
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
    pub(crate) fn new(turns: &[Words]) -> Self {
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

    pub(crate) fn add(&mut self, row: &Row<'_>) -> Result<(), TooManyDigits> {
        let cell = self.ledger.add(row)?;
        self.measures.add(row, cell)?;
        self.traces.add(row, cell)
    }

    /// Takes in what was read elsewhere: files first.
    pub(crate) fn merge(&mut self, other: Self) -> Result<(), TooManyDigits> {
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
    pub(crate) fn begins(&mut self, day: Date) {
        if let Some((first, _)) = &mut self.ledger.days {
            *first = day.min(*first);
        }
    }

    /// The last of the turns as it is read of a bill of these days.
    pub(crate) fn asked_over(&mut self, turns: &[Words], days: Option<(Date, Date)>) -> Question {
        let own = std::mem::replace(&mut self.ledger.days, days);
        let question = Question::read_last(turns, &self.ledger);
        self.ledger.days = own;
        question
    }
}
