//! AWS calls and write units per job, counted on the wire: the budget of the happy path.

use std::collections::BTreeMap;

use crate::support::stack::Stack;
use crate::until;
use anyhow::{Context, Result};
use serde_json::{Value, json};

/// By caller, service and operation: calls and write units.
type Counts = BTreeMap<(String, String), (u32, f64)>;

#[tokio::test]
async fn a_standard_job_costs_what_the_budget_says() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("wire.log");
    let stack = Stack::start(&["--wire-log", log.to_str().context("a path")?]).await?;
    let mut client = stack.client("alice").await?;
    let frame = json!({"action": "query", "kind": "noop", "query": "x".repeat(100), "params": {"steps": 4, "bytes": 2048}});
    client.send(frame).await?;
    let events = client.until("job_completed").await?;
    assert_eq!(events.len(), 7);

    // The last call closes the job on the index of open ones, after the end was pushed.
    let job = events[0]["jobId"].as_str().context("no id")?;
    until("the closing call", async || {
        Ok(stack.row(job).await?["openShard"].is_null())
    })
    .await?;
    let counts = counted(&std::fs::read_to_string(&log)?)?;
    let calls = |caller: &str| -> BTreeMap<&str, u32> {
        counts
            .iter()
            .filter(|((by, _), _)| by == caller)
            .map(|((_, call), (calls, _))| (call.as_str(), *calls))
            .collect()
    };
    let submit = BTreeMap::from([
        ("dynamodb UpdateItem", 1),
        ("dynamodb PutItem", 1),
        ("execute-api PostToConnection", 1),
        ("sqs SendMessage", 1),
    ]);
    assert_eq!(
        calls("longhaul-message"),
        submit,
        "a token of the user's, the row, the push, the queue; identity comes with the event, at no call"
    );
    // "Started", four reports and the end are pushed; one visibility timeout.
    let mut work = calls("longhaul-worker");
    let written = work.remove("dynamodb UpdateItem");
    let rest = BTreeMap::from([
        ("execute-api PostToConnection", 6),
        ("sqs ChangeMessageVisibility", 1),
    ]);
    assert_eq!(work, rest);
    // The claim, the end and the closing; reports that come together share a write, and the last the end's.
    assert!(matches!(written, Some(3..=5)), "{written:?}");

    let (_, put) = counts[&key("longhaul-message", "dynamodb PutItem")];
    assert!(put <= 3.0, "a row under 1 KB and two index entries: {put}");
    let (_, token) = counts[&key("longhaul-message", "dynamodb UpdateItem")];
    assert!(
        token <= 1.0,
        "a user's row under 1 KB and in no index: {token}"
    );
    let (_, updates) = counts[&key("longhaul-worker", "dynamodb UpdateItem")];
    // Five of 1 unit while the row is under 1 KB; the end and the closing with 2 KB of result, 3 units
    // each; and the entry that leaves the index.
    assert!(updates <= 5.0 + 3.0 + 3.0 + 1.0, "{updates}");
    Ok(())
}

fn key(caller: &str, call: &str) -> (String, String) {
    (caller.to_owned(), call.to_owned())
}

fn counted(log: &str) -> Result<Counts> {
    let mut counts = Counts::new();
    // The last line may still be on its way.
    for line in log.lines().filter(|line| line.ends_with('}')) {
        let call: Value = serde_json::from_str(line)?;
        let text = |name: &str| call[name].as_str().unwrap_or_default();
        let count = counts
            .entry(key(
                text("caller"),
                &format!("{} {}", text("service"), text("operation")),
            ))
            .or_default();
        count.0 += 1;
        count.1 += call["writeUnits"].as_f64().unwrap_or(0.0);
    }
    Ok(counts)
}
