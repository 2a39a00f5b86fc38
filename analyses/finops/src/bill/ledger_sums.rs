//! Sums of a ledger within a [`ChargeFilter`]: in all, by group, by day.

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};
use rust_decimal::Decimal;

use crate::bill::charge_filter::ChargeFilter;
use crate::bill::grouping::Grouping;
use crate::bill::ledger::{Ledger, LedgerKey};
use crate::bill::money::{self, PrecisionOverflow};

/// Cost by day; days without a charge are absent.
pub(crate) type DailyCosts = BTreeMap<Date, Decimal>;

impl Ledger {
    /// Exact sums of one currency within the filter, by what `group_of` returns.
    pub(crate) fn sums_by<K: Ord>(
        &self,
        filter: &ChargeFilter,
        currency: u32,
        group_of: impl Fn(&LedgerKey) -> K,
    ) -> Result<BTreeMap<K, Decimal>, PrecisionOverflow> {
        let mut sums = BTreeMap::new();
        for (key, amount) in &self.sums {
            if key.currency == currency && self.admits(filter, key) {
                let sum: &mut Decimal = sums.entry(group_of(key)).or_default();
                *sum = money::add(*sum, amount.sum).ok_or(PrecisionOverflow)?;
            }
        }
        Ok(sums)
    }

    /// [`Self::sums_by`] by the labels of a grouping.
    pub(crate) fn sums_by_label(
        &self,
        filter: &ChargeFilter,
        currency: u32,
        grouping: &Grouping,
    ) -> Result<BTreeMap<String, Decimal>, PrecisionOverflow> {
        let mut labelled = BTreeMap::new();
        for (number, amount) in self.sums_by(filter, currency, |key| key.number(grouping))? {
            let sum: &mut Decimal = labelled.entry(self.label(grouping, number)).or_default();
            *sum = money::add(*sum, amount).ok_or(PrecisionOverflow)?;
        }
        Ok(labelled)
    }

    pub(crate) fn total(
        &self,
        filter: &ChargeFilter,
        currency: u32,
    ) -> Result<Decimal, PrecisionOverflow> {
        Ok(self
            .sums_by(filter, currency, |_| ())?
            .remove(&())
            .unwrap_or_default())
    }

    /// The currency of most rows within the filter.
    pub(crate) fn main_currency(&self, filter: &ChargeFilter) -> Option<u32> {
        let mut rows: BTreeMap<u32, u64> = BTreeMap::new();
        for (key, amount) in self.sums.iter().filter(|(key, _)| self.admits(filter, key)) {
            *rows.entry(key.currency).or_default() += amount.rows;
        }
        rows.into_iter()
            .max_by_key(|(currency, rows)| (*rows, std::cmp::Reverse(*currency)))
            .map(|(currency, _)| currency)
    }

    /// The daily costs of each (service, currency) within the filter.
    pub(crate) fn daily_costs(
        &self,
        filter: &ChargeFilter,
    ) -> Result<BTreeMap<(u32, u32), DailyCosts>, PrecisionOverflow> {
        let mut daily: BTreeMap<(u32, u32), DailyCosts> = BTreeMap::new();
        for (key, amount) in self.sums.iter().filter(|(key, _)| self.admits(filter, key)) {
            let day = daily
                .entry((key.service, key.currency))
                .or_default()
                .entry(key.day)
                .or_default();
            *day = money::add(*day, amount.sum).ok_or(PrecisionOverflow)?;
        }
        Ok(daily)
    }

    /// The label of an account: its name and its id where it has both.
    pub(crate) fn account_label(&self, number: u32) -> String {
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
        let (label, placeholder) = match grouping {
            Grouping::Account => (self.account_label(number), "(no account)"),
            Grouping::Region => (self.regions.keys[number as usize].clone(), "(no region)"),
            Grouping::Tag(key) => (self.tags.value(number, key).to_string(), "(not tagged)"),
            Grouping::Column(column) => {
                let value = self.tags.value(number, column.tag_key());
                (value.to_string(), "(none)")
            }
            _ => (self.services.keys[number as usize].clone(), "(no service)"),
        };
        if label.is_empty() {
            placeholder.to_string()
        } else {
            label
        }
    }

    /// Whether the filter admits the charges under this key.
    pub(crate) fn admits(&self, filter: &ChargeFilter, key: &LedgerKey) -> bool {
        filter
            .days
            .is_none_or(|(start, end)| start <= key.day && key.day < end)
            && filter.services.admits(key.service)
            && filter.accounts.admits(key.account)
            && filter.regions.admits(key.region)
            && filter
                .tags
                .iter()
                .all(|(tag, values)| values.contains(self.tags.value(key.tags, tag)))
            && filter
                .tags_excluded
                .iter()
                .all(|(tag, values)| !values.contains(self.tags.value(key.tags, tag)))
            && filter
                .columns
                .iter()
                .all(|(column, texts)| texts.admits(self.tags.value(key.tags, column.tag_key())))
            && filter
                .weekend
                .is_none_or(|weekend| weekend == is_weekend(key.day))
    }
}

pub(super) fn is_weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// The month of a day, such as `2026-05`.
pub(crate) fn month_label(day: Date) -> String {
    day.to_string()[..7].to_string()
}
