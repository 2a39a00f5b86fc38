//! The sums of a ledger as the sections of an answer: one for each currency, with its groups in order.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::{Date, Weekday};
use rust_decimal::Decimal;

use crate::bill::charge_filter::ChargeFilter;
use crate::bill::grouping::{GroupOrder, Grouping};
use crate::bill::ledger::{CostSum, Ledger, LedgerKey};
use crate::bill::ledger_sums::{is_weekend, month_label};
use crate::bill::money::PrecisionOverflow;

/// The charges of one currency within a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CurrencySection {
    pub currency: String,
    pub total: Decimal,
    pub rows: u64,
    /// In the requested order; empty without a grouping.
    pub groups: Vec<CostGroup>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CostGroup {
    pub key: String,
    /// Its part in the second grouping, where there is one.
    pub second: Option<String>,
    pub amount: Decimal,
    pub rows: u64,
}

impl Ledger {
    /// The sums within the filter by currency, the currency with the most rows first. There are two groupings at
    /// most.
    pub(crate) fn sections(
        &self,
        filter: &ChargeFilter,
        groupings: &[&Grouping],
        order: GroupOrder,
    ) -> Result<Vec<CurrencySection>, PrecisionOverflow> {
        let mut totals: BTreeMap<u32, CostSum> = BTreeMap::new();
        let mut groups: HashMap<(u32, Vec<String>), CostSum> = HashMap::new();
        let mut labels: HashMap<(usize, u32), String> = HashMap::new();
        for (key, amount) in self.sums.iter().filter(|(key, _)| self.admits(filter, key)) {
            totals.entry(key.currency).or_default().add(amount)?;
            if groupings.is_empty() {
                continue;
            }
            let group = groupings
                .iter()
                .enumerate()
                .map(|(at, grouping)| self.group_of(grouping, key, at, &mut labels));
            groups
                .entry((key.currency, group.collect()))
                .or_default()
                .add(amount)?;
        }
        let mut by_currency: BTreeMap<u32, Vec<CostGroup>> = BTreeMap::new();
        for ((currency, labels), amount) in groups {
            let mut labels = labels.into_iter();
            by_currency.entry(currency).or_default().push(CostGroup {
                key: labels.next().unwrap_or_default(),
                second: labels.next(),
                amount: amount.sum,
                rows: amount.rows,
            });
        }
        let mut sections: Vec<CurrencySection> = totals
            .into_iter()
            .map(|(currency, amount)| CurrencySection {
                currency: self.currencies.keys[currency as usize].clone(),
                total: amount.sum,
                rows: amount.rows,
                groups: by_currency.remove(&currency).unwrap_or_default(),
            })
            .collect();
        sections.sort_by(|a, b| {
            b.rows
                .cmp(&a.rows)
                .then_with(|| a.currency.cmp(&b.currency))
        });
        for section in &mut sections {
            section.groups.sort_by_cached_key(|group| {
                let amount = match order {
                    GroupOrder::Smallest => group.amount,
                    _ => -group.amount,
                };
                let time = match order {
                    GroupOrder::Time => group.time(groupings),
                    _ => Vec::new(),
                };
                (time, amount, group.key.clone(), group.second.clone())
            });
        }
        Ok(sections)
    }

    fn group_of(
        &self,
        grouping: &Grouping,
        key: &LedgerKey,
        at: usize,
        labels: &mut HashMap<(usize, u32), String>,
    ) -> String {
        if grouping.is_of_days() {
            return day_label(grouping, key.day);
        }
        let number = key.number(grouping);
        labels
            .entry((at, number))
            .or_insert_with(|| self.label(grouping, number))
            .clone()
    }
}

impl CostGroup {
    /// Where it stands in time, by those of the groupings that are times.
    fn time(&self, groupings: &[&Grouping]) -> Vec<String> {
        let labels = [Some(&self.key), self.second.as_ref()];
        let labels = groupings.iter().zip(labels.into_iter().flatten());
        labels
            .filter(|(grouping, _)| grouping.is_time())
            .map(|(grouping, label)| match grouping {
                Grouping::Weekday => weekday_number(label),
                _ => label.clone(),
            })
            .collect()
    }
}

const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

fn weekday_number(name: &str) -> String {
    let at = WEEKDAYS.iter().position(|weekday| *weekday == name);
    at.unwrap_or_default().to_string()
}

/// The group of a day.
fn day_label(grouping: &Grouping, day: Date) -> String {
    match grouping {
        Grouping::Week => {
            let week = day.iso_week_date();
            format!("{}-W{:02}", week.year(), week.week())
        }
        Grouping::Month => month_label(day),
        Grouping::Quarter => format!("{}-Q{}", day.year(), (day.month() + 2) / 3),
        Grouping::Year => day.year().to_string(),
        Grouping::Weekday => {
            let at = day.weekday().since(Weekday::Monday);
            WEEKDAYS[usize::try_from(at).unwrap_or_default()].to_string()
        }
        Grouping::WeekPart if is_weekend(day) => "Weekend".to_string(),
        Grouping::WeekPart => "Weekday".to_string(),
        _ => day.to_string(),
    }
}
