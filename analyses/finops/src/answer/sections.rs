//! Sections.

use rust_decimal::Decimal;

use crate::answer::families::family_answer::Finding;
use crate::answer::phrases::LISTED;
use crate::bill::ledger::Ledger;
use crate::bill::ledger_sums::{Group, Section};
use crate::bill::money::{self, TooManyDigits};
use crate::observations::observation::Advice;
use crate::question::parse::Question;
use crate::text::sanitize::clip;

/// Bytes that the lines of all tables may take, once in Markdown and once in JSON.
const TABLES: usize = 40_000;
/// All that an answer is made of.
pub(crate) struct Answer<'a> {
    pub query: &'a str,
    pub question: &'a Question,
    pub ledger: &'a Ledger,
    pub sections: &'a [Section],
    pub advice: &'a [Advice],
    /// What the question's family says; `None` for a breakdown.
    pub finding: Option<Finding>,
    /// What is to be said of the reading.
    pub notes: &'a [String],
    /// Requests of Cost Explorer's that were paid for.
    pub requests: u32,
    /// The bill's file name.
    pub source: &'a str,
    pub sample: bool,
}

/// A section as far as it is shown: the groups, and what the others come to.
pub(crate) struct Shown<'a> {
    pub section: &'a Section,
    pub groups: &'a [Group],
    pub others: Option<(usize, Decimal)>,
}

impl Answer<'_> {
    /// Takes lines from the front of each section while there is room.
    pub(crate) fn cut(&self) -> Result<Vec<Shown<'_>>, TooManyDigits> {
        let mut room = TABLES;
        let most = self.question.top.unwrap_or(usize::MAX);
        self.sections
            .iter()
            .take(LISTED)
            .map(|section| {
                let mut count = 0;
                for group in section.groups.iter().take(most) {
                    let size = 3 * clip(&group.key).len() + 60;
                    if size > room {
                        break;
                    }
                    room -= size;
                    count += 1;
                }
                let (groups, rest) = section.groups.split_at(count);
                let others = rest
                    .iter()
                    .try_fold(Decimal::ZERO, |sum, group| money::add(sum, group.amount));
                let others = others.ok_or(TooManyDigits)?;
                Ok(Shown {
                    section,
                    groups,
                    others: (!rest.is_empty()).then_some((rest.len(), others)),
                })
            })
            .collect()
    }

    /// What a day comes to on average, where that is asked for, in hundredths.
    pub(crate) fn daily(&self, section: &Section) -> Option<Decimal> {
        let days = self.days().filter(|_| self.question.average)?;
        let each = section.total.checked_div(days.into())?;
        Some(money::rounded(each, 2))
    }

    /// How many days the bill has of those asked about.
    pub(crate) fn days(&self) -> Option<i32> {
        let (first, last) = self.ledger.days?;
        let (mut start, mut end) = (first, last.tomorrow().ok()?);
        if let Some((from, until)) = self.question.scope.days {
            (start, end) = (start.max(from), end.min(until));
        }
        let days = end.since(start).ok()?.get_days();
        (days > 0).then_some(days)
    }
}
