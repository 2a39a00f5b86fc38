//! What a bill says of its charges besides their cost: what was consumed, in which unit, at which list price,
//! and whether a commitment covers it. Kept only for questions that need it, since it multiplies what is held.
//!
//! It is given rows with the cell that the ledger has counted them in, and is asked with a [`Scope`].

use std::collections::HashMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::bill::charge_filter::Scope;
use crate::bill::charge_row::Row;
use crate::bill::json_pairs;
use crate::bill::ledger::{Cell, Ledger, Renumbered};
use crate::bill::money::{self, TooManyDigits};
use crate::text::tokens::joined;

/// What charges are told apart by here.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Kind {
    /// As the bill spells it; empty where nothing is consumed.
    pub unit: String,
    pub description: String,
    pub terms: Terms,
}

/// By which terms a charge is priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Terms {
    /// At the price that everybody pays.
    OnDemand,
    /// Covered by a commitment.
    Committed,
    /// Of a commitment that nothing used.
    Unused,
    /// A credit, a tax, a purchase, or priced in another way.
    Other,
}

/// Sums of the charges of one kind in one cell.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Measure {
    pub cost: Decimal,
    pub quantity: Decimal,
    pub list: Decimal,
    pub effective: Decimal,
}

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Measures {
    wanted: bool,
    #[serde(skip)]
    numbers: HashMap<Kind, u32>,
    kinds: Vec<Kind>,
    #[serde(with = "json_pairs")]
    sums: HashMap<(Cell, u32), Measure>,
}

impl Measures {
    /// With `wanted` false it keeps nothing.
    pub(crate) fn new(wanted: bool) -> Self {
        Self {
            wanted,
            ..Self::default()
        }
    }

    pub(crate) fn add(&mut self, row: &Row<'_>, cell: Cell) -> Result<(), TooManyDigits> {
        if !self.wanted {
            return Ok(());
        }
        let kind = Kind {
            unit: row.unit.to_string(),
            description: row.description.to_string(),
            terms: terms(row),
        };
        let number = self.number(kind);
        let cost = row.cost.unwrap_or_default();
        self.sums.entry((cell, number)).or_default().grow(&Measure {
            cost,
            quantity: row.consumed.unwrap_or_default(),
            list: row.list.unwrap_or(cost),
            effective: row.effective.unwrap_or(cost),
        })
    }

    /// Takes in those of another bill.
    pub(crate) fn merge(
        &mut self,
        other: &Self,
        renumbered: &Renumbered,
    ) -> Result<(), TooManyDigits> {
        for ((cell, kind), measure) in &other.sums {
            let number = self.number(other.kinds[*kind as usize].clone());
            let key = (renumbered.cell(cell), number);
            self.sums.entry(key).or_default().grow(measure)?;
        }
        Ok(())
    }

    fn number(&mut self, kind: Kind) -> u32 {
        let next = u32::try_from(self.kinds.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(kind).or_insert_with_key(|kind| {
            self.kinds.push(kind.clone());
            next
        })
    }

    /// Every sum within the scope, of one currency.
    pub(crate) fn within<'a>(
        &'a self,
        ledger: &'a Ledger,
        scope: &'a Scope,
        currency: u32,
    ) -> impl Iterator<Item = (&'a Cell, &'a Kind, &'a Measure)> {
        self.sums
            .iter()
            .filter(move |((cell, _), _)| cell.currency == currency && ledger.admits(scope, cell))
            .map(|((cell, kind), measure)| (cell, &self.kinds[*kind as usize], measure))
    }
}

impl Measure {
    pub(crate) fn grow(&mut self, other: &Self) -> Result<(), TooManyDigits> {
        for (sum, more) in [
            (&mut self.cost, other.cost),
            (&mut self.quantity, other.quantity),
            (&mut self.list, other.list),
            (&mut self.effective, other.effective),
        ] {
            *sum = money::add(*sum, more).ok_or(TooManyDigits)?;
        }
        Ok(())
    }
}

fn terms(row: &Row<'_>) -> Terms {
    let usage = row.category.is_empty() || row.category.eq_ignore_ascii_case("Usage");
    match joined(row.commitment).as_str() {
        _ if !usage => Terms::Other,
        "unused" => Terms::Unused,
        "used" => Terms::Committed,
        _ if row.pricing.eq_ignore_ascii_case("Standard") || row.pricing.is_empty() => {
            Terms::OnDemand
        }
        _ if row.pricing.eq_ignore_ascii_case("Committed") => Terms::Committed,
        _ => Terms::Other,
    }
}
