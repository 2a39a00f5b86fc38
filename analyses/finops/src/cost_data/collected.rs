//! All that is read of a bill, and the answer that it gives to a conversation's last question. Pure: rows come
//! in, an answer goes out.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::bill::charge_row::BillRow;
use crate::bill::ledger::Ledger;
use crate::bill::money::PrecisionOverflow;
use crate::bill::notable_charges::NotableCharges;
use crate::bill::usage_totals::UsageTotals;
use crate::cost_data::aws_insights::AwsInsights;
use crate::question::intent::Intent;
use crate::question::parse::Question;
use crate::text::tokens::Tokens;

#[derive(Serialize, Deserialize)]
pub(crate) struct CostData {
    pub ledger: Ledger,
    #[serde(rename = "traces")]
    pub notable_charges: NotableCharges,
    #[serde(rename = "measures")]
    pub usage: UsageTotals,
    /// The bill's name, or how many files it is.
    pub name: String,
    pub files: usize,
    /// Requests of Cost Explorer's that were paid for.
    #[serde(rename = "requests")]
    pub paid_requests: u32,
    /// What is to be said of the reading itself.
    pub notes: Vec<String>,
    /// What AWS says besides; of a whole reading only.
    #[serde(skip)]
    pub aws_insights: AwsInsights,
}

impl CostData {
    /// Nothing yet; what a conversation's questions need is going to be kept.
    pub(crate) fn new(turns: &[Tokens]) -> Self {
        let needs_usage = turns
            .iter()
            .any(|turn| Intent::detect(&mut turn.clone()).needs_usage());
        Self {
            ledger: Ledger::new(turns.to_vec()),
            notable_charges: NotableCharges::default(),
            usage: UsageTotals::new(needs_usage),
            name: String::new(),
            files: 0,
            paid_requests: 0,
            notes: Vec::new(),
            aws_insights: AwsInsights::default(),
        }
    }

    pub(crate) fn add(&mut self, row: &BillRow<'_>) -> Result<(), PrecisionOverflow> {
        let key = self.ledger.add(row)?;
        self.usage.add(row, key)?;
        self.notable_charges.add(row, key)
    }

    /// Takes in what was read elsewhere: files first.
    pub(crate) fn merge(&mut self, other: Self) -> Result<(), PrecisionOverflow> {
        self.files += other.files;
        self.paid_requests += other.paid_requests;
        self.name = match (other.files, self.files) {
            (0, 0) => other.name,
            (0, _) if self.name.ends_with(&other.name) => self.name.clone(),
            (0, _) => format!("{} and {}", self.name, other.name),
            (_, 1) => other.name,
            (_, files) => format!("{files} files"),
        };
        let ids = self.ledger.merge(&other.ledger)?;
        self.usage.merge(&other.usage, &ids)?;
        self.notable_charges.merge(&other.notable_charges, &ids)
    }

    /// Says that the bill begins on this day, although it was not read from there.
    pub(crate) fn extend_back_to(&mut self, day: Date) {
        if let Some((first, _)) = &mut self.ledger.days {
            *first = day.min(*first);
        }
    }

    /// The last of the turns as it is read of a bill of these days.
    pub(crate) fn question_over(
        &mut self,
        turns: &[Tokens],
        days: Option<(Date, Date)>,
    ) -> Question {
        let own_days = std::mem::replace(&mut self.ledger.days, days);
        let question = Question::parse_last(turns, &self.ledger);
        self.ledger.days = own_days;
        question
    }
}
