//! AWS's cost services under test control: a real HTTP server with Cost Explorer, the Cost Optimization Hub and
//! Trusted Advisor, in the shapes of their API references. It has charges for every day, and gives those asked for.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use anyhow::Result;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What each day costs: service, account, region, and cents.
pub const CHARGES: [(&str, &str, &str, u64); 3] = [
    (
        "Amazon Simple Storage Service",
        "111122223333",
        "eu-west-1",
        110,
    ),
    ("AWS Lambda", "111122223333", "us-east-1", 25),
    ("AWS Lambda", "444455556666", "eu-west-1", 40),
];
/// Cents of a day, all charges together.
pub const DAY: u64 = 175;
/// Days on a page of Cost Explorer's.
pub const PAGE: usize = 40;

/// How a call goes wrong.
#[derive(Clone, Copy)]
pub enum Wrong {
    /// This status and exception.
    Refused(u16, &'static str),
    /// An answer that is cut in its middle.
    Cut,
    /// An amount that is none.
    Garbled,
}

/// A call as it came in: its operation, and the body or the query.
#[derive(Clone)]
pub struct Call {
    pub operation: String,
    pub asked: Value,
}

#[derive(Default)]
struct Shared {
    wrong: Mutex<BTreeMap<String, VecDeque<Wrong>>>,
    calls: Mutex<Vec<Call>>,
}

pub struct CostApis {
    endpoint: String,
    shared: Arc<Shared>,
}

impl CostApis {
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared::default());
        let routes = Router::new().fallback(take).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { endpoint, shared })
    }

    /// The SDK's own variables that lead here.
    pub fn environment(&self) -> Vec<(String, String)> {
        ["COST_EXPLORER", "COST_OPTIMIZATION_HUB", "TRUSTEDADVISOR"]
            .map(|service| (format!("AWS_ENDPOINT_URL_{service}"), self.endpoint.clone()))
            .to_vec()
    }

    /// Has the next calls of an operation go wrong.
    pub fn goes_wrong(&self, operation: &str, how: &[Wrong]) {
        let mut wrong = self.shared.wrong.lock().expect("unpoisoned");
        wrong.insert(operation.to_owned(), how.iter().copied().collect());
    }

    pub fn calls(&self, operation: &str) -> Vec<Call> {
        let calls = self.shared.calls.lock().expect("unpoisoned");
        let of = calls.iter().filter(|call| call.operation == operation);
        of.cloned().collect()
    }
}

async fn take(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok());
    let (operation, asked) = match target {
        Some(target) => (
            target.to_owned(),
            serde_json::from_slice(&body).unwrap_or_default(),
        ),
        None => (
            uri.path().to_owned(),
            uri.query().unwrap_or_default().into(),
        ),
    };
    let call = Call { operation, asked };
    shared.calls.lock().expect("unpoisoned").push(call.clone());
    let wrong = {
        let mut wrong = shared.wrong.lock().expect("unpoisoned");
        wrong.get_mut(&call.operation).and_then(VecDeque::pop_front)
    };
    let answer = match call.operation.as_str() {
        "AWSInsightsIndexService.GetCostAndUsage" => charged(&call.asked),
        "AWSInsightsIndexService.GetCostForecast" => foretold(&call.asked),
        "CostOptimizationHubService.ListRecommendations" => Some(recommended(&call.asked)),
        "/v1/recommendations" => Some(advised(&call.asked)),
        _ => None,
    };
    match (wrong, answer) {
        (Some(Wrong::Refused(status, exception)), _) => refusal(status, exception),
        (_, None) => refusal(400, "ValidationException"),
        (Some(Wrong::Cut), Some(answer)) => cut(&answer.to_string()),
        (Some(Wrong::Garbled), Some(answer)) => said(answer.to_string().replace("1.1", "much")),
        (None, Some(answer)) => said(answer.to_string()),
    }
}

fn said(body: String) -> Response {
    ([("content-type", "application/x-amz-json-1.1")], body).into_response()
}

/// Half of it, and then the connection's end.
fn cut(whole: &str) -> Response {
    let half = whole.as_bytes()[..whole.len() / 2].to_vec();
    let pieces = [Ok(half), Err(std::io::Error::other("cut"))];
    let length = ("content-length", whole.len().to_string());
    ([length], Body::from_stream(stream::iter(pieces))).into_response()
}

fn refusal(status: u16, exception: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let message = "User: arn:aws:sts::111122223333:assumed-role/worker is not authorized";
    let body = json!({"__type": exception, "message": message, "Message": message});
    let kind = [("x-amzn-errortype", exception.to_owned())];
    (status, kind, body.to_string()).into_response()
}

