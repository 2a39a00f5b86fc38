//! What was understood of a question.

use std::collections::BTreeSet;

use crate::bill::charge_filter::ChargeFilter;
use crate::bill::focus_column::FocusColumn;
use crate::bill::grouping::{GroupOrder, Grouping};
use crate::bill::measure::Measure;
use crate::question::intent::Intent;
use crate::question::period::Period;
use crate::question::thresholds::Having;

/// A parsed question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Question {
    pub intent: Intent,
    /// What is summed.
    pub measure: Measure,
    /// Whether the measure is asked for in percent of the list cost.
    pub rate_asked: bool,
    pub filter: ChargeFilter,
    /// `None` asks for the total alone.
    pub grouping: Option<Grouping>,
    /// What each group is divided by.
    pub second_grouping: Option<Grouping>,
    /// Whether the question named the grouping.
    pub grouping_named: bool,
    pub top: Option<usize>,
    /// Groups before the first one wanted: 1 for `the second most expensive`.
    pub skipped: usize,
    /// Whether the first group is the answer, as in `which team spends the most`.
    pub first_asked: bool,
    /// Whether the smallest comes first.
    pub ascending: bool,
    /// Which groups are listed, by their amounts.
    pub having: Having,
    /// Whether the part of the whole is asked for.
    pub share_asked: bool,
    /// Whether the mean per day is asked for.
    pub daily_average_asked: bool,
    /// Whether the mean per month is asked for.
    pub monthly_average_asked: bool,
    /// `None` is the whole bill.
    pub period: Option<Period>,
    /// The period that `period` is compared with, where the question names one.
    pub base_period: Option<Period>,
    /// How far the compared period lies before the other; see [`crate::question::period_shift::find`].
    pub shift: Option<String>,
    /// Known services that are asked for and not in the bill, by full name.
    pub missing_services: Vec<String>,
    /// The unused parts of the question, as they were written.
    pub not_understood: Vec<String>,
    /// Whether the question depends on an unused part, such as `by cost center`.
    pub unknown_decides: bool,
    /// Words that were read as others, such as a typing error.
    pub respelled: Vec<(String, String)>,
    /// Whether tags are asked for without naming one that the bill has.
    pub unnamed_tag_asked: bool,
    /// Whether anything was understood.
    pub understood: bool,
    /// Whether open parts were taken from the previous question.
    pub continues_previous: bool,
    /// Whether it came as a plan and not as words.
    pub from_plan: bool,
}

impl Question {
    /// The order of the answer's groups.
    pub(crate) fn order(&self) -> GroupOrder {
        let mut groupings = self.groupings();
        let in_time = groupings.any(Grouping::is_time);
        match self.top {
            _ if self.ascending => GroupOrder::Smallest,
            None if in_time => GroupOrder::Time,
            _ => GroupOrder::Largest,
        }
    }

    /// What the answer is grouped by: two at most.
    pub(crate) fn groupings(&self) -> impl Iterator<Item = &Grouping> {
        self.grouping.iter().chain(&self.second_grouping)
    }

    /// Whether the question asks only for services that the bill does not have.
    pub(crate) fn asks_only_for_missing_services(&self) -> bool {
        !self.missing_services.is_empty() && self.filter.services.included.is_empty()
    }

    /// Whether charges are restricted by anything but days.
    pub(crate) fn is_restricted(&self) -> bool {
        let filter = ChargeFilter {
            days: None,
            ..self.filter.clone()
        };
        filter != ChargeFilter::default()
    }

    /// The FOCUS columns that it filters and groups by.
    pub(crate) fn columns(&self) -> BTreeSet<FocusColumn> {
        let grouped = self.groupings().filter_map(|grouping| match grouping {
            Grouping::Column(column) => Some(*column),
            _ => None,
        });
        grouped.chain(self.filter.columns.keys().copied()).collect()
    }

    /// By account for one service, by region for one service in one account, else by service.
    pub(super) fn default_grouping(&self) -> Grouping {
        match (
            self.filter.services.included.len(),
            self.filter.accounts.included.len(),
        ) {
            (1, 1) => Grouping::Region,
            (1, _) => Grouping::Account,
            _ => Grouping::Service,
        }
    }

    /// The dimension with several values in the question.
    pub(super) fn compared_dimension(&self) -> Option<Grouping> {
        let tag = self.filter.tags.iter().find(|(_, values)| values.len() > 1);
        let column = self
            .filter
            .columns
            .iter()
            .find(|(_, texts)| texts.included.len() > 1);
        if self.filter.services.included.len() > 1 {
            Some(Grouping::Service)
        } else if self.filter.accounts.included.len() > 1 {
            Some(Grouping::Account)
        } else if self.filter.regions.included.len() > 1 {
            Some(Grouping::Region)
        } else if let Some((key, _)) = tag {
            Some(Grouping::Tag(key.clone()))
        } else {
            column.map(|(column, _)| Grouping::Column(*column))
        }
    }
}
