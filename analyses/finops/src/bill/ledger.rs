//! The exact sums of a bill by day, currency, service, account, region and the tags that the questions mention.
//!
//! It is filled in one pass over the rows. Memory grows with the combinations that occur, not with the rows.

use std::collections::{BTreeSet, HashMap};

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::bill::charge_row::BillRow;
use crate::bill::dimension_values::DimensionValues;
use crate::bill::grouping::Grouping;
use crate::bill::json_pairs;
use crate::bill::money::{self, PrecisionOverflow};
use crate::bill::tag_sets::TagSets;
use crate::text::tokens::Tokens;

/// A summed bill.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ledger {
    pub services: DimensionValues,
    pub accounts: DimensionValues,
    pub regions: DimensionValues,
    pub currencies: DimensionValues,
    pub tags: TagSets,
    pub providers: BTreeSet<String>,
    /// The first and the last day that have a charge.
    pub days: Option<(Date, Date)>,
    pub rows: u64,
    /// Rows without a `BilledCost`. They are counted and add nothing.
    pub without_cost: u64,
    #[serde(rename = "cells", with = "json_pairs")]
    pub(super) sums: HashMap<LedgerKey, CostSum>,
}

/// What charges are summed by: a day and numbers of the ledger's dimension values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct LedgerKey {
    pub day: Date,
    pub currency: u32,
    pub service: u32,
    pub account: u32,
    pub region: u32,
    pub tags: u32,
}

/// Maps the numbers of another ledger's dimension values to those of this one.
pub(crate) struct IdMap {
    currencies: Vec<u32>,
    services: Vec<u32>,
    accounts: Vec<u32>,
    regions: Vec<u32>,
    tags: Vec<u32>,
}

impl IdMap {
    pub(crate) fn key(&self, key: &LedgerKey) -> LedgerKey {
        LedgerKey {
            day: key.day,
            currency: self.currencies[key.currency as usize],
            service: self.services[key.service as usize],
            account: self.accounts[key.account as usize],
            region: self.regions[key.region as usize],
            tags: self.tags[key.tags as usize],
        }
    }
}

impl LedgerKey {
    /// The number of its value in this grouping; 0 for days and months, which are not numbered.
    pub(crate) fn number(&self, grouping: &Grouping) -> u32 {
        match grouping {
            Grouping::Service => self.service,
            Grouping::Account => self.account,
            Grouping::Region => self.region,
            Grouping::Tag(_) | Grouping::Column(_) => self.tags,
            _ => 0,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct CostSum {
    pub(super) sum: Decimal,
    pub(super) rows: u64,
}

impl Ledger {
    /// An empty ledger that keeps the tags mentioned in these questions.
    pub(crate) fn new(questions: Vec<Tokens>) -> Self {
        Self {
            services: DimensionValues::default(),
            accounts: DimensionValues::default(),
            regions: DimensionValues::default(),
            currencies: DimensionValues::default(),
            tags: TagSets::new(questions),
            providers: BTreeSet::new(),
            days: None,
            rows: 0,
            without_cost: 0,
            sums: HashMap::new(),
        }
    }

    /// Adds a charge. Returns the key that it was added to.
    pub(crate) fn add(&mut self, row: &BillRow<'_>) -> Result<LedgerKey, PrecisionOverflow> {
        let key = LedgerKey {
            day: row.day,
            currency: self.currencies.intern(row.currency, ""),
            service: self.services.intern(row.service, ""),
            account: self.accounts.intern(row.account, row.account_name),
            region: self.regions.intern(row.region, row.region_name),
            tags: self.tags.intern(row.tags),
        };
        if !row.provider.is_empty() && !self.providers.contains(row.provider) {
            self.providers.insert(row.provider.to_string());
        }
        let (first, last) = self.days.unwrap_or((row.day, row.day));
        self.days = Some((first.min(row.day), last.max(row.day)));
        self.rows += 1;
        self.without_cost += u64::from(row.cost.is_none());

        let amount = self.sums.entry(key).or_default();
        amount.rows += 1;
        amount.sum =
            money::add(amount.sum, row.cost.unwrap_or_default()).ok_or(PrecisionOverflow)?;
        Ok(key)
    }

    /// How many sums it holds.
    pub(crate) fn sum_count(&self) -> usize {
        self.sums.len()
    }

    /// Adds another bill. Returns how its numbers map to those of this one.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<IdMap, PrecisionOverflow> {
        let ids = IdMap {
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
        for (key, amount) in &other.sums {
            self.sums.entry(ids.key(key)).or_default().add(amount)?;
        }
        Ok(ids)
    }
}

impl CostSum {
    pub(super) fn add(&mut self, other: &CostSum) -> Result<(), PrecisionOverflow> {
        self.sum = money::add(self.sum, other.sum).ok_or(PrecisionOverflow)?;
        self.rows += other.rows;
        Ok(())
    }
}
