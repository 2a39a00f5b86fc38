//! Which charges a question asks for, as days and numbers of the ledger's names.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

/// Which charges are asked for. An empty `only` admits everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ChargeFilter {
    /// Start and exclusive end; `None` is the whole bill.
    pub days: Option<(Date, Date)>,
    pub services: Selection,
    pub accounts: Selection,
    pub regions: Selection,
    /// Tag key, joined, to the values that it may have.
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
