//! Sums of every measure by the FOCUS columns that the questions mention, besides the ledger's own dimensions.
//!
//! They are kept only for questions that need them, since they multiply the ledger's sums. A question is answered
//! from a ledger that [`ChargeDetails::ledger`] makes of them: its sums are the measure's, and it has the columns'
//! values beside the tags, so that whatever works on a ledger works on them.

use std::collections::{BTreeSet, HashMap};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::bill::charge_row::BillRow;
use crate::bill::dimension_values::DimensionValues;
use crate::bill::focus_column::FocusColumn;
use crate::bill::json_pairs;
use crate::bill::ledger::{CostSum, IdMap, Ledger, LedgerKey};
use crate::bill::measure::Measure;
use crate::bill::money::{self, PrecisionOverflow};

/// Sums held at most; a bill with more has none, and the answer says so.
const MAX_SUMS: usize = 300_000;

/// Descriptions cached, so that the words are looked for once in each.
const MAX_CACHED_DESCRIPTIONS: usize = 100_000;

/// What a question needs of each charge.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DetailNeeds {
    /// Whether another measure than the billed cost is asked for.
    pub measures: bool,
    pub columns: BTreeSet<FocusColumn>,
    /// Words, in lower case, that are looked for in descriptions. Only descriptions that have one are kept, unless
    /// the column itself is needed.
    pub description_words: BTreeSet<String>,
}

impl DetailNeeds {
    fn is_empty(&self) -> bool {
        !self.measures && self.columns.is_empty() && self.description_words.is_empty()
    }
}

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct ChargeDetails {
    needs: DetailNeeds,
    /// The kept columns.
    columns: Vec<FocusColumn>,
    #[serde(skip)]
    numbers: HashMap<Vec<String>, u32>,
    /// Values of the kept columns, in their order.
    sets: Vec<Vec<String>>,
    #[serde(with = "json_pairs")]
    sums: HashMap<(LedgerKey, u32), DetailTotal>,
    /// Whether a description has one of the words, by description.
    #[serde(skip)]
    mentioned: HashMap<String, bool>,
    /// Whether there were more than [`MAX_SUMS`].
    pub overflowed: bool,
}

/// Sums of the charges with the same values. A row without a measure adds nothing to it and is counted.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct DetailTotal {
    rows: u64,
    billed: Decimal,
    effective: Decimal,
    without_effective: u64,
    list: Decimal,
    without_list: u64,
    quantity: Decimal,
    without_quantity: u64,
}

