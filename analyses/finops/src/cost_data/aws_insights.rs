//! What AWS reports besides daily charges: its forecast and its recommendations.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// AWS's own forecast and recommendations. They are about the whole organization, whatever the question filters by.
#[derive(Debug, Clone, Default)]
pub(crate) struct AwsInsights {
    pub forecast: Option<AwsForecast>,
    pub recommended: Vec<ServiceRecommendations>,
}

/// Cost Explorer's forecast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AwsForecast {
    pub start: Date,
    pub end: Date,
    pub expected: MoneyAmount,
    pub low: Decimal,
    pub high: Decimal,
}

/// The recommendations of one AWS service in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServiceRecommendations {
    pub by: String,
    pub count: usize,
    /// What all of them would save in a month.
    pub saving: MoneyAmount,
    /// The largest saving first.
    pub largest: Vec<Recommendation>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recommendation {
    pub what: String,
    /// What it costs now in a month, where AWS says so.
    pub cost: Option<Decimal>,
    pub saving: Decimal,
    /// What to do, where AWS says so.
    pub how: String,
}

/// An amount of money as AWS gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MoneyAmount {
    pub amount: Decimal,
    pub currency: String,
}
