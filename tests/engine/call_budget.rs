//! The budget of AWS calls and write units of a job without failures, counted in the wire log.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::support::stack::Stack;
use crate::support::wire_log::WireLog;

/// By caller, service and operation: calls and write units.
type Counts = BTreeMap<(String, String), (u32, f64)>;

#[tokio::test]
async fn a_standard_job_stays_within_its_call_budget() -> Result<()> {
    let wire_log = WireLog::new()?;
    let stack = Stack::start(&wire_log.options()?).await?;
    let mut client = stack.client("alice").await?;
    let frame = json!({"action": "query", "kind": "noop", "query": "x".repeat(100), "params": {"steps": 4, "bytes": 2048}});
    client.send(frame).await?;
    let events = client.until("job_completed").await?;
    assert_eq!(events.len(), 7);

    // The last call removes the job from the index of open jobs, after the terminal event was pushed.
    let job = events[0]["jobId"].as_str().context("no id")?;
    stack.settled_job_row(job).await?;
    let counts = counts_of(&wire_log.calls()?);
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
        "the user's quota, the row, the push, the queue; the identity comes with the event, without a call"
    );
    // Pushed: "Started", four progress events and the end. One change of the visibility timeout.
    let mut work = calls("longhaul-worker");
    let updates_made = work.remove("dynamodb UpdateItem");
    let rest = BTreeMap::from([
        ("execute-api PostToConnection", 6),
        ("sqs ChangeMessageVisibility", 1),
    ]);
    assert_eq!(work, rest);
    // The claim, the end and the removal from the index. Progress events that arrive together share a write, and the
    // last may share the end's.
    assert!(matches!(updates_made, Some(3..=5)), "{updates_made:?}");

    let (_, put) = counts[&key("longhaul-message", "dynamodb PutItem")];
    assert!(put <= 3.0, "a row under 1 KB and two index entries: {put}");
    let (_, token) = counts[&key("longhaul-message", "dynamodb UpdateItem")];
    assert!(
        token <= 1.0,
        "a user's row under 1 KB and in no index: {token}"
    );
    let (_, updates) = counts[&key("longhaul-worker", "dynamodb UpdateItem")];
    // Five writes of 1 unit while the row is under 1 KB; the end and the removal from the index with 2 KB of result,
    // 3 units each; and the index entry that is deleted.
    assert!(updates <= 5.0 + 3.0 + 3.0 + 1.0, "{updates}");
    Ok(())
}

fn key(caller: &str, call: &str) -> (String, String) {
    (caller.to_owned(), call.to_owned())
}

fn counts_of(calls: &[Value]) -> Counts {
    let mut counts = Counts::new();
    for call in calls {
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
    counts
}
