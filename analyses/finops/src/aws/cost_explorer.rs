//! Cost Explorer: daily charges as rows like a bill's, and its forecast.
//!
//! AWS charges for each page, so one request covers all needed days, and the response is cached for other jobs. It
//! groups by two of service, account and region at a time.

use aws_sdk_costexplorer::Client;
use aws_sdk_costexplorer::operation::get_cost_and_usage::GetCostAndUsageOutput;
use aws_sdk_costexplorer::types::{
    DateInterval, Granularity, GroupDefinition, GroupDefinitionType, Metric, ResultByTime,
};
use jiff::civil::Date;
use longhaul_shared::aws::clients;
use longhaul_worker::analysis::Failure;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::aws::calls::{REGION, call_failure};
use crate::aws::response_cache::ResponseCache;
use crate::bill::charge_row::BillRow;
use crate::bill::money;
use crate::cost_data::CostData;
use crate::cost_data::aws_insights::{AwsForecast, MoneyAmount};
use crate::failures::{inexact_sum, unreadable};
use crate::plan::date_gap::{COST_EXPLORER, DateGap, Dimension};
use crate::text::tokens::Tokens;

/// Prediction interval of the forecast in percent, the same as in our own estimate.
const INTERVAL_PERCENT: i32 = 80;
const BILLED_METRIC: &str = "UnblendedCost";
const EFFECTIVE_METRIC: &str = "AmortizedCost";
const REFUSAL_HINT: &str =
    "it must be enabled for this account, and the worker's role needs permission to use it.";

/// What was charged on one day.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct DailyCharge {
    day: Date,
    service: String,
    account: String,
    account_name: String,
    region: String,
    billed: Decimal,
    effective: Option<Decimal>,
    currency: String,
}

/// Reads the days from the cache of recent responses, or from Cost Explorer.
pub(crate) async fn read_gap(
    gap: &DateGap,
    cache: Option<&str>,
    turns: &[Tokens],
) -> Result<CostData, Failure> {
    let cache = match cache {
        Some(bucket) => Some(ResponseCache::in_bucket(bucket).await),
        None => None,
    };
    let request = serde_json::to_string(gap).unwrap_or_default();
    let cached: Option<Vec<DailyCharge>> = match &cache {
        Some(cache) => cache.get(&request).await,
        None => None,
    };
    let (charges, requests) = match cached {
        Some(charges) => (charges, 0),
        None => {
            let (charges, requests) = fetch_charges(gap).await?;
            if let Some(cache) = &cache {
                cache.put(&request, &charges).await;
            }
            (charges, requests)
        }
    };
    let mut cost_data = CostData::new(turns);
    COST_EXPLORER.clone_into(&mut cost_data.name);
    cost_data.paid_requests = requests;
    for (line, charge) in (1..).zip(&charges) {
        cost_data
            .add(&charge.row(line))
            .map_err(|_| inexact_sum(COST_EXPLORER))?;
    }
    Ok(cost_data)
}

/// The charges of all pages, and the number of pages.
async fn fetch_charges(gap: &DateGap) -> Result<(Vec<DailyCharge>, u32), Failure> {
    let client = Client::new(&clients::for_slow_services(REGION).await);
    let (mut charges, mut requests, mut token) = (Vec::new(), 0, None);
    loop {
        let page = client
            .get_cost_and_usage()
            .time_period(date_interval(gap.start, gap.end)?)
            .granularity(Granularity::Daily)
            .metrics(BILLED_METRIC)
            .metrics(EFFECTIVE_METRIC)
            .set_group_by(Some(gap.by.map(group_definition).to_vec()))
            .set_next_page_token(token)
            .send()
            .await
            .map_err(|error| call_failure(COST_EXPLORER, &error, REFUSAL_HINT))?;
        requests += 1;
        for day in page.results_by_time() {
            push_charges(gap, day, &page, &mut charges)?;
        }
        token = page.next_page_token().map(str::to_owned);
        if token.is_none() {
            return Ok((charges, requests));
        }
    }
}

