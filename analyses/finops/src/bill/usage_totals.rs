//! Sums of what was consumed, in which unit, at which list price, and whether a commitment covers it.
//!
//! They are kept only for questions that need them, since they multiply the ledger's sums.

use std::collections::HashMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::bill::charge_filter::ChargeFilter;
use crate::bill::charge_row::BillRow;
use crate::bill::json_pairs;
use crate::bill::ledger::{IdMap, Ledger, LedgerKey};
use crate::bill::money::{self, PrecisionOverflow};
use crate::text::tokens::normalized;

/// What usage is summed by, besides the ledger's key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct UsageKind {
    /// As written in the bill; empty where nothing is consumed.
    pub unit: String,
    pub description: String,
    pub terms: PricingTerms,
}

/// How a charge is priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum PricingTerms {
    /// At the public price.
    OnDemand,
    /// Covered by a commitment.
    Committed,
    /// The unused part of a commitment.
    Unused,
    /// A credit, a tax, a purchase, or priced in another way.
    Other,
}

/// Sums of the charges of one kind under one ledger key.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct UsageTotal {
    pub cost: Decimal,
    pub quantity: Decimal,
    pub list: Decimal,
    pub effective: Decimal,
}

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct UsageTotals {
    #[serde(rename = "wanted")]
    enabled: bool,
    #[serde(skip)]
    numbers: HashMap<UsageKind, u32>,
    kinds: Vec<UsageKind>,
    #[serde(with = "json_pairs")]
    sums: HashMap<(LedgerKey, u32), UsageTotal>,
}

impl UsageTotals {
    /// With `enabled` false nothing is kept.
    pub(crate) fn new(enabled: bool) -> Self {
        Self {
            enabled,
            ..Self::default()
        }
    }

    pub(crate) fn add(
        &mut self,
        row: &BillRow<'_>,
        key: LedgerKey,
    ) -> Result<(), PrecisionOverflow> {
        if !self.enabled {
            return Ok(());
        }
        let kind = UsageKind {
            unit: row.unit.to_string(),
            description: row.description.to_string(),
            terms: pricing_terms(row),
        };
        let number = self.intern(kind);
        let cost = row.cost.unwrap_or_default();
        self.sums
            .entry((key, number))
            .or_default()
            .add(&UsageTotal {
                cost,
                quantity: row.consumed.unwrap_or_default(),
                list: row.list.unwrap_or(cost),
                effective: row.effective.unwrap_or(cost),
            })
    }

    /// Adds the totals of another bill.
    pub(crate) fn merge(&mut self, other: &Self, ids: &IdMap) -> Result<(), PrecisionOverflow> {
        for ((key, kind), total) in &other.sums {
            let number = self.intern(other.kinds[*kind as usize].clone());
            let entry = (ids.key(key), number);
            self.sums.entry(entry).or_default().add(total)?;
        }
        Ok(())
    }

    fn intern(&mut self, kind: UsageKind) -> u32 {
        let next = u32::try_from(self.kinds.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(kind).or_insert_with_key(|kind| {
            self.kinds.push(kind.clone());
            next
        })
    }

    /// The totals of one currency within the filter.
    pub(crate) fn in_filter<'a>(
        &'a self,
        ledger: &'a Ledger,
        filter: &'a ChargeFilter,
        currency: u32,
    ) -> impl Iterator<Item = (&'a LedgerKey, &'a UsageKind, &'a UsageTotal)> {
        self.sums
            .iter()
            .filter(move |((key, _), _)| key.currency == currency && ledger.admits(filter, key))
            .map(|((key, kind), total)| (key, &self.kinds[*kind as usize], total))
    }
}

impl UsageTotal {
    pub(crate) fn add(&mut self, other: &Self) -> Result<(), PrecisionOverflow> {
        for (sum, more) in [
            (&mut self.cost, other.cost),
            (&mut self.quantity, other.quantity),
            (&mut self.list, other.list),
            (&mut self.effective, other.effective),
        ] {
            *sum = money::add(*sum, more).ok_or(PrecisionOverflow)?;
        }
        Ok(())
    }
}

fn pricing_terms(row: &BillRow<'_>) -> PricingTerms {
    let usage = row.category.is_empty() || row.category.eq_ignore_ascii_case("Usage");
    match normalized(row.commitment).as_str() {
        _ if !usage => PricingTerms::Other,
        "unused" => PricingTerms::Unused,
        "used" => PricingTerms::Committed,
        _ if row.pricing.eq_ignore_ascii_case("Standard") || row.pricing.is_empty() => {
            PricingTerms::OnDemand
        }
        _ if row.pricing.eq_ignore_ascii_case("Committed") => PricingTerms::Committed,
        _ => PricingTerms::Other,
    }
}
