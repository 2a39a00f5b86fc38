//! `longhaul cost` against the wire log: the calls that it assumes are those that a job makes.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::support::cli::{longhaul, repository_root};
use crate::support::stack::Stack;
use crate::support::wait::wait_until;
use crate::support::wire_log::WireLog;

/// Calls, write units and read units by caller, service and operation.
type Calls = BTreeMap<(String, String, String), (f64, f64, f64)>;

fn add(calls: &mut Calls, call: &Value, count: f64) {
    let text = |name: &str| {
        let text = call[name].as_str().unwrap_or_default();
        text.trim_start_matches("longhaul-").to_owned()
    };
    let key = (text("caller"), text("service"), text("operation"));
    // Polls depend on time, and a browser's fetches are not the functions'.
    if key.2 == "ReceiveMessage" || ["client", ""].contains(&key.0.as_str()) || key.1 == "lambda" {
        return;
    }
    let number = |name: &str| call[name].as_f64().unwrap_or(0.0);
    let sum = calls.entry(key).or_default();
    *sum = (
        sum.0 + count,
        sum.1 + number("writeUnits"),
        sum.2 + number("readUnits"),
    );
}

fn calls_in_log(log: &[Value], selects: impl Fn(&str) -> bool) -> Calls {
    let mut calls = Calls::new();
    for call in log {
        if selects(call["caller"].as_str().unwrap_or_default()) {
            add(&mut calls, call, 1.0);
        }
    }
    calls
}

fn assumed_calls(cost: &Value, selects: &str) -> Calls {
    let mut calls = Calls::new();
    for call in cost[selects].as_array().into_iter().flatten() {
        add(&mut calls, call, call["calls"].as_f64().unwrap_or(0.0));
    }
    calls
}

async fn cost(options: &[String]) -> Result<Value> {
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let output = longhaul(&[&["cost", "--json"], &options[..]].concat()).await?;
    serde_json::from_slice(&output.stdout).context("no JSON")
}

/// Runs a job until its last call, and compares its calls with those that `cost` assumes for such a job. The user has
/// submitted none before: shortly after another submit the token bucket takes two calls.
async fn compare(stack: &Stack, wire_log: &WireLog, user: &str, params: Value) -> Result<()> {
    let mut client = stack.client(user).await?;
    let begin = wire_log.len()?;
    let frame =
        json!({"action": "query", "kind": "noop", "query": "x".repeat(100), "params": params});
    client.send(frame).await?;
    let events = client.until("job_completed").await?;
    let job = events[0]["jobId"].as_str().context("no id")?;
    let of_job = |caller: &str| {
        caller == "longhaul-message" || caller == "longhaul-worker" || caller == "event-source"
    };
    wait_until("the last of its calls", async || {
        let row = stack.job_row(job).await?;
        let calls = calls_in_log(&wire_log.calls_after(begin)?, of_job);
        let deleted = calls
            .keys()
            .any(|(.., operation)| operation == "DeleteMessageBatch");
        Ok(deleted && row["openShard"].is_null())
    })
    .await?;
    let selects = |kind: &'static str| events.iter().filter(move |event| event["type"] == kind);
    let chunks: Vec<usize> = selects("chunk")
        .filter_map(|event| Some(event["content"].as_str()?.len()))
        .collect();
    let end = events.last().context("no end")?;
    let reference = end["resultRef"]["bytes"].as_u64();
    let bytes = reference.unwrap_or(end["result"].to_string().len() as u64);
    let mut options = vec![
        format!("--reports={}", selects("progress_update").count() - 1),
        format!("--chunks={}", chunks.len()),
        format!("--result-bytes={bytes}"),
        "--seconds=0".to_owned(),
    ];
    if let Some(largest) = chunks.iter().max() {
        options.push(format!("--chunk-bytes={largest}"));
    }
    let mut made = calls_in_log(&wire_log.calls_after(begin)?, of_job);
    let mut assumed_calls = assumed_calls(&cost(&options).await?, "calls");
    // Progress events that arrive together share a write; `cost` assumes a write each.
    let row = ["worker", "dynamodb", "UpdateItem"].map(String::from);
    let row = row.into();
    let (calls, units, _) = made.remove(&row).context("no update")?;
    let (assumed_writes, assumed_units, _) =
        assumed_calls.remove(&row).context("no update assumed")?;
    let shared = assumed_writes - calls;
    let reports = events
        .iter()
        .filter(|event| event["type"] == "progress_update");
    assert!(
        (0.0..reports.count() as f64).contains(&shared),
        "{params} {calls} of {assumed_writes}"
    );
    assert_eq!(units, assumed_units - shared, "{params} {options:?}");
    // So a tail that holds reports and chunks in turn may move to the log once less.
    let moves = ["worker", "dynamodb", "PutItem"].map(String::from).into();
    let (assumed, ..) = assumed_calls.remove(&moves).unwrap_or_default();
    let (moved, ..) = made.remove(&moves).unwrap_or_default();
    let fewer = assumed - moved;
    assert!(
        (0.0..=1.0).contains(&fewer),
        "{params} {moved} of {assumed}"
    );
    assert_eq!(assumed_calls, made, "{params} {options:?}");
    Ok(())
}

