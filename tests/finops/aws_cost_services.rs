//! `finops` with AWS's cost services as sources: their pages, their price, cached answers, and failures.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::support::cost_services::{
    CENTS_PER_DAY, CHARGES, CallFault, CostServices, DAYS_PER_PAGE,
};
use crate::support::stack::Stack;

const COST_EXPLORER: &str = "CostExplorer=true";
const USAGE_CALL: &str = "AWSInsightsIndexService.GetCostAndUsage";
const FORECAST_CALL: &str = "AWSInsightsIndexService.GetCostForecast";
const HUB_CALL: &str = "CostOptimizationHubService.ListRecommendations";
const ADVISOR_CALL: &str = "/v1/recommendations";
const SHORT_LEASE_AND_TICK: [&str; 4] = ["--parameter", "LeaseSeconds=5", "--tick-seconds", "1"];

/// A stack with these parameters, and a bill where a path is given.
async fn stack(parameters: &[&str], bill: Option<&Path>) -> Result<(CostServices, Stack)> {
    let services = CostServices::start().await?;
    let bill = match bill {
        Some(bill) => bill.to_str().context("a path")?,
        None => "",
    };
    let mut options = vec![
        "BillIsSample=false".to_owned(),
        format!("BillLocation={bill}"),
    ];
    options.extend(parameters.iter().map(|ask| (*ask).to_owned()));
    let options: Vec<&str> = options
        .iter()
        .flat_map(|option| ["--parameter", option])
        .collect();
    let stack = Stack::start_with_environment(
        &[&options[..], &SHORT_LEASE_AND_TICK].concat(),
        services.environment(),
    )
    .await?;
    Ok((services, stack))
}

/// Submits this question; returns the terminal event.
async fn ask(stack: &Stack, question: &str) -> Result<Value> {
    let mut client = stack.client("alice").await?;
    client
        .submit(json!({"action": "query", "kind": "finops", "query": question}))
        .await?;
    client.until_end().await
}

fn today() -> Date {
    jiff::Timestamp::now().to_zoned(TimeZone::UTC).date()
}