impl ChargeDetails {
    /// Keeps what is needed; nothing where the needs are empty.
    pub(crate) fn new(needs: DetailNeeds) -> Self {
        let mut columns = needs.columns.clone();
        if needs.measures {
            columns.insert(FocusColumn::ConsumedUnit);
        }
        if !needs.description_words.is_empty() {
            columns.insert(FocusColumn::ChargeDescription);
        }
        columns.retain(|column| column.is_read());
        Self {
            needs,
            columns: columns.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Whether nothing is kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.sums.is_empty() && !self.overflowed
    }

    pub(crate) fn add(
        &mut self,
        row: &BillRow<'_>,
        key: LedgerKey,
    ) -> Result<(), PrecisionOverflow> {
        if self.needs.is_empty() || self.overflowed {
            return Ok(());
        }
        let columns = self.columns.clone();
        let values = columns
            .into_iter()
            .map(|column| self.kept_value(column, row));
        let values = values.collect();
        let number = self.intern(values);
        self.add_total(
            (key, number),
            &DetailTotal {
                rows: 1,
                billed: row.cost.unwrap_or_default(),
                effective: row.effective.unwrap_or_default(),
                without_effective: u64::from(row.effective.is_none()),
                list: row.list.unwrap_or_default(),
                without_list: u64::from(row.list.is_none()),
                quantity: row.consumed.unwrap_or_default(),
                without_quantity: u64::from(row.consumed.is_none()),
            },
        )
    }

    /// The row's value in a column; empty for a description that no question is about.
    fn kept_value(&mut self, column: FocusColumn, row: &BillRow<'_>) -> String {
        let value = column.text(row).unwrap_or_default();
        let every =
            column != FocusColumn::ChargeDescription || self.needs.columns.contains(&column);
        match every || self.is_mentioned(value) {
            true => value.to_string(),
            false => String::new(),
        }
    }

    fn is_mentioned(&mut self, description: &str) -> bool {
        if let Some(known) = self.mentioned.get(description) {
            return *known;
        }
        let lower = description.to_lowercase();
        let mut words = self.needs.description_words.iter();
        let mentioned = words.any(|word| lower.contains(word.as_str()));
        if self.mentioned.len() < MAX_CACHED_DESCRIPTIONS {
            self.mentioned.insert(description.to_string(), mentioned);
        }
        mentioned
    }

    /// Adds the details of another bill.
    pub(crate) fn merge(&mut self, other: &Self, ids: &IdMap) -> Result<(), PrecisionOverflow> {
        self.overflowed |= other.overflowed;
        for ((key, values), total) in &other.sums {
            let number = self.intern(other.sets[*values as usize].clone());
            self.add_total((ids.key(key), number), total)?;
        }
        Ok(())
    }

    fn add_total(
        &mut self,
        key: (LedgerKey, u32),
        more: &DetailTotal,
    ) -> Result<(), PrecisionOverflow> {
        if self.sums.len() >= MAX_SUMS && !self.sums.contains_key(&key) {
            self.overflowed = true;
            self.sums.clear();
        }
        if self.overflowed {
            return Ok(());
        }
        let total = self.sums.entry(key).or_default();
        total.rows += more.rows;
        total.without_effective += more.without_effective;
        total.without_list += more.without_list;
        total.without_quantity += more.without_quantity;
        for (sum, more) in [
            (&mut total.billed, more.billed),
            (&mut total.effective, more.effective),
            (&mut total.list, more.list),
            (&mut total.quantity, more.quantity),
        ] {
            *sum = money::add(*sum, more).ok_or(PrecisionOverflow)?;
        }
        Ok(())
    }

    fn intern(&mut self, values: Vec<String>) -> u32 {
        let next = u32::try_from(self.sets.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(values).or_insert_with_key(|values| {
            self.sets.push(values.clone());
            next
        })
    }

    /// Every value that the bill has in a column.
    pub(crate) fn values(&self, column: FocusColumn) -> BTreeSet<&str> {
        let Some(at) = self.columns.iter().position(|kept| *kept == column) else {
            return BTreeSet::new();
        };
        let values = self.sets.iter().map(|set| set[at].as_str());
        values.filter(|value| !value.is_empty()).collect()
    }

    /// A ledger of one measure with the values of these columns beside its tags, and how many rows lack the measure.
    pub(crate) fn ledger(
        &self,
        base: &Ledger,
        measure: Measure,
        columns: &BTreeSet<FocusColumn>,
    ) -> Result<(Ledger, u64), PrecisionOverflow> {
        let mut ledger = Ledger {
            services: base.services.clone(),
            accounts: base.accounts.clone(),
            regions: base.regions.clone(),
            currencies: match measure {
                Measure::Quantity | Measure::Charges => DimensionValues::default(),
                _ => base.currencies.clone(),
            },
            tags: base.tags.clone(),
            providers: base.providers.clone(),
            days: base.days,
            rows: base.rows,
            without_cost: 0,
            sums: HashMap::new(),
        };
        let kept: Vec<(usize, FocusColumn)> = self
            .columns
            .iter()
            .copied()
            .enumerate()
            .filter(|(_, column)| columns.contains(column))
            .collect();
        let unit_at = self
            .columns
            .iter()
            .position(|column| *column == FocusColumn::ConsumedUnit);
        let mut tag_numbers: HashMap<(u32, u32), u32> = HashMap::new();
        // Sets with the same values of these columns are one.
        let mut numbers: HashMap<Vec<&str>, u32> = HashMap::new();
        let mut kept_numbers = Vec::with_capacity(self.sets.len());
        for set in &self.sets {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            let values = kept.iter().map(|(at, _)| set[*at].as_str()).collect();
            kept_numbers.push(*numbers.entry(values).or_insert(next));
        }
        let mut left_out = 0;
        for ((key, number), total) in &self.sums {
            let values = &self.sets[*number as usize];
            let unit = unit_at.map_or("", |at| values[at].as_str());
            let kept_number = kept_numbers[*number as usize];
            let tags = *tag_numbers
                .entry((key.tags, kept_number))
                .or_insert_with(|| {
                    let more = kept
                        .iter()
                        .map(|(at, column)| (column.tag_key(), values[*at].as_str()));
                    ledger.tags.extended(key.tags, more)
                });
            let (sum, without) = total.of(measure)?;
            if measure == Measure::Quantity && (unit.is_empty() || without == total.rows) {
                continue;
            }
            left_out += without;
            let key = LedgerKey {
                currency: match measure {
                    Measure::Quantity => ledger.currencies.intern(unit, ""),
                    Measure::Charges => ledger.currencies.intern("charges", ""),
                    _ => key.currency,
                },
                tags,
                ..*key
            };
            let rows = total.rows;
            ledger
                .sums
                .entry(key)
                .or_default()
                .add(&CostSum { sum, rows })?;
        }
        Ok((ledger, left_out))
    }
}

impl DetailTotal {
    /// The sum of a measure, and how many rows lack it.
    fn of(&self, measure: Measure) -> Result<(Decimal, u64), PrecisionOverflow> {
        Ok(match measure {
            Measure::Billed => (self.billed, 0),
            Measure::Effective => (self.effective, self.without_effective),
            Measure::List => (self.list, self.without_list),
            Measure::Discount => {
                let less = money::subtract(self.list, self.effective).ok_or(PrecisionOverflow)?;
                (less, self.without_list.max(self.without_effective))
            }
            Measure::Quantity => (self.quantity, self.without_quantity),
            Measure::Charges => (self.rows.into(), 0),
        })
    }
}
