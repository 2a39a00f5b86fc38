//! Kill -9 of the whole stack while jobs are provably queued and provably running.

use crate::stack::Stack;
use anyhow::{Context, Result};
use serde_json::json;

#[tokio::test]
async fn jobs_killed_while_queued_and_running_complete_after_a_restart() -> Result<()> {
    let mut stack = Stack::start(&[
        "--parameter",
        "LeaseSeconds=3",
        "--parameter",
        "WorkerConcurrency=2",
    ])
    .await?;
    let mut client = stack.client("alice").await?;
    let slow = json!({"action": "query", "kind": "noop", "query": "slow", "params": {"steps": 10, "stepMs": 1000}});
    let quick = json!({"action": "query", "kind": "noop", "query": "quick"});
    let mut watcher = stack.client("alice").await?;
    let mut running = vec![];
    for _ in 0..2 {
        client.send(slow.clone()).await?;
        let queued = client
            .until("job_queued")
            .await?
            .pop()
            .context("no answer")?;
        let job = queued["jobId"].as_str().context("no jobId")?.to_owned();
        watcher.until_job_is(&job, "processing").await?;
        running.push(job);
    }
    let mut waiting = vec![];
    for _ in 0..3 {
        client.send(quick.clone()).await?;
        let queued = client
            .until("job_queued")
            .await?
            .pop()
            .context("no answer")?;
        waiting.push(queued["jobId"].as_str().context("no jobId")?.to_owned());
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
        let attempts = if running.contains(job) { 2 } else { 1 };
        assert_eq!(ended["attempt"], attempts, "{ended}");
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
    let queue = queue_counts(&stack).await?;
    assert_eq!(
        queue,
        ("0".to_owned(), "0".to_owned()),
        "nothing is left on the queue or in flight"
    );
    Ok(())
}

/// Messages that wait and that are in flight, once none is in flight.
pub async fn queue_counts(stack: &Stack) -> Result<(String, String)> {
    let url = stack
        .aws(&["sqs", "get-queue-url", "--queue-name", "longhaul-jobs"])
        .await?;
    let url = url["QueueUrl"].as_str().context("no queue url")?.to_owned();
    // A record's delete follows its job's end by a moment.
    loop {
        let answer = stack
            .aws(&[
                "sqs",
                "get-queue-attributes",
                "--queue-url",
                &url,
                "--attribute-names",
                "All",
            ])
            .await?;
        let count = |name: &str| {
            answer["Attributes"][name]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let counts = (
            count("ApproximateNumberOfMessages"),
            count("ApproximateNumberOfMessagesNotVisible"),
        );
        if counts.1 == "0" {
            return Ok(counts);
        }
    }
}
