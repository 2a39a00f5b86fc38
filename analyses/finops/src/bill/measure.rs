//! What is summed of the charges.

use serde::{Deserialize, Serialize};

/// A measure. All but the billed cost need [`crate::bill::charge_details`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Measure {
    /// `BilledCost`.
    #[default]
    Billed,
    /// `EffectiveCost`: with purchases spread over what they cover.
    Effective,
    /// `ListCost`: at public prices.
    List,
    /// `ListCost` less `EffectiveCost`.
    Discount,
    /// `ConsumedQuantity`, by unit.
    Quantity,
    /// How many charges there are.
    Charges,
}

impl Measure {
    pub(crate) const ALL: [Self; 6] = [
        Self::Billed,
        Self::Effective,
        Self::List,
        Self::Discount,
        Self::Quantity,
        Self::Charges,
    ];

    /// Its name in a plan.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Billed => "billed",
            Self::Effective => "effective",
            Self::List => "list",
            Self::Discount => "discount",
            Self::Quantity => "quantity",
            Self::Charges => "charges",
        }
    }

    /// What it is called in an answer.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Billed => "billed cost",
            Self::Effective => "effective cost",
            Self::List => "list cost",
            Self::Discount => "list cost less effective cost",
            Self::Quantity => "consumed quantity",
            Self::Charges => "number of charges",
        }
    }
}
