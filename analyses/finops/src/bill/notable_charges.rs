//! Details of single charges that `observations` needs: the largest charges of each day, and resources that cost
//! something and are idle. Memory is bounded.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::bill::charge_row::BillRow;
use crate::bill::json_pairs;
use crate::bill::ledger::{IdMap, LedgerKey};
use crate::bill::money::{self, PrecisionOverflow};

/// Resources recorded of each kind, to bound memory; later ones are ignored.
pub(crate) const MAX_RESOURCES: usize = 100_000;

/// Details of single charges, recorded while the bill is read.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct NotableCharges {
    #[serde(with = "json_pairs")]
    pub largest: HashMap<(u32, u32, Date), Vec<LargeCharge>>,
    #[serde(rename = "described")]
    pub described_idle: HashMap<String, IdleResource>,
    #[serde(rename = "unused")]
    pub without_consumption: HashMap<String, IdleResource>,
    /// Resources that consumed something on some day, so that a charge of theirs without consumption does not make
    /// them idle.
    #[serde(rename = "busy")]
    pub consuming: HashSet<String>,
    #[serde(skip)]
    descriptions: HashMap<String, bool>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct LargeCharge {
    pub line: u64,
    pub amount: Decimal,
    pub resource: String,
    #[serde(rename = "cell")]
    pub key: LedgerKey,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct IdleResource {
    #[serde(rename = "cell")]
    pub key: LedgerKey,
    pub description: String,
    /// Cost of each day, and the line of its first row.
    pub days: BTreeMap<Date, (Decimal, u64)>,
}

impl NotableCharges {
    /// Records what is notable of a charge that the ledger has added under `key`.
    pub(crate) fn add(
        &mut self,
        row: &BillRow<'_>,
        key: LedgerKey,
    ) -> Result<(), PrecisionOverflow> {
        let cost = row.cost.unwrap_or_default();
        if cost <= Decimal::ZERO {
            return Ok(());
        }
        self.add_charge(row, cost, key);
        let usage = row.category.is_empty() || row.category.eq_ignore_ascii_case("Usage");
        if row.resource.is_empty() || !usage {
            return Ok(());
        }
        let near_zero = Decimal::new(1, 3);
        let resources = if self.describes_idle(row.description) {
            &mut self.described_idle
        } else {
            match row.consumed {
                Some(quantity) if quantity.abs() <= near_zero => &mut self.without_consumption,
                _ => {
                    if self.consuming.len() < MAX_RESOURCES
                        && !self.consuming.contains(row.resource)
                    {
                        self.consuming.insert(row.resource.to_string());
                    }
                    return Ok(());
                }
            }
        };
        if resources.len() >= MAX_RESOURCES && !resources.contains_key(row.resource) {
            return Ok(());
        }
        let idle = resources
            .entry(row.resource.to_string())
            .or_insert_with(|| IdleResource {
                key,
                description: row.description.to_string(),
                days: BTreeMap::new(),
            });
        let day = idle
            .days
            .entry(row.day)
            .or_insert((Decimal::ZERO, row.line));
        day.0 = money::add(day.0, cost).ok_or(PrecisionOverflow)?;
        Ok(())
    }

    fn add_charge(&mut self, row: &BillRow<'_>, cost: Decimal, key: LedgerKey) {
        self.insert_if_large(key, cost, || LargeCharge {
            line: row.line,
            amount: cost,
            resource: row.resource.to_string(),
            key,
        });
    }

    /// Inserts a charge if it is among the three largest of its service, currency and day. The charge is built only
    /// then, since few are.
    fn insert_if_large(
        &mut self,
        key: LedgerKey,
        amount: Decimal,
        charge: impl FnOnce() -> LargeCharge,
    ) {
        let service_day = (key.service, key.currency, key.day);
        let largest = self.largest.entry(service_day).or_default();
        let at = largest
            .iter()
            .position(|other| other.amount < amount)
            .unwrap_or(largest.len());
        if at < 3 {
            largest.truncate(2);
            largest.insert(at, charge());
        }
    }

    /// Adds what was recorded of another bill.
    pub(crate) fn merge(&mut self, other: &Self, ids: &IdMap) -> Result<(), PrecisionOverflow> {
        for charge in other.largest.values().flatten() {
            let key = ids.key(&charge.key);
            self.insert_if_large(key, charge.amount, || LargeCharge {
                key,
                ..charge.clone()
            });
        }
        for (mine, others) in [
            (&mut self.described_idle, &other.described_idle),
            (&mut self.without_consumption, &other.without_consumption),
        ] {
            for (resource, idle) in others {
                if mine.len() >= MAX_RESOURCES && !mine.contains_key(resource) {
                    continue;
                }
                let merged = mine
                    .entry(resource.clone())
                    .or_insert_with(|| IdleResource {
                        key: ids.key(&idle.key),
                        description: idle.description.clone(),
                        days: BTreeMap::new(),
                    });
                for (day, (cost, line)) in &idle.days {
                    let total = merged.days.entry(*day).or_insert((Decimal::ZERO, *line));
                    total.0 = money::add(total.0, *cost).ok_or(PrecisionOverflow)?;
                }
            }
        }
        let room = MAX_RESOURCES.saturating_sub(self.consuming.len());
        self.consuming
            .extend(other.consuming.iter().take(room).cloned());
        Ok(())
    }

    /// Whether the description says that something is paid for and not used. AWS writes "idle", "unattached" or
    /// "not attached".
    fn describes_idle(&mut self, description: &str) -> bool {
        if let Some(known) = self.descriptions.get(description) {
            return *known;
        }
        let lower = description.to_lowercase();
        let idle = lower
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| matches!(word, "idle" | "unattached"))
            || lower.contains("not attached");
        if self.descriptions.len() < MAX_RESOURCES {
            self.descriptions.insert(description.to_string(), idle);
        }
        idle
    }
}
