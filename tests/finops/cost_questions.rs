//! Cost questions on the sample bill and on a real one, with figures computed independently.

use std::collections::HashMap;

use anyhow::{Context, Result};
use serde_json::json;
use tokio::process::Command;

use crate::support::cli::longhaul;
use crate::support::stack::Stack;

#[tokio::test]
async fn a_finops_query_runs_from_queued_to_its_answer() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut client = stack.client("alice").await?;
    client.send(json!({"action": "finops_query", "query": "What was my S3 spend in May?", "requestId": "r1"})).await?;
    let events = client.until("job_completed").await?;

    let (queued, completed) = (&events[0], &events[events.len() - 1]);
    assert_eq!(
        (&queued["type"], &queued["progress"]),
        (&json!("job_queued"), &json!(5))
    );
    assert_eq!(queued["query"], "What was my S3 spend in May?");
    let between = events[1..events.len() - 1].iter();
    let (steps, updates): (Vec<_>, Vec<_>) = between.partition(|event| event["type"] == "step");
    assert!(!updates.is_empty() && updates.iter().all(|event| event["attempt"] == 1));
    assert!(!steps.is_empty() && steps.iter().all(|step| step["state"] == "saved"));
    let numbers = |name: &str| -> Vec<u64> {
        events
            .iter()
            .filter_map(|event| event[name].as_u64())
            .collect()
    };
    assert_eq!(
        numbers("seq"),
        (1..=events.len() as u64).collect::<Vec<u64>>()
    );
    assert!(numbers("progress").is_sorted());
    for event in &events {
        assert_eq!(
            (&event["requestId"], &event["jobId"]),
            (&json!("r1"), &queued["jobId"])
        );
        assert!(event["timestamp"].is_i64());
    }

    let result = &completed["result"];
    assert_eq!(
        (&result["agent"], &result["query"]),
        (&json!("finops"), &queued["query"])
    );
    assert!(result["optimization_recommendations"].is_array());
    assert_eq!(completed["usage"]["attempts"], 1);
    let spend = s3_in_may().await?;
    assert_eq!(
        parse_units(
            result["cost_analysis"]["total"]
                .as_str()
                .context("no total")?
        ),
        spend
    );
    let cents = (spend + 5_000_000_000) / 10_000_000_000;
    let amount_text = format!("{}.{:02}", thousands(cents / 100), cents % 100);
    let response = result["response"].as_str().context("no response")?;
    assert!(
        response.contains(&amount_text),
        "{amount_text} is not in: {response}"
    );
    assert!(
        response.contains("sample"),
        "it does not mention that the bill is a sample: {response}"
    );
    Ok(())
}

#[tokio::test]
async fn ask_prints_the_answer_and_follows_an_earlier_job() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let data = stack.data_path()?;
    let output = longhaul(&["ask", "What was my S3 spend in May?", "--data", data]).await?;
    let answer = String::from_utf8(output.stdout)?;
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        answer.contains("S3") || answer.contains("Simple Storage"),
        "{answer}"
    );

    let mut client = stack.client("developer").await?;
    let job = client.request(json!({"action": "listJobs"})).await?["jobs"][0]["jobId"]
        .as_str()
        .context("no job")?
        .to_owned();
    let followed = longhaul(&["ask", "--follow", &job, "--data", data]).await?;
    assert_eq!(
        (followed.status.code(), String::from_utf8(followed.stdout)?),
        (Some(0), answer)
    );
    Ok(())
}

#[tokio::test]
async fn ask_starts_a_stack_itself_and_a_failed_job_exits_with_1() -> Result<()> {
    let data = tempfile::tempdir()?;
    let data = data.path().to_str().context("a path")?;
    let output = longhaul(&[
        "ask",
        "anything",
        "--kind",
        "noop",
        "--params",
        r#"{"bytes":3}"#,
        "--data",
        data,
    ])
    .await?;
    assert_eq!(
        (
            output.status.code(),
            String::from_utf8(output.stdout)?.trim()
        ),
        (Some(0), "xxx")
    );
    let failed = longhaul(&[
        "ask",
        "anything",
        "--kind",
        "noop",
        "--params",
        r#"{"steps":"many"}"#,
        "--data",
        data,
    ])
    .await?;
    let stderr = String::from_utf8(failed.stderr)?;
    assert_eq!(failed.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("BAD_PARAMS"), "{stderr}");
    Ok(())
}

/// The sample's S3 spend in May, in units of 10^-12, summed here from the bill's text.
async fn s3_in_may() -> Result<i128> {
    let bill = String::from_utf8(longhaul(&["bill"]).await?.stdout)?;
    let mut lines = bill.lines();
    let columns = fields(lines.next().context("no header")?);
    let column = |name: &str| {
        columns
            .iter()
            .position(|column| column == name)
            .with_context(|| format!("no column {name}"))
    };
    let (cost, service, start) = (
        column("BilledCost")?,
        column("ServiceName")?,
        column("ChargePeriodStart")?,
    );
    let rows = lines.map(fields).filter(|row| {
        row[service] == "Amazon Simple Storage Service" && &row[start][4..8] == "-05-"
    });
    Ok(rows.map(|row| parse_units(&row[cost])).sum())
}

/// The fields of a line of CSV.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            letter => fields.last_mut().expect("there is always one").push(letter),
        }
    }
    fields
}

/// A decimal in units of 10^-12. A minus sign is kept.
fn parse_units(decimal: &str) -> i128 {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    format!("{whole}{fraction:0<12}")
        .parse()
        .unwrap_or_else(|_| panic!("{decimal} is not a plain decimal"))
}

fn thousands(number: i128) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).expect("digits"))
        .collect();
    groups.join(",")
}

#[tokio::test]
async fn the_real_bill_gives_the_same_sums_as_an_independent_script() -> Result<()> {
    let bill = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/data/focus_sample.csv"
    );
    if !std::path::Path::new(bill).exists() {
        eprintln!("skipped: {bill} is not on this machine");
        return Ok(());
    }
    let stack = Stack::start(&["--bill", bill]).await?;
    let mut client = stack.client("alice").await?;
    client
        .send(json!({"action": "finops_query", "query": "BilledCost by service in September 2024"}))
        .await?;
    let events = client.until("job_completed").await?;
    let analysis = &events[events.len() - 1]["result"]["cost_analysis"];
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/check-bill");
    let checked = Command::new("python3")
        .args([script, bill, "2024-09"])
        .output()
        .await?;
    let (total, services) = parse_check_bill(&String::from_utf8(checked.stdout)?)?;
    let groups = analysis["groups"].as_array().context("no groups")?;
    for group in groups {
        let (key, amount) = (
            group["key"].as_str().context("no key")?,
            group["amount"].as_str().context("no amount")?,
        );
        assert_eq!(Some(&parse_units(amount)), services.get(key), "{key}");
    }
    assert_eq!(
        groups.len(),
        services.len(),
        "every service of the bill is in the answer"
    );
    assert_eq!(
        parse_units(analysis["total"].as_str().context("no total")?),
        total
    );
    Ok(())
}

/// The total and the amount by service from the output of `scripts/check-bill`.
fn parse_check_bill(printed: &str) -> Result<(i128, HashMap<String, i128>)> {
    let mut lines = printed.lines();
    let total = lines
        .next()
        .and_then(|line| line.rsplit(' ').next())
        .context("nothing was printed")?;
    let service = |line: &str| {
        line.trim()
            .split_once("  ")
            .map(|(amount, name)| (name.to_owned(), parse_units(amount)))
    };
    Ok((parse_units(total), lines.filter_map(service).collect()))
}
