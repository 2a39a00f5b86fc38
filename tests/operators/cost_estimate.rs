//! `longhaul cost`'s figures, held to the wire: what it assumes of a job is what a job does.

use std::collections::BTreeMap;

use crate::support::stack::{Stack, longhaul, root};
use crate::until;
use anyhow::{Context, Result};
use serde_json::{Value, json};

/// By caller, service and operation: calls, write units, read units.
type Calls = BTreeMap<(String, String, String), (f64, f64, f64)>;

fn add(calls: &mut Calls, call: &Value, count: f64) {
    let text = |name: &str| {
        let text = call[name].as_str().unwrap_or_default();
        text.trim_start_matches("longhaul-").to_owned()
    };
    let key = (text("caller"), text("service"), text("operation"));
    // Polls come by the clock, and empty ones too; a browser's fetch is no caller of ours.
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

fn on_the_wire(log: &str, of: impl Fn(&str) -> bool) -> Result<Calls> {
    let mut calls = Calls::new();
    for line in log.lines().filter(|line| line.ends_with('}')) {
        let call: Value = serde_json::from_str(line)?;
        if of(call["caller"].as_str().unwrap_or_default()) {
            add(&mut calls, &call, 1.0);
        }
    }
    Ok(calls)
}

fn assumed(cost: &Value, of: &str) -> Calls {
    let mut calls = Calls::new();
    for call in cost[of].as_array().into_iter().flatten() {
        add(&mut calls, call, call["calls"].as_f64().unwrap_or(0.0));
    }
    calls
}

async fn cost(options: &[String]) -> Result<Value> {
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let output = longhaul(&[&["cost", "--json"], &options[..]].concat()).await?;
    serde_json::from_slice(&output.stdout).context("no JSON")
}

/// One job, from its frame to the last call that it causes; then what `cost` assumes of such a job.
async fn compared(stack: &Stack, log: &std::path::Path, params: Value) -> Result<()> {
    let mut client = stack.client("alice").await?;
    let begin = std::fs::read_to_string(log)?.len();
    let frame =
        json!({"action": "query", "kind": "noop", "query": "x".repeat(100), "params": params});
    client.send(frame).await?;
    let events = client.until("job_completed").await?;
    let job = events[0]["jobId"].as_str().context("no id")?;
    let of_job = |caller: &str| {
        caller == "longhaul-message" || caller == "longhaul-worker" || caller == "event-source"
    };
    until("the last of its calls", async || {
        let row = stack.row(job).await?;
        let calls = on_the_wire(&std::fs::read_to_string(log)?[begin..], of_job)?;
        let deleted = calls
            .keys()
            .any(|(.., operation)| operation == "DeleteMessageBatch");
        Ok(deleted && row["openShard"].is_null())
    })
    .await?;
    let of = |kind: &'static str| events.iter().filter(move |event| event["type"] == kind);
    let chunks: Vec<usize> = of("chunk")
        .filter_map(|event| Some(event["content"].as_str()?.len()))
        .collect();
    let end = events.last().context("no end")?;
    let reference = end["resultRef"]["bytes"].as_u64();
    let bytes = reference.unwrap_or(end["result"].to_string().len() as u64);
    let mut options = vec![
        format!("--reports={}", of("progress_update").count() - 1),
        format!("--chunks={}", chunks.len()),
        format!("--result-bytes={bytes}"),
        "--seconds=0".to_owned(),
    ];
    if let Some(largest) = chunks.iter().max() {
        options.push(format!("--chunk-bytes={largest}"));
    }
    let mut wire = on_the_wire(&std::fs::read_to_string(log)?[begin..], of_job)?;
    let mut assumed = assumed(&cost(&options).await?, "calls");
    // Reports that come together share a write; `cost` takes each to come alone.
    let row = ["worker", "dynamodb", "UpdateItem"].map(String::from);
    let row = row.into();
    let (calls, units, _) = wire.remove(&row).context("no update")?;
    let (most, most_units, _) = assumed.remove(&row).context("no update assumed")?;
    let shared = most - calls;
    let reports = events
        .iter()
        .filter(|event| event["type"] == "progress_update");
    assert!(
        (0.0..reports.count() as f64).contains(&shared),
        "{params} {calls} of {most}"
    );
    assert_eq!(units, most_units - shared, "{params} {options:?}");
    assert_eq!(assumed, wire, "{params} {options:?}");
    Ok(())
}

#[tokio::test]
async fn what_cost_assumes_of_a_job_is_what_a_job_does() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("wire.log");
    // An hour between two sweeps: what they call is no job's.
    let quiet = [
        "--wire-log",
        log.to_str().context("a path")?,
        "--tick-seconds",
        "3600",
    ];
    let stack = Stack::start(&quiet).await?;
    let standard = json!({"steps": 4, "bytes": 2048});
    let logged = json!({"steps": 2, "bytes": 20_000});
    let stored = json!({"steps": 2, "bytes": 200_000});
    let streamed = json!({"steps": 1, "text": 5000, "bytes": 10});
    let in_pieces = json!({"steps": 5, "stepMs": 330, "text": 60, "bytes": 10});
    for params in [standard, logged, stored, streamed, in_pieces] {
        compared(&stack, &log, params).await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_cost_assumes_of_a_connection_is_what_a_connection_does() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("wire.log");
    let stack = Stack::start(&["--wire-log", log.to_str().context("a path")?]).await?;
    drop(stack.client("alice").await?);
    let of_connection =
        |caller: &str| caller == "longhaul-connection" || caller == "longhaul-authorize";
    until("its end is written", async || {
        let calls = on_the_wire(&std::fs::read_to_string(&log)?, of_connection)?;
        // The last call is the look for subscriptions.
        let queries = calls
            .iter()
            .find(|((.., operation), _)| operation == "Query");
        Ok(queries.is_some_and(|(_, (count, ..))| *count >= 2.0))
    })
    .await?;
    let wire = on_the_wire(&std::fs::read_to_string(&log)?, of_connection)?;
    assert_eq!(assumed(&cost(&[]).await?, "callsOfConnection"), wire);
    Ok(())
}

#[tokio::test]
async fn the_readme_has_the_table_that_the_command_prints() -> Result<()> {
    let printed = String::from_utf8(longhaul(&["cost"]).await?.stdout)?;
    let readme = std::fs::read_to_string(root().join("README.md"))?;
    assert!(
        readme.contains(&printed),
        "paste this into the README:\n{printed}"
    );
    Ok(())
}

#[tokio::test]
async fn the_bill_is_its_lines_and_grows_with_the_mix() -> Result<()> {
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
        let dearer = cost(&[more.to_owned()]).await?;
        assert!(dearer["usd"].as_f64() > one["usd"].as_f64(), "{more}");
    }
    let shared = cost(&["--jobs-per-connection=10".to_owned()]).await?;
    assert!(shared["usd"].as_f64() < one["usd"].as_f64());
    Ok(())
}
