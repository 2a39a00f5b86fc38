//! Bills in a bucket and in folders, by month: read by workers that are killed, and from an S3 that fails.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::support::cli::longhaul;
use crate::support::client::Client;
use crate::support::http::http;
use crate::support::stack::Stack;
use crate::support::wire_log::WireLog;

const MONTHS: [&str; 3] = ["2026-03", "2026-04", "2026-05"];
/// So that a crash is recovered within seconds.
const SHORT_LEASE_AND_TICK: [&str; 4] = ["--parameter", "LeaseSeconds=5", "--tick-seconds", "1"];

async fn sample() -> Result<String> {
    let sample = longhaul(&["bill", "--rows", "2000"]).await?.stdout;
    Ok(String::from_utf8(sample)?)
}

/// Writes the sample's charges of one month to a file in this folder.
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

/// A stack whose bill is three months of the sample, in a bucket.
pub async fn stack_with_bucket(options: &[&str]) -> Result<Stack> {
    let (folder, sample) = (tempfile::tempdir()?, sample().await?);
    for month in MONTHS {
        let period = format!("focus/billing_period={month}");
        write_month(&folder.path().join(period), &sample, month)?;
    }
    stack_with_exports(folder.path(), options).await
}

/// A stack whose bill is this folder's `focus`, in a bucket.
pub async fn stack_with_exports(folder: &Path, options: &[&str]) -> Result<Stack> {
    let parameters = [
        "--parameter",
        "SourceBucket=exports",
        "--parameter",
        "BillLocation=s3://exports/focus/",
        "--parameter",
        "BillIsSample=false",
    ];
    let stack = Stack::start(&[&parameters[..], &SHORT_LEASE_AND_TICK, options].concat()).await?;
    let folder = folder.to_str().context("a path")?;
    stack
        .aws(&["s3api", "create-bucket", "--bucket", "exports"])
        .await?;
    stack
        .aws_text(&["s3", "sync", "--no-progress", folder, "s3://exports"])
        .await?;
    Ok(stack)
}

/// Submits a query for the total by month; returns its client.
pub async fn submit_total_by_month(stack: &Stack) -> Result<Client> {
    let mut client = stack.client("alice").await?;
    client
        .send(json!({"action": "finops_query", "query": "total by month"}))
        .await?;
    Ok(client)
}

/// The number of months in an answer.
pub fn month_count(completed: &Value) -> Option<usize> {
    let groups = &completed["result"]["cost_analysis"]["groups"];
    groups.as_array().map(Vec::len)
}

#[tokio::test]
async fn a_bill_in_a_bucket_is_read_by_month_and_resumes_after_a_crash() -> Result<()> {
    let wire_log = WireLog::new()?;
    let stack = stack_with_bucket(&wire_log.options()?).await?;
    // The steps are the list, May, and then the two other months: the worker is killed after May's checkpoint.
    stack.set_faults(json!([
        {"service": "dynamodb", "operation": "TransactWriteItems", "caller": "longhaul-worker", "number": 2, "effect": {"kill": "after"}}
    ])).await?;
    let events = submit_total_by_month(&stack)
        .await?
        .until("job_completed")
        .await?;
    let completed = events.last().context("no end")?;
    assert_eq!(completed["usage"]["attempts"], 2);
    assert_eq!(month_count(completed), Some(3));
    assert_eq!(completed["result"]["cost_analysis"]["source"], "3 files");
    let message_of = |event: &Value| event["message"].as_str().map(str::to_owned);
    let messages: Vec<String> = events.iter().filter_map(message_of).collect();
    assert!(
        messages
            .iter()
            .any(|message| message.ends_with(" of 3 files")),
        "{messages:?}"
    );
    let wire = wire_log.text()?;
    assert_eq!(
        wire.matches("\"GetObject\"").count(),
        3,
        "a month was read twice"
    );
    Ok(())
}

#[tokio::test]
async fn a_failing_bucket_is_retried_or_named() -> Result<()> {
    let stack = stack_with_bucket(&[]).await?;
    let s3 = |operation: &str, pick: &str, number: u64, code: &str, status: u16| {
        json!([{
            "service": "s3", "operation": operation, "caller": "longhaul-worker", pick: number,
            "effect": {"fail": {"code": code, "status": status}},
        }])
    };
    // Failures within a call's retries go unnoticed.
    stack
        .set_faults(s3("GetObject", "limit", 2, "SlowDown", 503))
        .await?;
    let completed = submit_total_by_month(&stack).await?.until_end().await?;
    assert_eq!(completed["type"], "job_completed", "{completed}");
    assert_eq!(completed["usage"]["attempts"], 1);
    assert_eq!(month_count(&completed), Some(3));

    // After a call's four tries the job is retried, if nothing else was read.
    stack
        .set_faults(s3("ListObjectsV2", "limit", 4, "InternalError", 500))
        .await?;
    let completed = submit_total_by_month(&stack).await?.until_end().await?;
    assert_eq!(completed["type"], "job_completed", "{completed}");
    assert_eq!(completed["usage"]["attempts"], 2);
    assert_eq!(month_count(&completed), Some(3));

    // A refused file is named, and the others are read: May first, then April or March.
    stack
        .set_faults(s3("GetObject", "number", 2, "AccessDenied", 403))
        .await?;
    let completed = submit_total_by_month(&stack).await?.until_end().await?;
    assert_eq!(completed["type"], "job_completed", "{completed}");
    assert_eq!(completed["usage"]["attempts"], 1);
    assert_eq!(month_count(&completed), Some(2));
    let response = completed["result"]["response"].as_str().unwrap_or_default();
    assert!(response.contains("Left out"), "{response}");
    assert!(response.contains("AccessDenied"), "{response}");

    // Where everything is refused, the job fails.
    let all = json!([{
        "service": "s3", "operation": "ListObjectsV2", "effect": {"fail": {"code": "AccessDenied", "status": 403}},
    }]);
    stack.set_faults(all).await?;
    let failed = submit_total_by_month(&stack).await?.until_end().await?;
    assert_eq!(failed["type"], "job_failed", "{failed}");
    assert_eq!(failed["code"], "BILL_UNREADABLE", "{failed}");
    Ok(())
}

