//! Bills of one's own: in a bucket and in folders, by months; read by workers that die, from an S3 that fails.

use std::path::Path;

use crate::chaos::aws_faults::report;
use crate::support::bucket::http;
use crate::support::client::Client;
use crate::support::stack::{Stack, longhaul};
use anyhow::{Context, Result};
use serde_json::{Value, json};

const MONTHS: [&str; 3] = ["2026-03", "2026-04", "2026-05"];
/// Crashes and failures are made good within seconds.
const SOON: [&str; 4] = ["--parameter", "LeaseSeconds=5", "--tick-seconds", "1"];

async fn sample() -> Result<String> {
    let sample = longhaul(&["bill", "--rows", "2000"]).await?.stdout;
    Ok(String::from_utf8(sample)?)
}

/// The sample's charges of one month, in a file of this folder.
fn write_month(folder: &Path, sample: &str, month: &str) -> Result<()> {
    let (header, rows) = sample.split_once('\n').context("no header")?;
    let own = rows
        .lines()
        .filter(|row| row.contains(&format!(",{month}-01T00:00:00Z,Usage")));
    let own: Vec<&str> = std::iter::once(header).chain(own).collect();
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join(format!("{month}.csv")), own.join("\n"))?;
    Ok(())
}

/// A stack whose bill is three months in a bucket.
pub async fn with_bucket(options: &[&str]) -> Result<Stack> {
    let (folder, sample) = (tempfile::tempdir()?, sample().await?);
    for month in MONTHS {
        let period = format!("focus/billing_period={month}");
        write_month(&folder.path().join(period), &sample, month)?;
    }
    with_exports(folder.path(), options).await
}

/// A stack whose bill is what this folder has under `focus`, in a bucket.
pub async fn with_exports(folder: &Path, options: &[&str]) -> Result<Stack> {
    let parameters = [
        "--parameter",
        "SourceBucket=exports",
        "--parameter",
        "BillLocation=s3://exports/focus/",
        "--parameter",
        "BillIsSample=false",
    ];
    let stack = Stack::start(&[&parameters[..], &SOON, options].concat()).await?;
    let folder = folder.to_str().context("a path")?;
    stack
        .aws(&["s3api", "create-bucket", "--bucket", "exports"])
        .await?;
    stack
        .aws_text(&["s3", "sync", "--no-progress", folder, "s3://exports"])
        .await?;
    Ok(stack)
}

/// A front end that has asked for the months.
pub async fn asks(stack: &Stack) -> Result<Client> {
    let mut client = stack.client("alice").await?;
    client
        .send(json!({"action": "finops_query", "query": "total by month"}))
        .await?;
    Ok(client)
}

/// How many months an answer has.
pub fn months(completed: &Value) -> Option<usize> {
    let groups = &completed["result"]["cost_analysis"]["groups"];
    groups.as_array().map(Vec::len)
}

#[tokio::test]
async fn a_bill_in_a_bucket_is_read_by_months_and_a_crash_between_two_goes_on() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("wire.log");
    let stack = with_bucket(&["--wire-log", log.to_str().context("a path")?]).await?;
    // The steps are the list, May, and then the two other months: the worker dies once May is kept.
    stack.set_faults(json!([
        {"service": "dynamodb", "operation": "TransactWriteItems", "caller": "longhaul-worker", "number": 2, "effect": {"kill": "after"}}
    ])).await?;
    let events = asks(&stack).await?.until("job_completed").await?;
    let completed = events.last().context("no end")?;
    assert_eq!(completed["usage"]["attempts"], 2);
    assert_eq!(months(completed), Some(3));
    assert_eq!(completed["result"]["cost_analysis"]["source"], "3 files");
    let said = |event: &Value| event["message"].as_str().map(str::to_owned);
    let told: Vec<String> = events.iter().filter_map(said).collect();
    assert!(
        told.iter().any(|message| message.ends_with(" of 3 files")),
        "{told:?}"
    );
    let wire = std::fs::read_to_string(&log)?;
    assert_eq!(
        wire.matches("\"GetObject\"").count(),
        3,
        "a month was read twice"
    );
    Ok(())
}

