//! `finops` on AWS's own cost services: what is asked of them, paid for and answered, and what goes wrong.

use std::path::Path;

use crate::support::cost_services::{CHARGES, CostApis, DAY, PAGE, Wrong};
use crate::support::stack::Stack;
use anyhow::{Context, Result, ensure};
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

const EXPLORER: &str = "CostExplorer=true";
const CHARGED: &str = "AWSInsightsIndexService.GetCostAndUsage";
const FORETOLD: &str = "AWSInsightsIndexService.GetCostForecast";
const HUB: &str = "CostOptimizationHubService.ListRecommendations";
const ADVISOR: &str = "/v1/recommendations";
const SOON: [&str; 4] = ["--parameter", "LeaseSeconds=5", "--tick-seconds", "1"];

/// A stack that asks these of AWS, and has a bill where one is named.
async fn stack(asks: &[&str], bill: Option<&Path>) -> Result<(CostApis, Stack)> {
    let apis = CostApis::start().await?;
    let bill = match bill {
        Some(bill) => bill.to_str().context("a path")?,
        None => "",
    };
    let mut options = vec![
        "BillIsSample=false".to_owned(),
        format!("BillLocation={bill}"),
    ];
    options.extend(asks.iter().map(|ask| (*ask).to_owned()));
    let options: Vec<&str> = options
        .iter()
        .flat_map(|option| ["--parameter", option])
        .collect();
    let stack = Stack::start_with(&[&options[..], &SOON].concat(), apis.environment()).await?;
    Ok((apis, stack))
}

/// The end of the job that this question is.
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

