//! Sums of a ledger within a filter.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::bill::charge_filter::Scope;
use crate::bill::grouping::{Grouping, Order};
use crate::bill::ledger::{Amount, Cell, Ledger};
use crate::bill::money::{self, TooManyDigits};

/// The cost of each day that has a charge.
pub(crate) type Daily = BTreeMap<Date, Decimal>;

/// All that was charged in one currency within a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    pub currency: String,
    pub total: Decimal,
    pub rows: u64,
    /// In the order that was asked for; empty without a grouping.
    pub groups: Vec<Group>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub key: String,
    pub amount: Decimal,
    pub rows: u64,
}

impl Ledger {
    /// What the scope adds up to, currency by currency, the one with the most rows first.
    pub(crate) fn sections(
        &self,
        scope: &Scope,
        grouping: Option<&Grouping>,
        order: Order,
    ) -> Result<Vec<Section>, TooManyDigits> {
        let mut totals: BTreeMap<u32, Amount> = BTreeMap::new();
        let mut groups: HashMap<(u32, String), Amount> = HashMap::new();
        let mut labels: HashMap<u32, String> = HashMap::new();
        for (cell, amount) in self
            .cells
            .iter()
            .filter(|(cell, _)| self.admits(scope, cell))
        {
            totals.entry(cell.currency).or_default().grow(amount)?;
            let Some(grouping) = grouping else { continue };
            let key = match grouping {
                Grouping::Day => cell.day.to_string(),
                Grouping::Month => month(cell.day),
                _ => {
                    let number = cell.number(grouping);
                    labels
                        .entry(number)
                        .or_insert_with(|| self.label(grouping, number))
                        .clone()
                }
            };
            groups
                .entry((cell.currency, key))
                .or_default()
                .grow(amount)?;
        }

        let mut sections: Vec<Section> = totals
            .into_iter()
            .map(|(currency, amount)| Section {
                currency: self.currencies.keys[currency as usize].clone(),
                total: amount.sum,
                rows: amount.rows,
                groups: Vec::new(),
            })
            .collect();
        for ((currency, key), amount) in groups {
            let currency = &self.currencies.keys[currency as usize];
            if let Some(section) = sections
                .iter_mut()
                .find(|section| section.currency == *currency)
            {
                section.groups.push(Group {
                    key,
                    amount: amount.sum,
                    rows: amount.rows,
                });
            }
        }
        sections.sort_by(|a, b| {
            b.rows
                .cmp(&a.rows)
                .then_with(|| a.currency.cmp(&b.currency))
        });
        for section in &mut sections {
            section.groups.sort_by(|a, b| {
                let by_amount = match order {
                    Order::Time => std::cmp::Ordering::Equal,
                    Order::Largest => b.amount.cmp(&a.amount),
                    Order::Smallest => a.amount.cmp(&b.amount),
                };
                by_amount.then_with(|| a.key.cmp(&b.key))
            });
        }
        Ok(sections)
    }

    /// Exact sums of one currency within the scope, by whatever is asked of a cell.
    pub(crate) fn tally<K: Ord>(
        &self,
        scope: &Scope,
        currency: u32,
        key: impl Fn(&Cell) -> K,
    ) -> Result<BTreeMap<K, Decimal>, TooManyDigits> {
        let mut sums = BTreeMap::new();
        for (cell, amount) in &self.cells {
            if cell.currency == currency && self.admits(scope, cell) {
                let sum: &mut Decimal = sums.entry(key(cell)).or_default();
                *sum = money::add(*sum, amount.sum).ok_or(TooManyDigits)?;
            }
        }
        Ok(sums)
    }

    /// [`Self::tally`] by the labels of a grouping.
    pub(crate) fn tally_by(
        &self,
        scope: &Scope,
        currency: u32,
        grouping: &Grouping,
    ) -> Result<BTreeMap<String, Decimal>, TooManyDigits> {
        let mut labelled = BTreeMap::new();
        for (number, amount) in self.tally(scope, currency, |cell| cell.number(grouping))? {
            let sum: &mut Decimal = labelled.entry(self.label(grouping, number)).or_default();
            *sum = money::add(*sum, amount).ok_or(TooManyDigits)?;
        }
        Ok(labelled)
    }

    pub(crate) fn total(&self, scope: &Scope, currency: u32) -> Result<Decimal, TooManyDigits> {
        Ok(self
            .tally(scope, currency, |_| ())?
            .remove(&())
            .unwrap_or_default())
    }

    /// The currency that most of the scope's rows have.
    pub(crate) fn currency(&self, scope: &Scope) -> Option<u32> {
        let mut rows: BTreeMap<u32, u64> = BTreeMap::new();
        for (cell, amount) in self
            .cells
            .iter()
            .filter(|(cell, _)| self.admits(scope, cell))
        {
            *rows.entry(cell.currency).or_default() += amount.rows;
        }
        rows.into_iter()
            .max_by_key(|(currency, rows)| (*rows, std::cmp::Reverse(*currency)))
            .map(|(currency, _)| currency)
    }

    /// What each service costs a day, by (service, currency), within the scope.
    pub(crate) fn daily(
        &self,
        scope: &Scope,
    ) -> Result<BTreeMap<(u32, u32), Daily>, TooManyDigits> {
        let mut daily: BTreeMap<(u32, u32), Daily> = BTreeMap::new();
        for (cell, amount) in self
            .cells
            .iter()
            .filter(|(cell, _)| self.admits(scope, cell))
        {
            let day = daily
                .entry((cell.service, cell.currency))
                .or_default()
                .entry(cell.day)
                .or_default();
            *day = money::add(*day, amount.sum).ok_or(TooManyDigits)?;
        }
        Ok(daily)
    }

    /// The label of an account: its name with its id, where it has both.
    pub(crate) fn account(&self, number: u32) -> String {
        let (key, names) = (
            &self.accounts.keys[number as usize],
            &self.accounts.names[number as usize],
        );
        match names.first() {
            Some(name) if name != key => format!("{name} ({key})"),
            _ => key.clone(),
        }
    }

    pub(crate) fn label(&self, grouping: &Grouping, number: u32) -> String {
        let (label, none) = match grouping {
            Grouping::Account => (self.account(number), "(no account)"),
            Grouping::Region => (self.regions.keys[number as usize].clone(), "(no region)"),
            Grouping::Tag(key) => (self.tags.value(number, key).to_string(), "(not tagged)"),
            _ => (self.services.keys[number as usize].clone(), "(no service)"),
        };
        if label.is_empty() {
            none.to_string()
        } else {
            label
        }
    }

    /// Whether the cell's charges are asked for.
    pub(crate) fn admits(&self, scope: &Scope, cell: &Cell) -> bool {
        scope
            .days
            .is_none_or(|(start, end)| start <= cell.day && cell.day < end)
            && scope.services.admits(cell.service)
            && scope.accounts.admits(cell.account)
            && scope.regions.admits(cell.region)
            && scope
                .tags
                .iter()
                .all(|(key, values)| values.contains(self.tags.value(cell.tags, key)))
    }
}

/// A day's month, as `2026-05`.
pub(crate) fn month(day: Date) -> String {
    day.to_string()[..7].to_string()
}
