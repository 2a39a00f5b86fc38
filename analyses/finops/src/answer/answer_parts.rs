//! The parts of an answer, and how many groups of each section fit into it.

use rust_decimal::Decimal;

use crate::answer::families::family_answer::FamilyAnswer;
use crate::answer::phrases::MAX_LISTED;
use crate::bill::ledger::Ledger;
use crate::bill::money::{self, PrecisionOverflow};
use crate::bill::sections::{CostGroup, CurrencySection};
use crate::observations::observation::Observation;
use crate::question::parse::Question;
use crate::question::query_plan::QueryPlan;
use crate::question::status::Status;
use crate::text::sanitize::clip;

/// Bytes that the lines of all tables may take, once in Markdown and once in JSON.
const MAX_TABLE_BYTES: usize = 40_000;

/// Everything that an answer is rendered from.
pub(crate) struct AnswerParts<'a> {
    pub query: &'a str,
    pub question: &'a Question,
    pub status: Status,
    /// The question as a plan.
    pub plan: QueryPlan,
    pub ledger: &'a Ledger,
    /// What the total is a part of, where that is asked for.
    pub whole: Option<Decimal>,
    pub sections: &'a [CurrencySection],
    pub observations: &'a [Observation],
    /// The answer of the question's family; `None` for a breakdown.
    pub family_answer: Option<FamilyAnswer>,
    /// Notes about what was read.
    pub notes: &'a [String],
    /// Requests to Cost Explorer that AWS charges for.
    pub paid_requests: u32,
    /// The name of the bill's file.
    pub source: &'a str,
    pub sample: bool,
}

/// The part of a section that is shown: the first groups, and the number and sum of the others.
pub(crate) struct ShownSection<'a> {
    pub section: &'a CurrencySection,
    pub groups: &'a [CostGroup],
    pub others: Option<(usize, Decimal)>,
}

impl AnswerParts<'_> {
    /// The first groups of each section, as long as the answer's size limit allows.
    pub(crate) fn shown_sections(&self) -> Result<Vec<ShownSection<'_>>, PrecisionOverflow> {
        let mut bytes_left = MAX_TABLE_BYTES;
        let max_groups = self.question.top.unwrap_or(usize::MAX);
        self.sections
            .iter()
            .take(MAX_LISTED)
            .map(|section| {
                let mut count = 0;
                for group in section.groups.iter().take(max_groups) {
                    let size = 3 * clip(&group.key).len() + 60;
                    if size > bytes_left {
                        break;
                    }
                    bytes_left -= size;
                    count += 1;
                }
                let (groups, rest) = section.groups.split_at(count);
                let others = rest
                    .iter()
                    .try_fold(Decimal::ZERO, |sum, group| money::add(sum, group.amount));
                let others = others.ok_or(PrecisionOverflow)?;
                Ok(ShownSection {
                    section,
                    groups,
                    others: (!rest.is_empty()).then_some((rest.len(), others)),
                })
            })
            .collect()
    }

    /// The mean cost per day in hundredths, where it is asked for.
    pub(crate) fn daily_average(&self, section: &CurrencySection) -> Option<Decimal> {
        let days = self
            .covered_day_count()
            .filter(|_| self.question.daily_average_asked)?;
        let each = section.total.checked_div(days.into())?;
        Some(money::round(each, 2))
    }

    /// The mean cost per calendar month that has charges, in hundredths, where it is asked for.
    pub(crate) fn monthly_average(&self, section: &CurrencySection) -> Option<Decimal> {
        let (first, last) = self
            .ledger
            .days
            .filter(|_| self.question.monthly_average_asked)?;
        let (start, end) = match self.question.filter.days {
            Some((start, end)) => (start.max(first), end.yesterday().ok()?.min(last)),
            None => (first, last),
        };
        let number = |day: jiff::civil::Date| i64::from(day.year()) * 12 + i64::from(day.month());
        let months = (number(end) - number(start) + 1).max(1);
        Some(money::round(section.total.checked_div(months.into())?, 2))
    }

    /// How many of the days asked about the bill covers.
    pub(crate) fn covered_day_count(&self) -> Option<i32> {
        let (first, last) = self.ledger.days?;
        let (mut start, mut end) = (first, last.tomorrow().ok()?);
        if let Some((from, until)) = self.question.filter.days {
            (start, end) = (start.max(from), end.min(until));
        }
        let days = end.since(start).ok()?.get_days();
        (days > 0).then_some(days)
    }
}