#[tokio::test]
async fn a_bill_in_a_bucket_that_fails_is_tried_again_or_named() -> Result<()> {
    let stack = with_bucket(&[]).await?;
    let s3 = |operation: &str, pick: &str, number: u64, code: &str, status: u16| {
        json!([{
            "service": "s3", "operation": operation, "caller": "longhaul-worker", pick: number,
            "effect": {"fail": {"code": code, "status": status}},
        }])
    };
    // What passes within a call's tries is not even noticed.
    stack
        .set_faults(s3("GetObject", "limit", 2, "SlowDown", 503))
        .await?;
    let completed = asks(&stack).await?.until_end().await?;
    assert_eq!(completed["type"], "job_completed", "{completed}");
    assert_eq!(completed["usage"]["attempts"], 1);
    assert_eq!(months(&completed), Some(3));

    // What outlasts a call's four tries is worth another attempt of the job, if nothing else was read.
    stack
        .set_faults(s3("ListObjectsV2", "limit", 4, "InternalError", 500))
        .await?;
    let completed = asks(&stack).await?.until_end().await?;
    assert_eq!(completed["type"], "job_completed", "{completed}");
    assert_eq!(completed["usage"]["attempts"], 2);
    assert_eq!(months(&completed), Some(3));

    // What is refused for good is named, and the rest answered: May is read first, then April or March.
    stack
        .set_faults(s3("GetObject", "number", 2, "AccessDenied", 403))
        .await?;
    let completed = asks(&stack).await?.until_end().await?;
    assert_eq!(completed["type"], "job_completed", "{completed}");
    assert_eq!(completed["usage"]["attempts"], 1);
    assert_eq!(months(&completed), Some(2));
    let response = completed["result"]["response"].as_str().unwrap_or_default();
    assert!(response.contains("Left out"), "{response}");
    assert!(response.contains("AccessDenied"), "{response}");

    // And where that is all, it is the end.
    let all = json!([{
        "service": "s3", "operation": "ListObjectsV2", "effect": {"fail": {"code": "AccessDenied", "status": 403}},
    }]);
    stack.set_faults(all).await?;
    let failed = asks(&stack).await?.until_end().await?;
    assert_eq!(failed["type"], "job_failed", "{failed}");
    assert_eq!(failed["code"], "BILL_UNREADABLE", "{failed}");
    Ok(())
}

/// Asks, and puts this in May's place after it was listed and before it is read; nothing takes it away. The events of
/// the answer.
async fn replaced(stack: &Stack, may: Option<&str>) -> Result<Vec<Value>> {
    stack.set_faults(json!([{
        "service": "s3", "operation": "GetObject", "caller": "longhaul-worker", "number": 1, "effect": {"delayMs": 5000},
    }])).await?;
    let mut client = asks(stack).await?;
    report(stack, |report| report["rules"][0]["fired"] == 1).await?;
    let key = "/exports/focus/billing_period=2026-05/2026-05.csv";
    let method = if may.is_some() { "PUT" } else { "DELETE" };
    let signature = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/s3/aws4_request";
    let headers = [("Authorization", signature)];
    let body = may.unwrap_or_default().as_bytes();
    let answer = http(&stack.aws, &format!("{method} {key}"), &headers, body).await?;
    anyhow::ensure!(answer.status < 300, "{}", answer.text());
    client.until("job_completed").await
}

#[tokio::test]
async fn a_month_that_is_replaced_after_it_was_listed_is_read_as_it_is_then() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("wire.log");
    let stack = with_bucket(&["--wire-log", log.to_str().context("a path")?]).await?;
    let sample = sample().await?;
    let of_month = |month: &str| {
        let own = format!(",{month}-01T00:00:00Z,Usage");
        let rows: Vec<String> = sample
            .lines()
            .filter(|row| row.contains(&own))
            .map(str::to_owned)
            .collect();
        rows
    };
    let header = sample.lines().next().context("no header")?;
    let may = of_month("2026-05");
    let one = format!("{header}\n{}\n", may.first().context("no charge")?);
    let others = of_month("2026-03").len() + of_month("2026-04").len();
    let events = replaced(&stack, Some(&one)).await?;
    let completed = events.last().context("no end")?;
    // May kept the worker waiting, which was told.
    let fetching = |event: &Value| event["message"] == "Fetching May 2026: 0 of 1 MB";
    assert!(events.iter().any(fetching), "{events:?}");
    assert_eq!(completed["usage"]["attempts"], 1);
    assert_eq!(
        completed["result"]["cost_analysis"]["rows"],
        others + 1,
        "{completed}"
    );
    let wire = std::fs::read_to_string(&log)?;
    let refused = wire
        .lines()
        .filter(|call| call.contains("\"GetObject\"") && call.contains("\"status\":412"));
    assert_eq!(refused.count(), 1, "what was listed was not asked for");

    // Where nothing is in its place, that is said.
    let events = replaced(&stack, None).await?;
    let completed = events.last().context("no end")?;
    assert_eq!(completed["result"]["cost_analysis"]["rows"], others);
    let response = completed["result"]["response"].as_str().unwrap_or_default();
    assert!(
        response.contains("Left out: The bill 2026-05.csv was replaced before it was read."),
        "{response}"
    );
    Ok(())
}

