//! Kill -9 of the whole stack while jobs are provably queued and provably running.

use crate::support::stack::Stack;
use crate::until;
use anyhow::{Context, Result};
use serde_json::json;

#[tokio::test]
async fn jobs_killed_while_queued_and_running_complete_after_a_restart() -> Result<()> {
    let mut stack = Stack::start(&[
        "--parameter",
        "LeaseSeconds=10",
        "--parameter",
        "WorkerConcurrency=2",
    ])
    .await?;
    let mut client = stack.client("alice").await?;
    let slow = json!({"action": "query", "kind": "noop", "query": "slow", "params": {"steps": 40, "stepMs": 500}});
    let quick = json!({"action": "query", "kind": "noop", "query": "quick"});
    let mut watcher = stack.client("alice").await?;
    let mut running = vec![];
    for _ in 0..2 {
        let job = client.submit(slow.clone()).await?;
        watcher.until_job_is(&job, "processing").await?;
        running.push(job);
    }
    let mut waiting = vec![];
    for _ in 0..3 {
        waiting.push(client.submit(quick.clone()).await?);
    }
    // Both workers are taken, so what was submitted last can only be waiting.
    for job in &waiting {
        watcher.until_job_is(job, "queued").await?;
    }
    for job in &running {
        watcher.until_job_is(job, "processing").await?;
    }

    stack.kill().await?;
    stack.restart().await?;

    let mut client = stack.client("alice").await?;
    for job in running.iter().chain(&waiting) {
        let ended = client.until_job_is(job, "completed").await?;
        let attempt = ended["attempt"].as_u64().context("no attempt")?;
        assert!(
            if running.contains(job) {
                attempt >= 2
            } else {
                attempt == 1
            },
            "{ended}"
        );
        let replay = client
            .ask(json!({"action": "subscribe", "jobId": job, "after": 0}))
            .await?;
        let terminal = replay["events"]
            .as_array()
            .context("no events")?
            .iter()
            .filter(|event| event["type"] == "job_completed");
        assert_eq!(terminal.count(), 1, "{replay}");
    }
    queue_is_empty(&stack).await
}

/// Waits until nothing is on the queue or in flight: a record's delete follows its job's end by a moment.
pub async fn queue_is_empty(stack: &Stack) -> Result<()> {
    until("nothing is on the queue or in flight", async || {
        Ok(stack.messages("longhaul-jobs").await? == 0)
    })
    .await
}