fn push_charges(
    gap: &DateGap,
    result: &ResultByTime,
    page: &GetCostAndUsageOutput,
    charges: &mut Vec<DailyCharge>,
) -> Result<(), Failure> {
    let day = result.time_period().map(DateInterval::start);
    let day = day.and_then(|day| day.parse().ok());
    let day: Date = day.ok_or_else(unreadable_response)?;
    for group in result.groups() {
        let metrics = group.metrics().ok_or_else(unreadable_response)?;
        let amount = |metric: &str| {
            let value = metrics.get(metric)?;
            Some((money::parse(value.amount()?)?, value.unit()?))
        };
        let (billed, currency) = amount(BILLED_METRIC).ok_or_else(unreadable_response)?;
        let [first, second] = group.keys() else {
            return Err(unreadable_response());
        };
        let mut charge = DailyCharge {
            day,
            service: String::new(),
            account: String::new(),
            account_name: String::new(),
            region: String::new(),
            billed,
            effective: amount(EFFECTIVE_METRIC).map(|(effective, _)| effective),
            currency: currency.to_owned(),
        };
        for (dimension, key) in gap.by.iter().zip([first, second]) {
            match dimension {
                Dimension::Service => charge.service.clone_from(key),
                Dimension::Region => charge.region.clone_from(key),
                Dimension::Account => {
                    charge.account.clone_from(key);
                    charge.account_name = account_name(page, key);
                }
            }
        }
        charges.push(charge);
    }
    Ok(())
}

impl DailyCharge {
    fn row(&self, line: u64) -> BillRow<'_> {
        BillRow {
            line,
            day: self.day,
            cost: Some(self.billed),
            currency: &self.currency,
            service: &self.service,
            account: &self.account,
            account_name: &self.account_name,
            region: &self.region,
            provider: "AWS",
            effective: self.effective,
            ..BillRow::default()
        }
    }
}

/// Requests the forecast of these days; `start` is not before today.
pub(crate) async fn forecast(start: Date, end: Date) -> Result<AwsForecast, Failure> {
    let client = Client::new(&clients::for_slow_services(REGION).await);
    let answer = client
        .get_cost_forecast()
        .time_period(date_interval(start, end)?)
        .metric(Metric::UnblendedCost)
        .granularity(Granularity::Monthly)
        .prediction_interval_level(INTERVAL_PERCENT)
        .send()
        .await
        .map_err(|error| call_failure(COST_EXPLORER, &error, REFUSAL_HINT))?;
    let total = answer.total().ok_or_else(unreadable_response)?;
    let (mut low, mut high) = (Decimal::ZERO, Decimal::ZERO);
    for month in answer.forecast_results_by_time() {
        let bound =
            |bound: Option<&str>| bound.and_then(money::parse).ok_or_else(unreadable_response);
        low = add(low, bound(month.prediction_interval_lower_bound())?)?;
        high = add(high, bound(month.prediction_interval_upper_bound())?)?;
    }
    Ok(AwsForecast {
        start,
        end,
        expected: MoneyAmount {
            amount: total
                .amount()
                .and_then(money::parse)
                .ok_or_else(unreadable_response)?,
            currency: total.unit().unwrap_or_default().to_owned(),
        },
        low,
        high,
    })
}

fn add(sum: Decimal, more: Decimal) -> Result<Decimal, Failure> {
    money::add(sum, more).ok_or_else(|| inexact_sum(COST_EXPLORER))
}

fn date_interval(start: Date, end: Date) -> Result<DateInterval, Failure> {
    let interval = DateInterval::builder().start(start.to_string());
    let interval = interval.end(end.to_string()).build();
    interval.map_err(|_| unreadable("Cost Explorer does not accept these days.".to_owned()))
}

fn group_definition(dimension: Dimension) -> GroupDefinition {
    let key = match dimension {
        Dimension::Service => "SERVICE",
        Dimension::Account => "LINKED_ACCOUNT",
        Dimension::Region => "REGION",
    };
    GroupDefinition::builder()
        .r#type(GroupDefinitionType::Dimension)
        .key(key)
        .build()
}

fn account_name(page: &GetCostAndUsageOutput, account: &str) -> String {
    let mut known = page.dimension_value_attributes().iter();
    let known = known.find(|known| known.value() == Some(account));
    let name = known.and_then(|known| known.attributes()?.get("description"));
    name.cloned().unwrap_or_default()
}

/// A response whose shape is not the documented one.
fn unreadable_response() -> Failure {
    let message = format!("The response of {COST_EXPLORER} cannot be read.");
    Failure::reject("SOURCE_UNREADABLE", message)
}
