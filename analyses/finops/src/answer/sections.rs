//! Sections.

use rust_decimal::Decimal;

use crate::answer::families::family_answer::FamilyAnswer;
use crate::answer::phrases::MAX_LISTED;
use crate::bill::ledger::Ledger;
use crate::bill::ledger_sums::{CostGroup, CurrencySection};
use crate::bill::money::{self, PrecisionOverflow};
use crate::observations::observation::Observation;
use crate::question::parse::Question;
use crate::text::sanitize::clip;

/// Bytes that the lines of all tables may take, once in Markdown and once in JSON.
const MAX_TABLE_BYTES: usize = 40_000;
/// All that an answer is made of.
pub(crate) struct AnswerParts<'a> {
    pub query: &'a str,
    pub question: &'a Question,
    pub ledger: &'a Ledger,
    pub sections: &'a [CurrencySection],
    pub observations: &'a [Observation],
    /// What the question's family says; `None` for a breakdown.
    pub family_answer: Option<FamilyAnswer>,
    /// What is to be said of the reading.
    pub notes: &'a [String],
    /// Requests of Cost Explorer's that were paid for.
    pub paid_requests: u32,
    /// The bill's file name.
    pub source: &'a str,
    pub sample: bool,
}

/// A section as far as it is shown: the groups, and what the others come to.
pub(crate) struct ShownSection<'a> {
    pub section: &'a CurrencySection,
    pub groups: &'a [CostGroup],
    pub others: Option<(usize, Decimal)>,
}

impl AnswerParts<'_> {
    /// Takes lines from the front of each section while there is bytes_left.
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

    /// What a day comes to on average, where that is input for, in hundredths.
    pub(crate) fn daily_average(&self, section: &CurrencySection) -> Option<Decimal> {
        let days = self
            .covered_day_count()
            .filter(|_| self.question.daily_average_asked)?;
        let each = section.total.checked_div(days.into())?;
        Some(money::round(each, 2))
    }

    /// How many days the bill has of those input about.
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
