//! How charges are grouped in an answer, and in which order the groups are listed.

use crate::bill::focus_column::FocusColumn;

/// What each line of an answer's table stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Grouping {
    Service,
    Account,
    Region,
    Day,
    /// A week of ISO 8601, such as `2026-W20`.
    Week,
    Month,
    Quarter,
    Year,
    /// Monday to Sunday.
    Weekday,
    /// Weekdays and the weekend.
    WeekPart,
    /// The value of the tag with this normalized key.
    Tag(String),
    Column(FocusColumn),
}

impl Grouping {
    /// Whether its groups have an order in time.
    pub(crate) fn is_time(&self) -> bool {
        matches!(
            self,
            Self::Day | Self::Week | Self::Month | Self::Quarter | Self::Year | Self::Weekday
        )
    }

    /// Whether its groups are days or made of days.
    pub(crate) fn is_of_days(&self) -> bool {
        self.is_time() || *self == Self::WeekPart
    }
}

/// The order of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupOrder {
    /// By key, so days and months are in sequence.
    Time,
    Largest,
    Smallest,
}