fn days(asked: &Value) -> Option<(Date, Date)> {
    let day = |name: &str| asked["TimePeriod"][name].as_str()?.parse().ok();
    Some((day("Start")?, day("End")?)).filter(|(start, end)| start < end)
}

/// Cents as Cost Explorer spells amounts.
fn money(cents: u64) -> Value {
    json!({"Amount": format!("{}.{:02}00000000", cents / 100, cents % 100), "Unit": "USD"})
}

/// A page of `GetCostAndUsage` by day and two dimensions; `None` where the request is none of that.
fn charged(asked: &Value) -> Option<Value> {
    let (start, end) = days(asked)?;
    let by = asked["GroupBy"].as_array().filter(|by| by.len() == 2)?;
    (asked["Granularity"] == "DAILY").then_some(())?;
    let page: usize = asked["NextPageToken"]
        .as_str()
        .map_or(Some(0), |token| token.parse().ok())?;
    let from = start.checked_add(((page * PAGE) as i64).days()).ok()?;
    let all = from.series(1.day()).take_while(|day| *day < end);
    let results: Vec<Value> = all.take(PAGE).map(|day| on(day, by)).collect();
    let until = from.checked_add((PAGE as i64).days()).ok()?;
    let mut answer = json!({
        "ResultsByTime": results, "GroupDefinitions": by,
        "DimensionValueAttributes": [{"Value": "111122223333", "Attributes": {"description": "production"}}],
    });
    if until < end {
        answer["NextPageToken"] = (page + 1).to_string().into();
    }
    Some(answer)
}

fn on(day: Date, by: &[Value]) -> Value {
    let mut sums: BTreeMap<Vec<&str>, u64> = BTreeMap::new();
    for (service, account, region, cents) in CHARGES {
        let key = |by: &Value| match by["Key"].as_str() {
            Some("SERVICE") => service,
            Some("LINKED_ACCOUNT") => account,
            _ => region,
        };
        *sums.entry(by.iter().map(key).collect()).or_default() += cents;
    }
    let groups = sums.iter().map(|(keys, cents)| {
        json!({"Keys": keys, "Metrics": {"UnblendedCost": money(*cents), "AmortizedCost": money(*cents)}})
    });
    let next = day.tomorrow().unwrap_or(day).to_string();
    json!({
        "TimePeriod": {"Start": day.to_string(), "End": next}, "Estimated": false, "Total": {},
        "Groups": groups.collect::<Vec<_>>(),
    })
}

/// Two dollars a day, half a dollar more or less.
fn foretold(asked: &Value) -> Option<Value> {
    let (start, end) = days(asked)?;
    (asked["Metric"] == "UNBLENDED_COST" && asked["PredictionIntervalLevel"] == 80).then_some(())?;
    let days = u64::try_from((end - start).get_days()).ok()?;
    let amount = |cents: u64| money(cents * days)["Amount"].clone();
    Some(json!({
        "Total": money(200 * days),
        "ForecastResultsByTime": [{
            "TimePeriod": asked["TimePeriod"], "MeanValue": amount(200),
            "PredictionIntervalLowerBound": amount(150), "PredictionIntervalUpperBound": amount(250),
        }],
    }))
}

/// Two pages of the Hub's.
fn recommended(asked: &Value) -> Value {
    let item = |id: &str, saving: f64| {
        json!({
            "recommendationId": id, "accountId": "111122223333", "region": "eu-west-1", "resourceId": id,
            "currentResourceType": "Ec2Instance", "actionType": "Rightsize", "currencyCode": "USD",
            "estimatedMonthlySavings": saving, "estimatedMonthlyCost": 2.0 * saving,
            "recommendedResourceSummary": "t4g.small",
        })
    };
    match asked["nextToken"].as_str() {
        None => json!({"items": [item("i-1", 12.5), item("i-2", 30.25)], "nextToken": "2"}),
        Some(_) => json!({"items": [item("i-3", 7.25)]}),
    }
}

/// One open check that would save something, and one that has nothing to say.
fn advised(_: &Value) -> Value {
    let check = |name: &str, status: &str, saving: f64| {
        json!({
            "id": name, "arn": format!("arn:aws:trustedadvisor:::recommendation/{name}"), "name": name,
            "type": "standard", "status": status, "pillars": ["cost_optimizing"], "source": "ta_check",
            "resourcesAggregates": {"okCount": 0, "warningCount": 2, "errorCount": 0},
            "pillarSpecificAggregates": {"costOptimizing": {
                "estimatedMonthlySavings": saving, "estimatedPercentMonthlySavings": 0.1,
            }},
        })
    };
    json!({"recommendationSummaries": [
        check("Idle Load Balancers", "warning", 18.0), check("Low Utilization", "ok", 99.0),
    ]})
}
