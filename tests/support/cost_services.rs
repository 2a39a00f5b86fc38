//! An HTTP server that plays Cost Explorer, the Cost Optimization Hub and Trusted Advisor, in the shapes of their API
//! references. Every day has the same charges.

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

/// The charges of each day: service, account, region, and cents.
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
/// The sum of a day's charges, in cents.
pub const CENTS_PER_DAY: u64 = 175;
/// The number of days on a page of Cost Explorer.
pub const DAYS_PER_PAGE: usize = 40;

/// How a call fails.
#[derive(Clone, Copy)]
pub enum CallFault {
    /// This status and exception.
    Error(u16, &'static str),
    /// A body that is cut in the middle.
    Cut,
    /// An amount that is not a number.
    InvalidAmount,
}

/// A call that was received.
#[derive(Clone)]
pub struct ReceivedCall {
    pub operation: String,
    /// The body, or the query string as text.
    pub request: Value,
}

#[derive(Default)]
struct Shared {
    faults: Mutex<BTreeMap<String, VecDeque<CallFault>>>,
    calls: Mutex<Vec<ReceivedCall>>,
}

pub struct CostServices {
    endpoint: String,
    shared: Arc<Shared>,
}

impl CostServices {
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared::default());
        let routes = Router::new().fallback(respond).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { endpoint, shared })
    }

    /// The variables that make the AWS SDK call this server.
    pub fn environment(&self) -> Vec<(String, String)> {
        ["COST_EXPLORER", "COST_OPTIMIZATION_HUB", "TRUSTEDADVISOR"]
            .map(|service| (format!("AWS_ENDPOINT_URL_{service}"), self.endpoint.clone()))
            .to_vec()
    }

    /// Makes the next calls of an operation fail, one by each of these faults.
    pub fn fail_next_calls(&self, operation: &str, next: &[CallFault]) {
        let mut faults = self.shared.faults.lock().expect("unpoisoned");
        faults.insert(operation.to_owned(), next.iter().copied().collect());
    }

    pub fn calls(&self, operation: &str) -> Vec<ReceivedCall> {
        let calls = self.shared.calls.lock().expect("unpoisoned");
        let calls = calls.iter().filter(|call| call.operation == operation);
        calls.cloned().collect()
    }
}

async fn respond(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok());
    let (operation, request) = match target {
        Some(target) => (
            target.to_owned(),
            serde_json::from_slice(&body).unwrap_or_default(),
        ),
        None => (
            uri.path().to_owned(),
            uri.query().unwrap_or_default().into(),
        ),
    };
    let call = ReceivedCall { operation, request };
    shared.calls.lock().expect("unpoisoned").push(call.clone());
    let fault = {
        let mut faults = shared.faults.lock().expect("unpoisoned");
        faults
            .get_mut(&call.operation)
            .and_then(VecDeque::pop_front)
    };
    let answer = match call.operation.as_str() {
        "AWSInsightsIndexService.GetCostAndUsage" => cost_and_usage_page(&call.request),
        "AWSInsightsIndexService.GetCostForecast" => cost_forecast(&call.request),
        "CostOptimizationHubService.ListRecommendations" => {
            Some(hub_recommendations(&call.request))
        }
        "/v1/recommendations" => Some(advisor_recommendations(&call.request)),
        _ => None,
    };
    match (fault, answer) {
        (Some(CallFault::Error(status, exception)), _) => error_response(status, exception),
        (_, None) => error_response(400, "ValidationException"),
        (Some(CallFault::Cut), Some(answer)) => truncated_response(&answer.to_string()),
        (Some(CallFault::InvalidAmount), Some(answer)) => {
            json_response(answer.to_string().replace("1.1", "much"))
        }
        (None, Some(answer)) => json_response(answer.to_string()),
    }
}

fn json_response(body: String) -> Response {
    ([("content-type", "application/x-amz-json-1.1")], body).into_response()
}

/// Half of the body, and then the end of the connection.
fn truncated_response(whole: &str) -> Response {
    let half = whole.as_bytes()[..whole.len() / 2].to_vec();
    let pieces = [Ok(half), Err(std::io::Error::other("cut"))];
    let length = ("content-length", whole.len().to_string());
    ([length], Body::from_stream(stream::iter(pieces))).into_response()
}

