//! Which charges a question asks for, by day, dimension values and tags.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

/// Which charges are counted. A dimension with an empty `included` admits all its values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ChargeFilter {
    /// First day and exclusive end; `None` is the whole bill.
    pub days: Option<(Date, Date)>,
    pub services: Selection,
    pub accounts: Selection,
    pub regions: Selection,
    /// Normalized tag key to the values that are admitted.
    pub tags: BTreeMap<String, BTreeSet<String>>,
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
