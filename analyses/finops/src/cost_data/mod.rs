//! What was read for a question: the bill's sums and AWS's insights. Pure.

pub(crate) mod aws_insights;
pub(crate) mod describe;

use aws_insights::AwsInsights;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::bill::charge_details::ChargeDetails;
use crate::bill::charge_row::BillRow;
use crate::bill::ledger::Ledger;
use crate::bill::money::PrecisionOverflow;
use crate::bill::notable_charges::NotableCharges;
use crate::bill::usage_totals::UsageTotals;
use crate::question::intent::Intent;
use crate::question::parse::Question;
use crate::question::vocabulary;
use crate::text::tokens::Tokens;

/// Everything that was read for a question.
#[derive(Serialize, Deserialize)]
pub(crate) struct CostData {
    pub ledger: Ledger,
    #[serde(rename = "traces")]
    pub notable_charges: NotableCharges,
    #[serde(rename = "measures")]
    pub usage: UsageTotals,
    #[serde(default, skip_serializing_if = "ChargeDetails::is_empty")]
    pub details: ChargeDetails,
    /// The bill's name, or how many files it has, and Cost Explorer where it was used.
    pub name: String,
    pub files: usize,
    /// Requests to Cost Explorer that AWS charges for.
    #[serde(rename = "requests")]
    pub paid_requests: u32,
    /// Notes for the answer about what was read.
    pub notes: Vec<String>,
    /// What AWS reports besides; of the whole question, so it is not part of a checkpoint.
    #[serde(skip)]
    pub aws_insights: AwsInsights,
}

impl CostData {
    /// Empty data that will keep what the conversation's questions need.
    pub(crate) fn new(turns: &[Tokens]) -> Self {
        let needs_usage = turns
            .iter()
            .any(|turn| Intent::detect(&mut turn.clone()).needs_usage());
        Self {
            ledger: Ledger::new(vocabulary::with_long_forms(turns)),
            notable_charges: NotableCharges::default(),
            usage: UsageTotals::new(needs_usage),
            details: ChargeDetails::new(vocabulary::needs(turns)),
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
        self.details.add(row, key)?;
        self.notable_charges.add(row, key)
    }

    /// Adds what was read of another source. Files come before Cost Explorer.
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
        self.details.merge(&other.details, &ids)?;
        self.notable_charges.merge(&other.notable_charges, &ids)
    }

    /// Moves the bill's first day back to this one, for earlier days that exist and were not read.
    pub(crate) fn extend_back_to(&mut self, day: Date) {
        if let Some((first, _)) = &mut self.ledger.days {
            *first = day.min(*first);
        }
    }

    /// The last question as it is understood for a bill of these days.
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
