//! What AWS says besides figures of days.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What AWS says besides figures of days. It is said of the whole organisation, whatever a question leaves out.
#[derive(Debug, Clone, Default)]
pub(crate) struct AwsInsights {
    pub forecast: Option<AwsForecast>,
    pub recommended: Vec<ServiceRecommendations>,
}

/// Its own forecast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AwsForecast {
    pub start: Date,
    pub end: Date,
    pub expected: MoneyAmount,
    pub low: Decimal,
    pub high: Decimal,
}

/// What one of them recommends, in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServiceRecommendations {
    pub by: String,
    pub count: usize,
    /// What all would save in a month.
    pub saving: MoneyAmount,
    /// The most saving first.
    pub largest: Vec<Recommendation>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recommendation {
    pub what: String,
    /// What it costs now in a month, where that is said.
    pub cost: Option<Decimal>,
    pub saving: Decimal,
    /// What to do, where that is said.
    pub how: String,
}

/// An amount of money as AWS writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MoneyAmount {
    pub amount: Decimal,
    pub currency: String,
}