fn error_response(status: u16, exception: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let message = "User: arn:aws:sts::111122223333:assumed-role/worker is not authorized";
    let body = json!({"__type": exception, "message": message, "Message": message});
    let kind = [("x-amzn-errortype", exception.to_owned())];
    (status, kind, body.to_string()).into_response()
}

fn requested_days(request: &Value) -> Option<(Date, Date)> {
    let day = |name: &str| request["TimePeriod"][name].as_str()?.parse().ok();
    Some((day("Start")?, day("End")?)).filter(|(start, end)| start < end)
}

/// An amount in Cost Explorer's format.
fn amount_of(cents: u64) -> Value {
    json!({"Amount": format!("{}.{:02}00000000", cents / 100, cents % 100), "Unit": "USD"})
}

/// A page of `GetCostAndUsage` by day and two dimensions; `None` for any other request.
fn cost_and_usage_page(request: &Value) -> Option<Value> {
    let (start, end) = requested_days(request)?;
    let by = request["GroupBy"].as_array().filter(|by| by.len() == 2)?;
    (request["Granularity"] == "DAILY").then_some(())?;
    let page: usize = request["NextPageToken"]
        .as_str()
        .map_or(Some(0), |token| token.parse().ok())?;
    let from = start
        .checked_add(((page * DAYS_PER_PAGE) as i64).days())
        .ok()?;
    let all = from.series(1.day()).take_while(|day| *day < end);
    let results: Vec<Value> = all
        .take(DAYS_PER_PAGE)
        .map(|day| day_result(day, by))
        .collect();
    let until = from.checked_add((DAYS_PER_PAGE as i64).days()).ok()?;
    let mut answer = json!({
        "ResultsByTime": results, "GroupDefinitions": by,
        "DimensionValueAttributes": [{"Value": "111122223333", "Attributes": {"description": "production"}}],
    });
    if until < end {
        answer["NextPageToken"] = (page + 1).to_string().into();
    }
    Some(answer)
}

fn day_result(day: Date, by: &[Value]) -> Value {
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
        json!({"Keys": keys, "Metrics": {"UnblendedCost": amount_of(*cents), "AmortizedCost": amount_of(*cents)}})
    });
    let next = day.tomorrow().unwrap_or(day).to_string();
    json!({
        "TimePeriod": {"Start": day.to_string(), "End": next}, "Estimated": false, "Total": {},
        "Groups": groups.collect::<Vec<_>>(),
    })
}

/// `GetCostForecast`: 2 dollars a day, within half a dollar.
fn cost_forecast(request: &Value) -> Option<Value> {
    let (start, end) = requested_days(request)?;
    (request["Metric"] == "UNBLENDED_COST" && request["PredictionIntervalLevel"] == 80)
        .then_some(())?;
    let requested_days = u64::try_from((end - start).get_days()).ok()?;
    let amount = |cents: u64| amount_of(cents * requested_days)["Amount"].clone();
    Some(json!({
        "Total": amount_of(200 * requested_days),
        "ForecastResultsByTime": [{
            "TimePeriod": request["TimePeriod"], "MeanValue": amount(200),
            "PredictionIntervalLowerBound": amount(150), "PredictionIntervalUpperBound": amount(250),
        }],
    }))
}

/// One of two pages of `ListRecommendations`.
fn hub_recommendations(request: &Value) -> Value {
    let item = |id: &str, saving: f64| {
        json!({
            "recommendationId": id, "accountId": "111122223333", "region": "eu-west-1", "resourceId": id,
            "currentResourceType": "Ec2Instance", "actionType": "Rightsize", "currencyCode": "USD",
            "estimatedMonthlySavings": saving, "estimatedMonthlyCost": 2.0 * saving,
            "recommendedResourceSummary": "t4g.small",
        })
    };
    match request["nextToken"].as_str() {
        None => json!({"items": [item("i-1", 12.5), item("i-2", 30.25)], "nextToken": "2"}),
        Some(_) => json!({"items": [item("i-3", 7.25)]}),
    }
}

/// One check with a warning and a saving, and one that is fine.
fn advisor_recommendations(_: &Value) -> Value {
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