#[tokio::test]
async fn two_folders_of_the_same_name_are_each_read() -> Result<()> {
    let (folder, sample) = (tempfile::tempdir()?, sample().await?);
    let mut places = Vec::new();
    for (account, month) in [("one", "2026-03"), ("two", "2026-04")] {
        let place = folder.path().join(account).join("focus");
        write_month(&place, &sample, month)?;
        places.push(place.display().to_string());
    }
    let bill = format!("BillLocation={}", places.join(","));
    let parameters = ["--parameter", &bill, "--parameter", "BillIsSample=false"];
    let stack = Stack::start(&[&parameters[..], &SOON].concat()).await?;
    // The worker dies once both lists are kept.
    stack.set_faults(json!([
        {"service": "dynamodb", "operation": "TransactWriteItems", "caller": "longhaul-worker", "number": 2, "effect": {"kill": "after"}}
    ])).await?;
    let completed = asks(&stack).await?.until_end().await?;
    assert_eq!(completed["type"], "job_completed", "{completed}");
    assert_eq!(completed["usage"]["attempts"], 2);
    assert_eq!(completed["result"]["cost_analysis"]["source"], "2 files");
    // A list that was kept for the one and taken for the other would be the same month twice.
    assert_eq!(months(&completed), Some(2), "{completed}");
    Ok(())
}

/// A month of so many accounts, of amounts that don't pack well.
fn write_accounts(path: &Path, month: &str, accounts: u64) -> Result<()> {
    let header = "BilledCost,BillingCurrency,ChargePeriodStart,ServiceName,SubAccountId";
    let rows = (1..=accounts).map(|n| {
        let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let (account, cost) = (mixed % 1_000_000_000_000, mixed >> 30);
        format!("0.{cost:010},USD,{month}-01T00:00:00Z,AWS Lambda,{account:012}")
    });
    let lines: Vec<String> = std::iter::once(header.to_owned()).chain(rows).collect();
    std::fs::create_dir_all(path)?;
    Ok(std::fs::write(path.join("bill.csv"), lines.join("\n"))?)
}

#[tokio::test]
async fn what_takes_several_steps_to_keep_is_not_read_again_either() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for month in ["2026-04", "2026-05"] {
        let period = folder.path().join(format!("billing_period={month}"));
        write_accounts(&period, month, 30_000)?;
    }
    let options = [
        "--parameter",
        "SourceBucket=exports",
        "--parameter",
        "BillLocation=s3://exports/",
        "--parameter",
        "BillIsSample=false",
    ];
    let stack = Stack::start(&[&options[..], &SOON].concat()).await?;
    let aws = async |arguments: &[&str]| stack.aws_text(arguments).await;
    aws(&["s3", "mb", "s3://exports"]).await?;
    let from = folder.path().to_str().context("a path")?;
    aws(&["s3", "sync", "--no-progress", from, "s3://exports"]).await?;
    // It dies when May is read, and April is to be.
    let kill = json!({"service": "s3", "operation": "GetObject", "caller": "longhaul-worker", "number": 2, "effect": {"kill": "before"}});
    stack.set_faults(json!([kill])).await?;
    let mut client = stack.client("alice").await?;
    let query = json!({"action": "query", "kind": "finops", "query": "What did we spend, total?"});
    let job = client.submit(query).await?;
    let end = client.until_end().await?;
    assert_eq!(end["usage"]["attempts"], 2, "{end}");
    assert_eq!(end["result"]["cost_analysis"]["rows"], 60_000, "{end}");
    let (_, report) = stack.faults("GET", "", "").await?;
    assert_eq!(
        report["rules"][0]["matched"], 3,
        "May was read twice: {report}"
    );
    let kept = aws(&["dynamodb", "scan", "--table-name", "longhaul-job-events"]).await?;
    assert!(kept.contains("read more#"), "one step was enough for {job}");
    Ok(())
}
