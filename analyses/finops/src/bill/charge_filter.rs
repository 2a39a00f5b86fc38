//! Which charges a question asks for, by day, dimension values and tags.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use crate::bill::focus_column::FocusColumn;

/// Which charges are counted. A dimension with an empty `included` admits all its values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ChargeFilter {
    /// First day and exclusive end; `None` is the whole bill.
    pub days: Option<(Date, Date)>,
    pub services: Selection,
    pub accounts: Selection,
    pub regions: Selection,
    /// Normalized tag key to the values that are admitted.
    /// An empty value admits charges without the tag.
    pub tags: BTreeMap<String, BTreeSet<String>>,
    /// Normalized tag key to the values that are left out.
    pub tags_excluded: BTreeMap<String, BTreeSet<String>>,
    pub columns: BTreeMap<FocusColumn, TextFilter>,
    /// Only weekends, or only weekdays.
    pub weekend: Option<bool>,
}

/// Which values of a column are counted; letter case does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TextFilter {
    pub included: BTreeSet<String>,
    pub excluded: BTreeSet<String>,
    /// Texts in lower case; the value contains one of them.
    pub contains: BTreeSet<String>,
}

impl TextFilter {
    pub(crate) fn admits(&self, value: &str) -> bool {
        let is_value = |other: &String| other.eq_ignore_ascii_case(value);
        (self.included.is_empty() || self.included.iter().any(is_value))
            && !self.excluded.iter().any(is_value)
            && (self.contains.is_empty() || {
                let lower = value.to_lowercase();
                self.contains
                    .iter()
                    .any(|text| lower.contains(text.as_str()))
            })
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    pub included: BTreeSet<u32>,
    pub excluded: BTreeSet<u32>,
}

impl Selection {
    pub(crate) fn admits(&self, number: u32) -> bool {
        (self.included.is_empty() || self.included.contains(&number))
            && !self.excluded.contains(&number)
    }
}
