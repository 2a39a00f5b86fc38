//! Which charges a question asks for, as days and numbers of the ledger's names.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

/// Which charges are asked for. An empty `only` admits everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    /// Start and exclusive end; `None` is the whole bill.
    pub days: Option<(Date, Date)>,
    pub services: Choice,
    pub accounts: Choice,
    pub regions: Choice,
    /// Tag key, joined, to the values that it may have.
    pub tags: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    pub only: BTreeSet<u32>,
    pub never: BTreeSet<u32>,
}

impl Choice {
    pub(crate) fn admits(&self, number: u32) -> bool {
        (self.only.is_empty() || self.only.contains(&number)) && !self.never.contains(&number)
    }
}
