//! Recommendations of the Cost Optimization Hub and Trusted Advisor, with the savings that they estimate.
//!
//! The two overlap, so their savings are never added to each other.

use std::collections::BTreeMap;

use aws_sdk_costoptimizationhub::types::Recommendation as HubRecommendation;
use aws_sdk_trustedadvisor::types::{
    RecommendationPillar, RecommendationStatus, RecommendationSummary,
};
use longhaul_shared::aws::clients;
use longhaul_worker::analysis::Failure;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

use crate::aws::calls::{REGION, call_failure};
use crate::bill::money;
use crate::cost_data::aws_insights::{MoneyAmount, Recommendation, ServiceRecommendations};
use crate::text::sanitize::clip;

const HUB: &str = "Cost Optimization Hub";
const ADVISOR: &str = "Trusted Advisor";
/// Recommendations kept of each service, the largest saving first; all are counted.
const MAX_KEPT: usize = 20;
/// Recommendations on a page of the Hub; its API allows 1,000.
const PAGE_SIZE: i32 = 500;

/// All recommendations of the Hub, one for a resource.
pub(crate) async fn from_optimization_hub() -> Result<Vec<ServiceRecommendations>, Failure> {
    let client =
        aws_sdk_costoptimizationhub::Client::new(&clients::for_slow_services(REGION).await);
    let pages = client.list_recommendations().max_results(PAGE_SIZE);
    let mut items = pages.into_paginator().items().send();
    let mut totals = TotalsByCurrency::of(HUB);
    while let Some(item) = items.next().await {
        let refusal_hint =
            "the account must be enrolled, and the worker's role needs permission to use it.";
        let item =
            item.map_err(|error| call_failure("The Cost Optimization Hub", &error, refusal_hint))?;
        let currency = item.currency_code().unwrap_or("USD").to_owned();
        totals.add(&currency, hub_recommendation(&item));
    }
    Ok(totals.finish())
}

/// All open recommendations of Trusted Advisor that would save something, in US dollars.
pub(crate) async fn from_trusted_advisor() -> Result<Vec<ServiceRecommendations>, Failure> {
    let client = aws_sdk_trustedadvisor::Client::new(&clients::for_slow_services(REGION).await);
    let pages = client.list_recommendations();
    let pages = pages.pillar(RecommendationPillar::CostOptimizing);
    let mut items = pages.into_paginator().items().send();
    let mut totals = TotalsByCurrency::of(ADVISOR);
    while let Some(item) = items.next().await {
        let refusal_hint = "it needs AWS Business Support or higher, and the worker's role needs permission to use it.";
        let item = item.map_err(|error| call_failure(ADVISOR, &error, refusal_hint))?;
        if *item.status() != RecommendationStatus::Ok {
            totals.add("USD", advisor_recommendation(&item));
        }
    }
    Ok(totals.finish())
}

fn hub_recommendation(item: &HubRecommendation) -> Recommendation {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let (action, region) = (split_camel_case(item.action_type()), text(item.region()));
    let kind = split_camel_case(item.current_resource_type());
    let id = text(item.resource_id());
    let what = [action, kind, id, region]
        .into_iter()
        .filter(|part| !part.is_empty());
    Recommendation {
        what: clip(&what.collect::<Vec<_>>().join(" ")),
        cost: item.estimated_monthly_cost().and_then(round_to_cents),
        saving: item
            .estimated_monthly_savings()
            .and_then(round_to_cents)
            .unwrap_or_default(),
        how: clip(item.recommended_resource_summary().unwrap_or_default()),
    }
}

fn advisor_recommendation(item: &RecommendationSummary) -> Recommendation {
    let costs = item
        .pillar_specific_aggregates()
        .and_then(|all| all.cost_optimizing());
    Recommendation {
        what: clip(item.name()),
        cost: None,
        saving: costs
            .and_then(|costs| round_to_cents(costs.estimated_monthly_savings()))
            .unwrap_or_default(),
        how: String::new(),
    }
}

/// Turns `Ec2AutoScalingGroup` into `Ec2 Auto Scaling Group`.
fn split_camel_case(name: Option<&str>) -> String {
    let mut text = String::new();
    for letter in name.unwrap_or_default().chars() {
        let inside = text
            .chars()
            .next_back()
            .is_some_and(|last| !last.is_uppercase());
        if letter.is_uppercase() && inside {
            text.push(' ');
        }
        text.push(letter);
    }
    text
}

fn round_to_cents(amount: f64) -> Option<Decimal> {
    Decimal::from_f64(amount).map(|amount| money::round(amount, 2))
}

/// The recommendations received so far, by currency.
struct TotalsByCurrency {
    by: &'static str,
    totals: BTreeMap<String, (usize, Decimal, Vec<Recommendation>)>,
}

impl TotalsByCurrency {
    fn of(by: &'static str) -> Self {
        Self {
            by,
            totals: BTreeMap::new(),
        }
    }

    fn add(&mut self, currency: &str, one: Recommendation) {
        if one.saving <= Decimal::ZERO {
            return;
        }
        let (count, saving, largest) = self.totals.entry(currency.to_owned()).or_default();
        *count += 1;
        *saving = saving.saturating_add(one.saving);
        let at = largest.partition_point(|other| other.saving >= one.saving);
        largest.insert(at, one);
        largest.truncate(MAX_KEPT);
    }

    fn finish(self) -> Vec<ServiceRecommendations> {
        let each = |(currency, (count, amount, largest))| ServiceRecommendations {
            by: self.by.to_owned(),
            count,
            saving: MoneyAmount { amount, currency },
            largest,
        };
        self.totals.into_iter().map(each).collect()
    }
}
