//! What a bill adds up to: exact sums by day, service, account, region and the tags asked for.
//!
//! One pass fills it; memory grows with the combinations that occur, not with the rows. It knows
//! neither files nor questions: it is given rows, and asked with a [`Scope`].

use std::collections::{BTreeSet, HashMap};

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::bill::charge_row::Row;
use crate::bill::dimension_values::Names;
use crate::bill::grouping::Grouping;
use crate::bill::money::TooManyDigits;
use crate::bill::tag_sets::Tags;
use crate::bill::{json_pairs, money};
use crate::text::tokens::Words;

/// A bill, summed.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ledger {
    pub services: Names,
    pub accounts: Names,
    pub regions: Names,
    pub currencies: Names,
    pub tags: Tags,
    pub providers: BTreeSet<String>,
    /// The first and the last day that has a charge.
    pub days: Option<(Date, Date)>,
    pub rows: u64,
    /// Rows without a `BilledCost`; they count as rows and add nothing.
    pub without_cost: u64,
    #[serde(with = "json_pairs")]
    pub(super) cells: HashMap<Cell, Amount>,
}

/// What charges are summed by, as numbers of the ledger's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Cell {
    pub day: Date,
    pub currency: u32,
    pub service: u32,
    pub account: u32,
    pub region: u32,
    pub tags: u32,
}

/// How another bill's numbers are in this one.
pub(crate) struct Renumbered {
    currencies: Vec<u32>,
    services: Vec<u32>,
    accounts: Vec<u32>,
    regions: Vec<u32>,
    tags: Vec<u32>,
}

impl Renumbered {
    pub(crate) fn cell(&self, cell: &Cell) -> Cell {
        Cell {
            day: cell.day,
            currency: self.currencies[cell.currency as usize],
            service: self.services[cell.service as usize],
            account: self.accounts[cell.account as usize],
            region: self.regions[cell.region as usize],
            tags: self.tags[cell.tags as usize],
        }
    }
}

impl Cell {
    /// The number of its value in a grouping; days and months have none.
    pub(crate) fn number(&self, grouping: &Grouping) -> u32 {
        match grouping {
            Grouping::Service => self.service,
            Grouping::Account => self.account,
            Grouping::Region => self.region,
            Grouping::Tag(_) => self.tags,
            Grouping::Day | Grouping::Month => 0,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Amount {
    pub(super) sum: Decimal,
    pub(super) rows: u64,
}

impl Ledger {
    /// An empty ledger that keeps the tags that are mentioned in these questions.
    pub(crate) fn new(asked: Vec<Words>) -> Self {
        Self {
            services: Names::default(),
            accounts: Names::default(),
            regions: Names::default(),
            currencies: Names::default(),
            tags: Tags::new(asked),
            providers: BTreeSet::new(),
            days: None,
            rows: 0,
            without_cost: 0,
            cells: HashMap::new(),
        }
    }

    /// Counts a charge, and says where.
    pub(crate) fn add(&mut self, row: &Row<'_>) -> Result<Cell, TooManyDigits> {
        let cell = Cell {
            day: row.day,
            currency: self.currencies.note(row.currency, ""),
            service: self.services.note(row.service, ""),
            account: self.accounts.note(row.account, row.account_name),
            region: self.regions.note(row.region, row.region_name),
            tags: self.tags.note(row.tags),
        };
        if !row.provider.is_empty() && !self.providers.contains(row.provider) {
            self.providers.insert(row.provider.to_string());
        }
        let (first, last) = self.days.unwrap_or((row.day, row.day));
        self.days = Some((first.min(row.day), last.max(row.day)));
        self.rows += 1;
        self.without_cost += u64::from(row.cost.is_none());

        let amount = self.cells.entry(cell).or_default();
        amount.rows += 1;
        amount.sum = money::add(amount.sum, row.cost.unwrap_or_default()).ok_or(TooManyDigits)?;
        Ok(cell)
    }

    /// How many sums it holds.
    pub(crate) fn sums(&self) -> usize {
        self.cells.len()
    }

    /// Takes in another bill, and says how its cells are numbered here.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<Renumbered, TooManyDigits> {
        let renumbered = Renumbered {
            currencies: self.currencies.merge(&other.currencies),
            services: self.services.merge(&other.services),
            accounts: self.accounts.merge(&other.accounts),
            regions: self.regions.merge(&other.regions),
            tags: self.tags.merge(&other.tags),
        };
        self.providers.extend(other.providers.iter().cloned());
        if let Some((first, last)) = other.days {
            let (own_first, own_last) = self.days.unwrap_or((first, last));
            self.days = Some((first.min(own_first), last.max(own_last)));
        }
        self.rows += other.rows;
        self.without_cost += other.without_cost;
        for (cell, amount) in &other.cells {
            self.cells
                .entry(renumbered.cell(cell))
                .or_default()
                .grow(amount)?;
        }
        Ok(renumbered)
    }
}

impl Amount {
    pub(super) fn grow(&mut self, other: &Amount) -> Result<(), TooManyDigits> {
        self.sum = money::add(self.sum, other.sum).ok_or(TooManyDigits)?;
        self.rows += other.rows;
        Ok(())
    }
}
