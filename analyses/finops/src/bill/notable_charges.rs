//! What must be seen row by row for [`crate::observations::spikes`]: the largest charges of each day, and resources that cost
//! something and do nothing. Memory is bounded; nothing is judged here.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::bill::charge_row::Row;
use crate::bill::json_pairs;
use crate::bill::ledger::{Cell, Renumbered};
use crate::bill::money::{self, TooManyDigits};

/// Resources remembered of each kind, to bound memory; what comes later is not looked at.
pub(crate) const REMEMBERED: usize = 100_000;

/// What must be seen row by row, while the bill is read.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Traces {
    #[serde(with = "json_pairs")]
    pub largest: HashMap<(u32, u32, Date), Vec<Charge>>,
    pub described: HashMap<String, Idle>,
    pub unused: HashMap<String, Idle>,
    /// Resources that consumed something, so that a charge without consumption proves nothing.
    pub busy: HashSet<String>,
    #[serde(skip)]
    descriptions: HashMap<String, bool>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Charge {
    pub line: u64,
    pub amount: Decimal,
    pub resource: String,
    pub cell: Cell,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Idle {
    pub cell: Cell,
    pub description: String,
    /// Cost of each day and the line of its first row.
    pub days: BTreeMap<Date, (Decimal, u64)>,
}

impl Traces {
    /// Remembers what matters of a charge that the ledger has counted in `cell`.
    pub(crate) fn add(&mut self, row: &Row<'_>, cell: Cell) -> Result<(), TooManyDigits> {
        let cost = row.cost.unwrap_or_default();
        if cost <= Decimal::ZERO {
            return Ok(());
        }
        self.keep_largest(row, cost, cell);
        let usage = row.category.is_empty() || row.category.eq_ignore_ascii_case("Usage");
        if row.resource.is_empty() || !usage {
            return Ok(());
        }
        let near_zero = Decimal::new(1, 3);
        let kept = if self.says_idle(row.description) {
            &mut self.described
        } else {
            match row.consumed {
                Some(quantity) if quantity.abs() <= near_zero => &mut self.unused,
                _ => {
                    if self.busy.len() < REMEMBERED && !self.busy.contains(row.resource) {
                        self.busy.insert(row.resource.to_string());
                    }
                    return Ok(());
                }
            }
        };
        if kept.len() >= REMEMBERED && !kept.contains_key(row.resource) {
            return Ok(());
        }
        let idle = kept
            .entry(row.resource.to_string())
            .or_insert_with(|| Idle {
                cell,
                description: row.description.to_string(),
                days: BTreeMap::new(),
            });
        let day = idle
            .days
            .entry(row.day)
            .or_insert((Decimal::ZERO, row.line));
        day.0 = money::add(day.0, cost).ok_or(TooManyDigits)?;
        Ok(())
    }

    fn keep_largest(&mut self, row: &Row<'_>, cost: Decimal, cell: Cell) {
        self.keep_charge(cell, cost, || Charge {
            line: row.line,
            amount: cost,
            resource: row.resource.to_string(),
            cell,
        });
    }

    /// Keeps a charge of so much if it is among the largest; few are, so it is made only then.
    fn keep_charge(&mut self, cell: Cell, amount: Decimal, charge: impl FnOnce() -> Charge) {
        let key = (cell.service, cell.currency, cell.day);
        let largest = self.largest.entry(key).or_default();
        let at = largest
            .iter()
            .position(|other| other.amount < amount)
            .unwrap_or(largest.len());
        if at < 3 {
            largest.truncate(2);
            largest.insert(at, charge());
        }
    }

    /// Takes in what is remembered of another bill.
    pub(crate) fn merge(
        &mut self,
        other: &Self,
        renumbered: &Renumbered,
    ) -> Result<(), TooManyDigits> {
        for charge in other.largest.values().flatten() {
            let cell = renumbered.cell(&charge.cell);
            self.keep_charge(cell, charge.amount, || Charge {
                cell,
                ..charge.clone()
            });
        }
        for (own, others) in [
            (&mut self.described, &other.described),
            (&mut self.unused, &other.unused),
        ] {
            for (resource, idle) in others {
                if own.len() >= REMEMBERED && !own.contains_key(resource) {
                    continue;
                }
                let kept = own.entry(resource.clone()).or_insert_with(|| Idle {
                    cell: renumbered.cell(&idle.cell),
                    description: idle.description.clone(),
                    days: BTreeMap::new(),
                });
                for (day, (cost, line)) in &idle.days {
                    let kept = kept.days.entry(*day).or_insert((Decimal::ZERO, *line));
                    kept.0 = money::add(kept.0, *cost).ok_or(TooManyDigits)?;
                }
            }
        }
        let room = REMEMBERED.saturating_sub(self.busy.len());
        self.busy.extend(other.busy.iter().take(room).cloned());
        Ok(())
    }

    /// AWS describes what is paid for without being used as idle or as not attached.
    fn says_idle(&mut self, description: &str) -> bool {
        if let Some(known) = self.descriptions.get(description) {
            return *known;
        }
        let lower = description.to_lowercase();
        let idle = lower
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| matches!(word, "idle" | "unattached"))
            || lower.contains("not attached");
        if self.descriptions.len() < REMEMBERED {
            self.descriptions.insert(description.to_string(), idle);
        }
        idle
    }
}
