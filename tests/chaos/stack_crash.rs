//! Kill -9 of the whole stack while jobs are known to be queued and running.

use anyhow::{Context, Result};
use serde_json::json;

use crate::support::stack::Stack;

#[tokio::test]
async fn jobs_queued_and_running_at_a_kill_complete_after_a_restart() -> Result<()> {
    let mut stack = Stack::start(&[
        "--leave-leases",
        "--parameter",
        "LeaseSeconds=10",
        "--parameter",
        "WorkerConcurrency=2",
    ])
    .await?;
    let mut client = stack.client("alice").await?;
    let slow = json!({"action": "query", "kind": "noop", "query": "slow", "params": {"steps": 40, "stepMs": 500}});
    let quick = json!({"action": "query", "kind": "noop", "query": "quick"});
    let mut second_client = stack.client("alice").await?;
    let mut running = vec![];
    for _ in 0..2 {
        let job = client.submit(slow.clone()).await?;
        second_client.until_job_is(&job, "processing").await?;
        running.push(job);
    }
    let mut waiting = vec![];
    for _ in 0..3 {
        waiting.push(client.submit(quick.clone()).await?);
    }
    // Both workers are busy, so the jobs submitted last are waiting.
    for job in &waiting {
        second_client.until_job_is(job, "queued").await?;
    }
    for job in &running {
        second_client.until_job_is(job, "processing").await?;
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
        let catch_up = client
            .request(json!({"action": "subscribe", "jobId": job, "after": 0}))
            .await?;
        let terminal = catch_up["events"]
            .as_array()
            .context("no events")?
            .iter()
            .filter(|event| event["type"] == "job_completed");
        assert_eq!(terminal.count(), 1, "{catch_up}");
    }
    stack.wait_for_empty_queue().await
}