/// The cost of this number of days, in the format of answers.
fn cost_of(days: i32, cents: u64) -> String {
    let cents = cents * u64::try_from(days).unwrap_or(0);
    let text = format!("{}.{:02}", cents / 100, cents % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The number of days in an answer's period.
fn days_of(analysis: &Value) -> Result<i32> {
    let day = |name: &str| analysis["period"][name].as_str()?.parse::<Date>().ok();
    let (start, end) = day("start").zip(day("end")).context("no period")?;
    Ok((end - start).get_days())
}

/// The groups of an answer: name and amount.
fn groups(analysis: &Value) -> Vec<(String, String)> {
    let groups = analysis["groups"].as_array().cloned().unwrap_or_default();
    let text = |group: &Value, name: &str| group[name].as_str().unwrap_or_default().to_owned();
    groups
        .iter()
        .map(|group| (text(group, "key"), text(group, "amount")))
        .collect()
}

fn response(end: &Value) -> &str {
    end["result"]["response"].as_str().unwrap_or_default()
}

/// Writes a bill of AWS with a dollar a day.
fn write_bill(path: &Path, from: Date, until: Date) -> Result<()> {
    let header = "BilledCost,BillingCurrency,ChargePeriodStart,ServiceName,SubAccountId,RegionId,ProviderName";
    let days = from.series(1.day()).take_while(|day| *day < until);
    let rows =
        days.map(|day| format!("1.00,USD,{day}T00:00:00Z,AWS Lambda,111122223333,eu-west-1,AWS"));
    let lines: Vec<String> = std::iter::once(header.to_owned()).chain(rows).collect();
    Ok(std::fs::write(path, lines.join("\n"))?)
}

#[tokio::test]
async fn cost_explorer_is_read_by_page_and_paid_once() -> Result<()> {
    let (services, stack) = stack(&[COST_EXPLORER], None).await?;
    let end = ask(&stack, "What did we spend last month by service?").await?;
    let analysis = &end["result"]["cost_analysis"];
    let days = days_of(analysis)?;
    assert!((28..=31).contains(&days), "{end}");
    assert_eq!(analysis["total"], cost_of(days, CENTS_PER_DAY), "{end}");
    let by_service = vec![
        (CHARGES[0].0.to_owned(), cost_of(days, 110)),
        (CHARGES[1].0.to_owned(), cost_of(days, 65)),
    ];
    assert_eq!(groups(analysis), by_service, "{end}");
    assert_eq!(analysis["source"], "Cost Explorer");

    // Each page is paid for, and the answer names the price.
    let calls = services.calls(USAGE_CALL);
    let period = &calls[0].request["TimePeriod"];
    let day = |name: &str| anyhow::Ok(period[name].as_str().context("no day")?.parse::<Date>()?);
    let requested = usize::try_from((day("End")? - day("Start")?).get_days())?;
    assert_eq!(calls.len(), requested.div_ceil(DAYS_PER_PAGE), "{period}");
    ensure!(calls.len() > 1, "one page proves nothing: {period}");
    let cost = format!("0.0{}", calls.len());
    let paid = json!({"requests": calls.len(), "amount": cost, "currency": "USD"});
    assert_eq!(analysis["paid"], paid);
    ensure!(
        response(&end).contains(&format!("which cost {cost} USD")),
        "{end}"
    );

    // The same question of any user is answered from the cache of paid responses.
    let repeated = ask(&stack, "What did we spend last month by service?").await?;
    assert_eq!(
        repeated["result"]["cost_analysis"]["total"],
        analysis["total"]
    );
    assert_eq!(repeated["result"]["cost_analysis"]["paid"], Value::Null);
    assert_eq!(services.calls(USAGE_CALL).len(), calls.len());

    // A request has two dimensions at most, so a question about regions is another request.
    let end = ask(&stack, "What did we spend last month by region?").await?;
    let by_region = vec![
        ("eu-west-1".to_owned(), cost_of(days, 150)),
        ("us-east-1".to_owned(), cost_of(days, 25)),
    ];
    assert_eq!(groups(&end["result"]["cost_analysis"]), by_region, "{end}");
    let end = ask(&stack, "What did production cost last month?").await?;
    assert_eq!(
        end["result"]["cost_analysis"]["total"],
        cost_of(days, 135),
        "{end}"
    );
    assert_eq!(end["result"]["cost_analysis"]["paid"], Value::Null, "{end}");
    Ok(())
}

#[tokio::test]
async fn cost_explorer_fills_the_days_missing_from_the_bill() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let bill = folder.path().join("bill.csv");
    let gap = today().checked_sub(10.days())?;
    write_bill(&bill, today().checked_sub(90.days())?, gap)?;
    let (services, stack) = stack(&[COST_EXPLORER], Some(&bill)).await?;
    let end = ask(&stack, "What did we spend in the last 30 days?").await?;
    let analysis = &end["result"]["cost_analysis"];
    // Twenty days of the bill at a dollar, and ten days of Cost Explorer.
    assert_eq!(analysis["total"], "37.5", "{end}");
    assert_eq!(analysis["source"], "bill.csv and Cost Explorer");
    let calls = services.calls(USAGE_CALL);
    assert_eq!(calls.len(), 1);
    let requested = json!({"Start": gap.to_string(), "End": today().to_string()});
    assert_eq!(calls[0].request["TimePeriod"], requested);

    // A month that the bill has completely is not paid for.
    let month = gap.checked_sub(1.month())?.strftime("%B %Y").to_string();
    let end = ask(&stack, &format!("What did we spend in {month}?")).await?;
    ensure!(end["type"] == "job_completed", "{end}");
    Ok(())
}

#[tokio::test]
async fn its_forecast_is_shown_beside_ours() -> Result<()> {
    let (services, stack) = stack(&[COST_EXPLORER], None).await?;
    let end = ask(&stack, "What will we spend in the next 20 days?").await?;
    let forecast = &end["result"]["cost_analysis"]["forecast"];
    let functions = &forecast["costExplorer"];
    assert_eq!(services.calls(FORECAST_CALL).len(), 1, "{end}");
    let days = days_of(&json!({"period": functions}))?;
    let (expected, low) = (cost_of(days, 200), cost_of(days, 150));
    assert_eq!(
        (&functions["expected"], &functions["low"]),
        (&json!(expected), &json!(low)),
        "{end}"
    );
    ensure!(forecast["expected"].is_string(), "{end}");
    ensure!(
        response(&end).contains("Cost Explorer's own forecast for all accounts"),
        "{end}"
    );

    // Without it, our forecast is shown with a note.
    services.fail_next_calls(
        FORECAST_CALL,
        &[CallFault::Error(400, "DataUnavailableException")],
    );
    let end = ask(&stack, "What will we spend in the next 25 days?").await?;
    ensure!(
        end["result"]["cost_analysis"]["forecast"]["expected"].is_string(),
        "{end}"
    );
    ensure!(
        response(&end)
            .contains("Left out: Cost Explorer refused the request (DataUnavailableException)"),
        "{end}"
    );
    Ok(())
}

#[tokio::test]
async fn its_recommendations_are_shown_beside_ours() -> Result<()> {
    let parameters = ["CostOptimizationHub=true", "TrustedAdvisor=true"];
    let (services, stack) = stack(&parameters, None).await?;
    let end = ask(&stack, "Where could we save?").await?;
    let recommended = &end["result"]["cost_analysis"]["savings"]["recommended"];
    let sums: Vec<Value> = recommended
        .as_array()
        .context("nothing recommended")?
        .iter()
        .map(|one| {
            json!([
                one["by"],
                one["count"],
                one["saving"],
                one["largest"][0]["saving"]
            ])
        })
        .collect();
    assert_eq!(
        sums,
        [
            json!(["Cost Optimization Hub", 3, "50", "30.25"]),
            json!(["Trusted Advisor", 1, "18", "18"])
        ],
        "{end}"
    );
    assert_eq!(services.calls(HUB_CALL).len(), 2, "two pages");
    assert_eq!(
        services.calls(ADVISOR_CALL)[0].request,
        "pillar=cost_optimizing"
    );
    ensure!(
        response(&end).contains("Rightsize Ec2 Instance i-2 eu-west-1: t4g.small"),
        "{end}"
    );

    // Without a support plan Trusted Advisor is left out with a note.
    services.fail_next_calls(
        ADVISOR_CALL,
        &[CallFault::Error(403, "AccessDeniedException")],
    );
    let end = ask(&stack, "Where could we save?").await?;
    let recommended = &end["result"]["cost_analysis"]["savings"]["recommended"];
    assert_eq!(recommended.as_array().map(Vec::len), Some(1), "{end}");
    let note = "Left out: Trusted Advisor refused the request (AccessDeniedException): it needs AWS Business Support";
    ensure!(response(&end).contains(note), "{end}");
    // Throttled calls are retried; a service that is not enrolled, or keeps failing, is left out.
    services.fail_next_calls(
        ADVISOR_CALL,
        &[CallFault::Error(429, "ThrottlingException")],
    );
    for (fault, reason) in [
        (
            vec![CallFault::Error(400, "ValidationException")],
            "refused the request (ValidationException): the account must be enrolled",
        ),
        (
            vec![CallFault::Error(500, "InternalServerException"); 4],
            "is not available now (InternalServerException)",
        ),
        (vec![CallFault::Cut; 4], "is not available now"),
    ] {
        services.fail_next_calls(HUB_CALL, &fault);
        let end = ask(&stack, "Where could we save?").await?;
        let recommended = &end["result"]["cost_analysis"]["savings"]["recommended"];
        assert_eq!(recommended[0]["by"], "Trusted Advisor", "{end}");
        ensure!(
            response(&end).contains(&format!("Left out: The Cost Optimization Hub {reason}")),
            "{end}"
        );
    }
    let denied = CallFault::Error(403, "AccessDeniedException");
    services.fail_next_calls(HUB_CALL, &[denied]);
    services.fail_next_calls(ADVISOR_CALL, &[denied]);
    let end = ask(&stack, "Where could we save?").await?;
    assert_eq!(end["code"], "SOURCE_REFUSED", "{end}");
    // Other questions call neither service.
    let calls_before = services.calls(HUB_CALL).len();
    let end = ask(&stack, "What did we spend?").await?;
    assert_eq!(end["type"], "job_failed", "there is no bill: {end}");
    assert_eq!(services.calls(HUB_CALL).len(), calls_before);
    Ok(())
}

#[tokio::test]
async fn a_failing_source_is_retried_or_named() -> Result<()> {
    let (services, stack) = stack(&[COST_EXPLORER], None).await?;
    let throttled = CallFault::Error(400, "LimitExceededException");
    let broken = CallFault::Error(500, "InternalServerException");
    // Each question has another period, so that none is answered from the cache.
    let within_a_call = [
        ("yesterday", vec![throttled, throttled]),
        ("last week", vec![CallFault::Cut]),
    ];
    for (period, fault) in within_a_call {
        services.fail_next_calls(USAGE_CALL, &fault);
        let end = ask(&stack, &format!("What did we spend {period}?")).await?;
        assert_eq!(
            (&end["type"], &end["usage"]["attempts"]),
            (&json!("job_completed"), &json!(1)),
            "{end}"
        );
    }
    services.fail_next_calls(USAGE_CALL, &[broken; 4]);
    let end = ask(&stack, "What did we spend in the last 40 days?").await?;
    assert_eq!(
        (&end["type"], &end["usage"]["attempts"]),
        (&json!("job_completed"), &json!(2)),
        "{end}"
    );

    for (fault, code) in [
        (
            CallFault::Error(400, "AccessDeniedException"),
            "SOURCE_REFUSED",
        ),
        (
            CallFault::Error(400, "DataUnavailableException"),
            "SOURCE_REFUSED",
        ),
        (CallFault::InvalidAmount, "SOURCE_UNREADABLE"),
    ] {
        services.fail_next_calls(USAGE_CALL, &[fault]);
        let end = ask(&stack, "What did we spend in the last 50 days?").await?;
        assert_eq!(
            (&end["type"], &end["code"]),
            (&json!("job_failed"), &json!(code)),
            "{end}"
        );
        ensure!(!end.to_string().contains("arn:"), "{end}");
    }
    Ok(())
}

#[tokio::test]
async fn a_bill_answers_where_cost_explorer_fails() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let bill = folder.path().join("bill.csv");
    write_bill(
        &bill,
        today().checked_sub(60.days())?,
        today().checked_sub(10.days())?,
    )?;
    let (services, stack) = stack(&[COST_EXPLORER], Some(&bill)).await?;
    services.fail_next_calls(
        USAGE_CALL,
        &[CallFault::Error(400, "AccessDeniedException")],
    );
    let end = ask(&stack, "What did we spend by service?").await?;
    let analysis = &end["result"]["cost_analysis"];
    assert_eq!(
        (&analysis["total"], &analysis["source"]),
        (&json!("50"), &json!("bill.csv")),
        "{end}"
    );
    ensure!(
        response(&end)
            .contains("Left out: Cost Explorer refused the request (AccessDeniedException)"),
        "{end}"
    );
    Ok(())
}

#[tokio::test]
async fn paid_requests_are_not_repeated_after_a_crash() -> Result<()> {
    let (services, stack) = stack(&[COST_EXPLORER], None).await?;
    let kill = json!({"service": "s3", "operation": "PutObject", "caller": "longhaul-worker", "number": 1, "effect": {"kill": "after"}});
    stack.set_faults(json!([kill])).await?;
    let end = ask(&stack, "What did we spend last month?").await?;
    assert_eq!(
        (&end["type"], &end["usage"]["attempts"]),
        (&json!("job_completed"), &json!(2)),
        "{end}"
    );
    let calls = services.calls(USAGE_CALL);
    let first = calls
        .iter()
        .filter(|call| call.request["NextPageToken"].is_null());
    assert_eq!(first.count(), 1, "{end}");
    Ok(())
}