/// What so many days of charges come to, as answers spell it.
fn cost_of(days: i32, cents: u64) -> String {
    let cents = cents * u64::try_from(days).unwrap_or(0);
    let text = format!("{}.{:02}", cents / 100, cents % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The days that an answer is about.
fn days_of(analysis: &Value) -> Result<i32> {
    let day = |name: &str| {
        anyhow::Ok(
            analysis["period"][name]
                .as_str()
                .context("no day")?
                .parse::<Date>()?,
        )
    };
    Ok((day("end")? - day("start")?).get_days())
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

fn told(end: &Value) -> &str {
    end["result"]["response"].as_str().unwrap_or_default()
}

/// A bill of AWS's with a dollar a day.
fn write_bill(path: &Path, from: Date, until: Date) -> Result<()> {
    let header = "BilledCost,BillingCurrency,ChargePeriodStart,ServiceName,SubAccountId,RegionId,ProviderName";
    let days = from.series(1.day()).take_while(|day| *day < until);
    let rows =
        days.map(|day| format!("1.00,USD,{day}T00:00:00Z,AWS Lambda,111122223333,eu-west-1,AWS"));
    let lines: Vec<String> = std::iter::once(header.to_owned()).chain(rows).collect();
    Ok(std::fs::write(path, lines.join("\n"))?)
}

#[tokio::test]
async fn cost_explorer_answers_page_by_page_and_is_paid_once() -> Result<()> {
    let (apis, stack) = stack(&[EXPLORER], None).await?;
    let end = ask(&stack, "What did we spend last month by service?").await?;
    let analysis = &end["result"]["cost_analysis"];
    let days = days_of(analysis)?;
    assert!((28..=31).contains(&days), "{end}");
    assert_eq!(analysis["total"], cost_of(days, DAY), "{end}");
    let by_service = vec![
        (CHARGES[0].0.to_owned(), cost_of(days, 110)),
        (CHARGES[1].0.to_owned(), cost_of(days, 65)),
    ];
    assert_eq!(groups(analysis), by_service, "{end}");
    assert_eq!(analysis["source"], "Cost Explorer");

    // Each page is paid for, and told of.
    let calls = apis.calls(CHARGED);
    let period = &calls[0].asked["TimePeriod"];
    let day = |name: &str| anyhow::Ok(period[name].as_str().context("no day")?.parse::<Date>()?);
    let asked = usize::try_from((day("End")? - day("Start")?).get_days())?;
    assert_eq!(calls.len(), asked.div_ceil(PAGE), "{period}");
    ensure!(calls.len() > 1, "one page proves nothing: {period}");
    let cost = format!("0.0{}", calls.len());
    let paid = json!({"requests": calls.len(), "amount": cost, "currency": "USD"});
    assert_eq!(analysis["paid"], paid);
    ensure!(
        told(&end).contains(&format!("which cost {cost} USD")),
        "{end}"
    );

    // The same question of anybody's is answered from what was paid for.
    let again = ask(&stack, "What did we spend last month by service?").await?;
    assert_eq!(again["result"]["cost_analysis"]["total"], analysis["total"]);
    assert_eq!(again["result"]["cost_analysis"]["paid"], Value::Null);
    assert_eq!(apis.calls(CHARGED).len(), calls.len());

    // It tells two things apart at once, so one that needs regions is asked anew.
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
async fn cost_explorer_gives_the_days_that_the_bill_does_not_have() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let bill = folder.path().join("bill.csv");
    let gap = today().checked_sub(10.days())?;
    write_bill(&bill, today().checked_sub(90.days())?, gap)?;
    let (apis, stack) = stack(&[EXPLORER], Some(&bill)).await?;
    let end = ask(&stack, "What did we spend in the last 30 days?").await?;
    let analysis = &end["result"]["cost_analysis"];
    // Twenty of the bill's days at a dollar, and the ten days since.
    assert_eq!(analysis["total"], "37.5", "{end}");
    assert_eq!(analysis["source"], "bill.csv and Cost Explorer");
    let calls = apis.calls(CHARGED);
    assert_eq!(calls.len(), 1);
    let asked = json!({"Start": gap.to_string(), "End": today().to_string()});
    assert_eq!(calls[0].asked["TimePeriod"], asked);

    // What the bill has whole is not paid for.
    let month = gap.checked_sub(1.month())?.strftime("%B %Y").to_string();
    let end = ask(&stack, &format!("What did we spend in {month}?")).await?;
    ensure!(end["type"] == "job_completed", "{end}");
    Ok(())
}

#[tokio::test]
async fn its_forecast_stands_beside_ours() -> Result<()> {
    let (apis, stack) = stack(&[EXPLORER], None).await?;
    let end = ask(&stack, "What will we spend in the next 20 days?").await?;
    let forecast = &end["result"]["cost_analysis"]["forecast"];
    let theirs = &forecast["costExplorer"];
    assert_eq!(apis.calls(FORETOLD).len(), 1, "{end}");
    let days = days_of(&json!({"period": theirs}))?;
    let (expected, low) = (cost_of(days, 200), cost_of(days, 150));
    assert_eq!(
        (&theirs["expected"], &theirs["low"]),
        (&json!(expected), &json!(low)),
        "{end}"
    );
    ensure!(forecast["expected"].is_string(), "{end}");
    ensure!(
        told(&end).contains("Cost Explorer's own forecast for all accounts"),
        "{end}"
    );

    // Without it, ours stands alone and says so.
    apis.goes_wrong(FORETOLD, &[Wrong::Refused(400, "DataUnavailableException")]);
    let end = ask(&stack, "What will we spend in the next 25 days?").await?;
    ensure!(
        end["result"]["cost_analysis"]["forecast"]["expected"].is_string(),
        "{end}"
    );
    ensure!(
        told(&end).contains("Left out: Cost Explorer does not answer (DataUnavailableException)"),
        "{end}"
    );
    Ok(())
}

#[tokio::test]
async fn what_aws_recommends_stands_beside_what_we_find() -> Result<()> {
    let asks = ["CostOptimizationHub=true", "TrustedAdvisor=true"];
    let (apis, stack) = stack(&asks, None).await?;
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
    assert_eq!(apis.calls(HUB).len(), 2, "two pages");
    assert_eq!(apis.calls(ADVISOR)[0].asked, "pillar=cost_optimizing");
    ensure!(
        told(&end).contains("Rightsize Ec2 Instance i-2 eu-west-1: t4g.small"),
        "{end}"
    );

    // Who has no support plan is told so, and gets the rest.
    apis.goes_wrong(ADVISOR, &[Wrong::Refused(403, "AccessDeniedException")]);
    let end = ask(&stack, "Where could we save?").await?;
    let recommended = &end["result"]["cost_analysis"]["savings"]["recommended"];
    assert_eq!(recommended.as_array().map(Vec::len), Some(1), "{end}");
    let note = "Left out: Trusted Advisor does not answer (AccessDeniedException): it needs AWS Business Support";
    ensure!(told(&end).contains(note), "{end}");
    // Throttled is waited out; who is not enrolled, or broken for long, is left out.
    apis.goes_wrong(ADVISOR, &[Wrong::Refused(429, "ThrottlingException")]);
    for (wrong, said) in [
        (
            vec![Wrong::Refused(400, "ValidationException")],
            "does not answer (ValidationException): the account has to be enrolled",
        ),
        (
            vec![Wrong::Refused(500, "InternalServerException"); 4],
            "does not answer now (InternalServerException)",
        ),
        (vec![Wrong::Cut; 4], "does not answer now"),
    ] {
        apis.goes_wrong(HUB, &wrong);
        let end = ask(&stack, "Where could we save?").await?;
        let recommended = &end["result"]["cost_analysis"]["savings"]["recommended"];
        assert_eq!(recommended[0]["by"], "Trusted Advisor", "{end}");
        ensure!(
            told(&end).contains(&format!("Left out: The Cost Optimization Hub {said}")),
            "{end}"
        );
    }
    let denied = Wrong::Refused(403, "AccessDeniedException");
    apis.goes_wrong(HUB, &[denied]);
    apis.goes_wrong(ADVISOR, &[denied]);
    let end = ask(&stack, "Where could we save?").await?;
    assert_eq!(end["code"], "SOURCE_REFUSED", "{end}");
    // Other questions ask neither.
    let before = apis.calls(HUB).len();
    let end = ask(&stack, "What did we spend?").await?;
    assert_eq!(end["type"], "job_failed", "there is no bill: {end}");
    assert_eq!(apis.calls(HUB).len(), before);
    Ok(())
}

#[tokio::test]
async fn a_source_that_fails_is_tried_again_or_named() -> Result<()> {
    let (apis, stack) = stack(&[EXPLORER], None).await?;
    let throttled = Wrong::Refused(400, "LimitExceededException");
    let broken = Wrong::Refused(500, "InternalServerException");
    // In the order asked, each in other words, so that nothing is answered from what was paid for.
    let within_a_call = [
        ("yesterday", vec![throttled, throttled]),
        ("last week", vec![Wrong::Cut]),
    ];
    for (period, wrong) in within_a_call {
        apis.goes_wrong(CHARGED, &wrong);
        let end = ask(&stack, &format!("What did we spend {period}?")).await?;
        assert_eq!(
            (&end["type"], &end["usage"]["attempts"]),
            (&json!("job_completed"), &json!(1)),
            "{end}"
        );
    }
    apis.goes_wrong(CHARGED, &[broken; 4]);
    let end = ask(&stack, "What did we spend in the last 40 days?").await?;
    assert_eq!(
        (&end["type"], &end["usage"]["attempts"]),
        (&json!("job_completed"), &json!(2)),
        "{end}"
    );

    for (wrong, code) in [
        (
            Wrong::Refused(400, "AccessDeniedException"),
            "SOURCE_REFUSED",
        ),
        (
            Wrong::Refused(400, "DataUnavailableException"),
            "SOURCE_REFUSED",
        ),
        (Wrong::Garbled, "SOURCE_UNREADABLE"),
    ] {
        apis.goes_wrong(CHARGED, &[wrong]);
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
async fn a_bill_answers_where_cost_explorer_does_not() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let bill = folder.path().join("bill.csv");
    write_bill(
        &bill,
        today().checked_sub(60.days())?,
        today().checked_sub(10.days())?,
    )?;
    let (apis, stack) = stack(&[EXPLORER], Some(&bill)).await?;
    apis.goes_wrong(CHARGED, &[Wrong::Refused(400, "AccessDeniedException")]);
    let end = ask(&stack, "What did we spend by service?").await?;
    let analysis = &end["result"]["cost_analysis"];
    assert_eq!(
        (&analysis["total"], &analysis["source"]),
        (&json!("50"), &json!("bill.csv")),
        "{end}"
    );
    ensure!(
        told(&end).contains("Left out: Cost Explorer does not answer (AccessDeniedException)"),
        "{end}"
    );
    Ok(())
}

#[tokio::test]
async fn what_was_paid_for_is_not_paid_again_after_a_crash() -> Result<()> {
    let (apis, stack) = stack(&[EXPLORER], None).await?;
    let kill = json!({"service": "s3", "operation": "PutObject", "caller": "longhaul-worker", "number": 1, "effect": {"kill": "after"}});
    stack.set_faults(json!([kill])).await?;
    let end = ask(&stack, "What did we spend last month?").await?;
    assert_eq!(
        (&end["type"], &end["usage"]["attempts"]),
        (&json!("job_completed"), &json!(2)),
        "{end}"
    );
    let calls = apis.calls(CHARGED);
    let first = calls
        .iter()
        .filter(|call| call.asked["NextPageToken"].is_null());
    assert_eq!(first.count(), 1, "{end}");
    Ok(())
}