#[tokio::test]
async fn cost_assumes_the_calls_that_a_job_makes() -> Result<()> {
    let wire_log = WireLog::new()?;
    // An hour between two sweeps, whose calls belong to no job.
    let options = [wire_log.options()?, ["--tick-seconds", "3600"]].concat();
    let stack = Stack::start(&options).await?;
    let standard = json!({"steps": 4, "bytes": 2048});
    let logged = json!({"steps": 2, "bytes": 20_000});
    let stored = json!({"steps": 2, "bytes": 200_000});
    let streamed = json!({"steps": 1, "text": 5000, "bytes": 10});
    let in_pieces = json!({"steps": 5, "stepMs": 330, "text": 60, "bytes": 10});
    let jobs = [standard, logged, stored, streamed, in_pieces];
    for (user, params) in ["ann", "bob", "cid", "dan", "eve"].iter().zip(jobs) {
        compare(&stack, &wire_log, user, params).await?;
    }
    Ok(())
}

#[tokio::test]
async fn cost_assumes_the_calls_that_a_connection_makes() -> Result<()> {
    let wire_log = WireLog::new()?;
    let stack = Stack::start(&wire_log.options()?).await?;
    drop(stack.client("alice").await?);
    let of_connection =
        |caller: &str| caller == "longhaul-connection" || caller == "longhaul-authorize";
    wait_until("its end is written", async || {
        let calls = calls_in_log(&wire_log.calls()?, of_connection);
        // The last call is the query for subscriptions.
        let queries = calls
            .iter()
            .find(|((.., operation), _)| operation == "Query");
        Ok(queries.is_some_and(|(_, (count, ..))| *count >= 2.0))
    })
    .await?;
    let mut made = calls_in_log(&wire_log.calls()?, of_connection);
    // The secret is read by an instance of the function, once in five minutes, and not by a connection.
    made.retain(|(_, service, _), _| service != "secretsmanager");
    assert_eq!(assumed_calls(&cost(&[]).await?, "callsOfConnection"), made);
    Ok(())
}

#[tokio::test]
async fn the_page_about_costs_has_the_table() -> Result<()> {
    let printed = String::from_utf8(longhaul(&["cost"]).await?.stdout)?;
    let page = std::fs::read_to_string(repository_root().join("docs/costs.md"))?;
    assert!(
        page.contains(&printed),
        "paste this into docs/costs.md:\n{printed}"
    );
    Ok(())
}

#[tokio::test]
async fn the_total_is_the_sum_of_its_lines_and_grows_with_the_workload() -> Result<()> {
    let one = cost(&[]).await?;
    let lines = one["bill"].as_array().context("no bill")?;
    let sum: f64 = lines.iter().filter_map(|line| line["usd"].as_f64()).sum();
    let total = one["usd"].as_f64().context("no total")?;
    assert!((total - sum).abs() < 1e-6, "{total} {sum}");
    for line in lines {
        let number = |name: &str| line[name].as_f64().context("no number");
        let dollars = number("eachJob")? * 1e6 / number("per")? * number("price")?;
        assert!((dollars - number("usd")?).abs() < 1e-6, "{line}");
    }
    for more in [
        "--reports=20",
        "--chunks=50",
        "--result-bytes=500000",
        "--seconds=60",
        "--followers=3",
        "--memory=1024",
        "--jobs=2000000",
    ] {
        let estimate = cost(&[more.to_owned()]).await?;
        assert!(estimate["usd"].as_f64() > one["usd"].as_f64(), "{more}");
    }
    let shared = cost(&["--jobs-per-connection=10".to_owned()]).await?;
    assert!(shared["usd"].as_f64() < one["usd"].as_f64());
    Ok(())
}
