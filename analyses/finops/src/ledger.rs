//! What a bill adds up to: exact sums by day, service, account, region and the tags asked for.
//!
//! One pass fills it; memory grows with the combinations that occur, not with the rows. It knows
//! neither files nor questions: it is given rows, and asked with a [`Scope`].

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;
use rust_decimal::Decimal;

use serde::{Deserialize, Serialize};

use super::bill::Row;
use super::grouping::Order;
use super::money;
use super::names::Names;
use super::pairs;
pub(super) use super::scope::{Choice, Scope};
use super::tags::Tags;
use super::words::Words;

/// The bill's amounts have more digits together than a decimal holds; rounding them would be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooManyDigits;

/// A bill, summed.
#[derive(Serialize, Deserialize)]
pub(super) struct Ledger {
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
    #[serde(with = "pairs")]
    cells: HashMap<Cell, Amount>,
}

/// What charges are summed by, as numbers of the ledger's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Cell {
    pub day: Date,
    pub currency: u32,
    pub service: u32,
    pub account: u32,
    pub region: u32,
    pub tags: u32,
}

/// How another bill's numbers are in this one.
pub(super) struct Renumbered {
    currencies: Vec<u32>,
    services: Vec<u32>,
    accounts: Vec<u32>,
    regions: Vec<u32>,
    tags: Vec<u32>,
}

impl Renumbered {
    pub(super) fn cell(&self, cell: &Cell) -> Cell {
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
    pub(super) fn number(&self, grouping: &Grouping) -> u32 {
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
struct Amount {
    sum: Decimal,
    rows: u64,
}

/// The cost of each day that has a charge.
pub(super) type Daily = BTreeMap<Date, Decimal>;

/// What an answer's table has a line for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Grouping {
    Service,
    Account,
    Region,
    Day,
    Month,
    /// By the value of the tag with this key, joined.
    Tag(String),
}

/// All that was charged in one currency within a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    pub currency: String,
    pub total: Decimal,
    pub rows: u64,
    /// In the order that was asked for; empty without a grouping.
    pub groups: Vec<Group>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub key: String,
    pub amount: Decimal,
    pub rows: u64,
}

impl Ledger {
    /// An empty ledger that keeps the tags that are mentioned in these questions.
    pub(super) fn new(asked: Vec<Words>) -> Self {
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
    pub(super) fn add(&mut self, row: &Row<'_>) -> Result<Cell, TooManyDigits> {
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
    pub(super) fn sums(&self) -> usize {
        self.cells.len()
    }

    /// Takes in another bill, and says how its cells are numbered here.
    pub(super) fn merge(&mut self, other: &Self) -> Result<Renumbered, TooManyDigits> {
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

    /// What the scope adds up to, currency by currency, the one with the most rows first.
    pub(super) fn sections(
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
    pub(super) fn tally<K: Ord>(
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
    pub(super) fn tally_by(
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

    pub(super) fn total(&self, scope: &Scope, currency: u32) -> Result<Decimal, TooManyDigits> {
        Ok(self
            .tally(scope, currency, |_| ())?
            .remove(&())
            .unwrap_or_default())
    }

    /// The currency that most of the scope's rows have.
    pub(super) fn currency(&self, scope: &Scope) -> Option<u32> {
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
    pub(super) fn daily(
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
    pub(super) fn account(&self, number: u32) -> String {
        let (key, names) = (
            &self.accounts.keys[number as usize],
            &self.accounts.names[number as usize],
        );
        match names.first() {
            Some(name) if name != key => format!("{name} ({key})"),
            _ => key.clone(),
        }
    }

    pub(super) fn label(&self, grouping: &Grouping, number: u32) -> String {
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
    pub(super) fn admits(&self, scope: &Scope, cell: &Cell) -> bool {
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
pub(super) fn month(day: Date) -> String {
    day.to_string()[..7].to_string()
}

impl Amount {
    fn grow(&mut self, other: &Amount) -> Result<(), TooManyDigits> {
        self.sum = money::add(self.sum, other.sum).ok_or(TooManyDigits)?;
        self.rows += other.rows;
        Ok(())
    }
}