/// Runs a job, and replaces May's file after it was listed and before it is read; `None` deletes it. Returns the job's
/// events.
async fn run_with_may_replaced(stack: &Stack, may: Option<&str>) -> Result<Vec<Value>> {
    stack.set_faults(json!([{
        "service": "s3", "operation": "GetObject", "caller": "longhaul-worker", "number": 1, "effect": {"delayMs": 5000},
    }])).await?;
    let mut client = submit_total_by_month(stack).await?;
    stack
        .wait_for_fault_report(|report| report["rules"][0]["fired"] == 1)
        .await?;
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
async fn a_month_replaced_after_listing_is_read_in_its_new_version() -> Result<()> {
    let wire_log = WireLog::new()?;
    let stack = stack_with_bucket(&wire_log.options()?).await?;
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
    let one_charge = format!("{header}\n{}\n", may.first().context("no charge")?);
    let other_months = of_month("2026-03").len() + of_month("2026-04").len();
    let events = run_with_may_replaced(&stack, Some(&one_charge)).await?;
    let completed = events.last().context("no end")?;
    // The worker waited for May and reported it.
    let fetching = |event: &Value| event["message"] == "Fetching May 2026: 0 of 1 MB";
    assert!(events.iter().any(fetching), "{events:?}");
    assert_eq!(completed["usage"]["attempts"], 1);
    assert_eq!(
        completed["result"]["cost_analysis"]["rows"],
        other_months + 1,
        "{completed}"
    );
    let wire = wire_log.text()?;
    let refused = wire
        .lines()
        .filter(|call| call.contains("\"GetObject\"") && call.contains("\"status\":412"));
    assert_eq!(refused.count(), 1, "the listed version was not requested");

    // A deleted file is named in the answer.
    let events = run_with_may_replaced(&stack, None).await?;
    let completed = events.last().context("no end")?;
    assert_eq!(completed["result"]["cost_analysis"]["rows"], other_months);
    let response = completed["result"]["response"].as_str().unwrap_or_default();
    assert!(
        response.contains("Left out: The bill 2026-05.csv was replaced before it was read."),
        "{response}"
    );
    Ok(())
}

#[tokio::test]
async fn two_folders_of_the_same_name_are_both_read() -> Result<()> {
    let (folder, sample) = (tempfile::tempdir()?, sample().await?);
    let mut folders = Vec::new();
    for (account, month) in [("one", "2026-03"), ("two", "2026-04")] {
        let folder_path = folder.path().join(account).join("focus");
        write_month(&folder_path, &sample, month)?;
        folders.push(folder_path.display().to_string());
    }
    let bill = format!("BillLocation={}", folders.join(","));
    let parameters = ["--parameter", &bill, "--parameter", "BillIsSample=false"];
    let stack = Stack::start(&[&parameters[..], &SHORT_LEASE_AND_TICK].concat()).await?;
    // The worker is killed after the checkpoints of both lists.
    stack.set_faults(json!([
        {"service": "dynamodb", "operation": "TransactWriteItems", "caller": "longhaul-worker", "number": 2, "effect": {"kill": "after"}}
    ])).await?;
    let completed = submit_total_by_month(&stack).await?.until_end().await?;
    assert_eq!(completed["type"], "job_completed", "{completed}");
    assert_eq!(completed["usage"]["attempts"], 2);
    assert_eq!(completed["result"]["cost_analysis"]["source"], "2 files");
    // If one folder's list were used for the other, the same month would count twice.
    assert_eq!(month_count(&completed), Some(2), "{completed}");
    Ok(())
}

/// Writes a month with this number of accounts, and with amounts that compress badly.
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
async fn a_month_checkpointed_in_several_steps_is_not_read_again() -> Result<()> {
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
    let stack = Stack::start(&[&options[..], &SHORT_LEASE_AND_TICK].concat()).await?;
    let aws = async |arguments: &[&str]| stack.aws_text(arguments).await;
    aws(&["s3", "mb", "s3://exports"]).await?;
    let source = folder.path().to_str().context("a path")?;
    aws(&["s3", "sync", "--no-progress", source, "s3://exports"]).await?;
    // The worker is killed after May and before April.
    let kill = json!({"service": "s3", "operation": "GetObject", "caller": "longhaul-worker", "number": 2, "effect": {"kill": "before"}});
    stack.set_faults(json!([kill])).await?;
    let mut client = stack.client("alice").await?;
    let query = json!({"action": "query", "kind": "finops", "query": "What did we spend, total?"});
    let job = client.submit(query).await?;
    let end = client.until_end().await?;
    assert_eq!(end["usage"]["attempts"], 2, "{end}");
    assert_eq!(end["result"]["cost_analysis"]["rows"], 60_000, "{end}");
    let report = stack.fault_report().await?;
    assert_eq!(
        report["rules"][0]["matched"], 3,
        "May was read twice: {report}"
    );
    let events = aws(&["dynamodb", "scan", "--table-name", "longhaul-job-events"]).await?;
    assert!(
        events.contains("read more#"),
        "one step was enough for {job}"
    );
    Ok(())
}
