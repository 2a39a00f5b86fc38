//! One charge of a bill, as a row of FOCUS columns.

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::bill::focus_column::FocusColumn;

/// One charge, borrowed from the record that was read last. A text that the bill leaves empty or writes as `NULL`
/// is the empty string.
#[derive(Debug, Default)]
pub(crate) struct BillRow<'a> {
    /// The line in the file, counted from 1 with the header.
    pub line: u64,
    /// The UTC day of `ChargePeriodStart`.
    pub day: Date,
    /// `BilledCost`; `None` where the bill gives none.
    pub cost: Option<Decimal>,
    pub currency: &'a str,
    pub service: &'a str,
    pub account: &'a str,
    pub account_name: &'a str,
    pub region: &'a str,
    pub region_name: &'a str,
    pub provider: &'a str,
    pub resource: &'a str,
    /// `ConsumedQuantity`; `None` where the bill gives none or it is not a decimal.
    pub consumed: Option<Decimal>,
    pub description: &'a str,
    /// `ChargeCategory`: `Usage`, `Credit`, `Tax` and so on.
    pub category: &'a str,
    /// The tags as a JSON object.
    pub tags: &'a str,
    /// The unit of `consumed`.
    pub unit: &'a str,
    /// `PricingCategory`: `Standard`, `Committed` and so on.
    pub pricing: &'a str,
    /// `CommitmentDiscountStatus`: `Used` or `Unused` for a charge that a commitment covers.
    pub commitment: &'a str,
    /// The texts of [`FocusColumn::FURTHER`], in that order.
    pub further: [&'a str; FocusColumn::FURTHER.len()],
    /// `ListCost` and `EffectiveCost`, where the bill gives them as decimals.
    pub list: Option<Decimal>,
    pub effective: Option<Decimal>,
}

impl FocusColumn {
    /// The row's value; `None` for a column that the reader of bills does not read.
    pub(crate) fn text<'a>(self, row: &BillRow<'a>) -> Option<&'a str> {
        let further = || Self::FURTHER.iter().position(|column| *column == self);
        Some(match self {
            Self::ChargeCategory => row.category,
            Self::ChargeDescription => row.description,
            Self::CommitmentDiscountStatus => row.commitment,
            Self::ConsumedUnit => row.unit,
            Self::PricingCategory => row.pricing,
            Self::ProviderName => row.provider,
            Self::ResourceId => row.resource,
            _ => row.further[further()?],
        })
    }

    /// Whether the reader of bills reads it.
    pub(crate) fn is_read(self) -> bool {
        self.text(&BillRow::default()).is_some()
    }
}
