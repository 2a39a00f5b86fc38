//! Cost Explorer: what was charged on each day as rows like a bill's, and its forecast.
//!
//! Each page that it answers with is paid for, so it is asked once for all the days that are needed, and what it
//! said is kept for others. Two of service, account and region it tells apart at once; which, the question says.

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

use crate::aws::calls::{HOME, unanswered};
use crate::aws::response_cache::Cache;
use crate::bill::charge_row::Row;
use crate::bill::money;
use crate::cost_data::aws_insights::Amount;
use crate::cost_data::aws_insights::Forecast;
use crate::cost_data::collected::Reading;
use crate::failures::{failed, inexact};
use crate::plan::date_gap::NAME;
use crate::plan::date_gap::{Dimension, Stretch};
use crate::text::tokens::Words;

/// Four of five, as of our own estimate.
const INTERVAL: i32 = 80;
const BILLED: &str = "UnblendedCost";
const EFFECTIVE: &str = "AmortizedCost";
const IF_REFUSED: &str =
    "it has to be enabled for this account, and the worker's role has to be allowed to ask it.";

/// What was charged on one day.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Charge {
    day: Date,
    service: String,
    account: String,
    account_name: String,
    region: String,
    billed: Decimal,
    effective: Option<Decimal>,
    currency: String,
}

/// Asks for it, or takes what was answered within the last hours.
pub(crate) async fn read(
    stretch: &Stretch,
    cache: Option<&str>,
    turns: &[Words],
) -> Result<Reading, Failure> {
    let cache = match cache {
        Some(bucket) => Some(Cache::in_bucket(bucket).await),
        None => None,
    };
    let request = serde_json::to_string(stretch).unwrap_or_default();
    let kept: Option<Vec<Charge>> = match &cache {
        Some(cache) => cache.get(&request).await,
        None => None,
    };
    let (charges, requests) = match kept {
        Some(charges) => (charges, 0),
        None => {
            let (charges, requests) = ask(stretch).await?;
            if let Some(cache) = &cache {
                cache.put(&request, &charges).await;
            }
            (charges, requests)
        }
    };
    let mut reading = Reading::new(turns);
    NAME.clone_into(&mut reading.name);
    reading.requests = requests;
    for (line, charge) in (1..).zip(&charges) {
        reading.add(&charge.row(line)).map_err(|_| inexact(NAME))?;
    }
    Ok(reading)
}

/// All pages, and how many they were.
async fn ask(stretch: &Stretch) -> Result<(Vec<Charge>, u32), Failure> {
    let client = Client::new(&clients::for_slow_services(HOME).await);
    let (mut charges, mut requests, mut token) = (Vec::new(), 0, None);
    loop {
        let page = client
            .get_cost_and_usage()
            .time_period(interval(stretch.start, stretch.end)?)
            .granularity(Granularity::Daily)
            .metrics(BILLED)
            .metrics(EFFECTIVE)
            .set_group_by(Some(stretch.by.map(group).to_vec()))
            .set_next_page_token(token)
            .send()
            .await
            .map_err(|error| unanswered(NAME, &error, IF_REFUSED))?;
        requests += 1;
        for day in page.results_by_time() {
            push_charges(stretch, day, &page, &mut charges)?;
        }
        token = page.next_page_token().map(str::to_owned);
        if token.is_none() {
            return Ok((charges, requests));
        }
    }
}

fn push_charges(
    stretch: &Stretch,
    result: &ResultByTime,
    page: &GetCostAndUsageOutput,
    charges: &mut Vec<Charge>,
) -> Result<(), Failure> {
    let day = result.time_period().map(DateInterval::start);
    let day = day.and_then(|day| day.parse().ok());
    let day: Date = day.ok_or_else(unread)?;
    for group in result.groups() {
        let metrics = group.metrics().ok_or_else(unread)?;
        let amount = |metric: &str| {
            let value = metrics.get(metric)?;
            Some((money::parse(value.amount()?)?, value.unit()?))
        };
        let (billed, currency) = amount(BILLED).ok_or_else(unread)?;
        let [first, second] = group.keys() else {
            return Err(unread());
        };
        let mut charge = Charge {
            day,
            service: String::new(),
            account: String::new(),
            account_name: String::new(),
            region: String::new(),
            billed,
            effective: amount(EFFECTIVE).map(|(effective, _)| effective),
            currency: currency.to_owned(),
        };
        for (dimension, key) in stretch.by.iter().zip([first, second]) {
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

impl Charge {
    fn row(&self, line: u64) -> Row<'_> {
        Row {
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
            ..Row::default()
        }
    }
}

/// Asks for the forecast of these days; `start` is not before today.
pub(crate) async fn forecast(start: Date, end: Date) -> Result<Forecast, Failure> {
    let client = Client::new(&clients::for_slow_services(HOME).await);
    let answer = client
        .get_cost_forecast()
        .time_period(interval(start, end)?)
        .metric(Metric::UnblendedCost)
        .granularity(Granularity::Monthly)
        .prediction_interval_level(INTERVAL)
        .send()
        .await
        .map_err(|error| unanswered(NAME, &error, IF_REFUSED))?;
    let total = answer.total().ok_or_else(unread)?;
    let (mut low, mut high) = (Decimal::ZERO, Decimal::ZERO);
    for month in answer.forecast_results_by_time() {
        let bound = |bound: Option<&str>| bound.and_then(money::parse).ok_or_else(unread);
        low = plus(low, bound(month.prediction_interval_lower_bound())?)?;
        high = plus(high, bound(month.prediction_interval_upper_bound())?)?;
    }
    Ok(Forecast {
        start,
        end,
        expected: Amount {
            amount: total.amount().and_then(money::parse).ok_or_else(unread)?,
            currency: total.unit().unwrap_or_default().to_owned(),
        },
        low,
        high,
    })
}

fn plus(sum: Decimal, more: Decimal) -> Result<Decimal, Failure> {
    money::add(sum, more).ok_or_else(|| inexact(NAME))
}

fn interval(start: Date, end: Date) -> Result<DateInterval, Failure> {
    let interval = DateInterval::builder().start(start.to_string());
    let interval = interval.end(end.to_string()).build();
    interval.map_err(|_| failed("Cost Explorer can't be asked for these days.".to_owned()))
}

fn group(dimension: Dimension) -> GroupDefinition {
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

/// An answer of another shape than is documented.
fn unread() -> Failure {
    let message = format!("What {NAME} answered can't be read.");
    Failure::reject("SOURCE_UNREADABLE", message)
}
