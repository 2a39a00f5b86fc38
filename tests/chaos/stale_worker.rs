//! A worker that is stopped past its lease and wakes when another has ended its job: nothing that it
//! then writes or says is accepted.

use crate::support::follower::Follower;
use crate::support::stack::Stack;
use crate::support::worker_process::Worker;
use crate::until;
use anyhow::{Context, Result};
use longhaul_shared::job::TAIL_BYTES;
use serde_json::{Value, json};

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(150);

/// Stops the only worker at the first call that the rule delays, lets another take and end the job,
/// and wakes the first. Each step of the job streams so many bytes.
async fn survives(service: &str, operation: &str, number: u64, text: usize) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("wire.log");
    let log = log.to_str().context("a path")?;
    let stack = Stack::start(&["--parameter", "LeaseSeconds=2", "--wire-log", log]).await?;
    let rule = json!({"caller": "longhaul-worker", "service": service, "operation": operation,
                      "number": number, "effect": {"delayMs": 6000}});
    stack.set_faults(json!([rule])).await?;
    let mut client = stack.client("alice").await?;
    let frame = json!({"action": "query", "kind": "noop", "query": "q",
                       "params": {"steps": 5, "stepMs": 300, "text": text}});
    let job = client.submit(frame).await?;
    until("the call is under way", async || {
        let (_, report) = stack.faults("GET", "", "").await?;
        Ok(report["rules"][0]["fired"] == 1)
    })
    .await?;
    let first = Worker::all(&stack);
    assert_eq!(first.len(), 1, "one job, one worker");
    first[0].stop()?;

    let mut follower = Follower::of(&job);
    let end = follower.until_end(&mut client, PATIENCE).await?;
    assert_eq!(end["type"], "job_completed", "{end}");
    let ended = stack.row(&job).await?;
    assert_eq!(
        ended["attempt"]["N"], "2",
        "another worker took it: {ended}"
    );
    let said = calls(log)?;

    first[0].wake()?;
    // It does something: at the least, it asks the Runtime API for its next job, which it gets.
    let mut woken = vec![];
    for _ in 0..4 {
        woken.push(
            client
                .submit(json!({"action": "query", "kind": "noop", "query": "q"}))
                .await?,
        );
    }
    for next in woken {
        client.until_job_is(&next, "completed").await?;
    }
    assert_eq!(stack.row(&job).await?, ended, "nobody has written since");
    // What it pushes, if anything, is in the log already: no follower's state changes.
    let afresh = Follower::afresh(&stack, "alice", &job).await?;
    assert_eq!(
        (afresh.text(), &afresh.ends),
        (follower.text(), &follower.ends)
    );
    let lines: Vec<_> = follower
        .text()
        .lines()
        .map(|line| line[..1].to_owned())
        .collect();
    assert_eq!(lines, ["1", "2", "3", "4", "5"]);
    assert!(calls(log)? > said);
    Ok(())
}

/// Calls on the wire so far.
fn calls(log: &str) -> Result<usize> {
    let lines = std::fs::read_to_string(log)?;
    let call = |line: &&str| serde_json::from_str::<Value>(line).is_ok();
    Ok(lines.lines().filter(call).count())
}

#[tokio::test]
async fn a_worker_that_slept_between_a_write_and_its_push_is_not_heard() -> Result<()> {
    survives("execute-api", "PostToConnection", 3, 16).await
}

#[tokio::test]
async fn a_worker_that_slept_inside_a_chunks_write_is_not_heard() -> Result<()> {
    survives("dynamodb", "TransactWriteItems", 2, TAIL_BYTES).await
}

#[tokio::test]
async fn a_worker_that_slept_while_its_chunks_moved_to_the_log_is_not_heard() -> Result<()> {
    survives("dynamodb", "PutItem", 1, TAIL_BYTES / 2).await
}
