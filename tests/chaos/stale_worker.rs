//! A stale worker: it is suspended past its lease and resumed after another worker has ended its job. Nothing that it then
//! writes or pushes has an effect.

use anyhow::Result;
use longhaul_shared::domain::job::TAIL_BYTES;
use serde_json::json;

use crate::support::faults::SHORT_LEASE;
use crate::support::follower::Follower;
use crate::support::stack::Stack;
use crate::support::wire_log::WireLog;
use crate::support::worker_process::WorkerProcess;

const JOB_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(150);

/// Suspends the only worker in the call that a rule delays, waits until another worker has ended the job, and resumes the
/// first. Each step of the job streams `bytes` bytes.
async fn suspend_worker_at(
    service: &str,
    operation: &str,
    number: u64,
    bytes: usize,
) -> Result<()> {
    let wire_log = WireLog::new()?;
    let stack = Stack::start(&[&SHORT_LEASE[..], &wire_log.options()?].concat()).await?;
    let rule = json!({"caller": "longhaul-worker", "service": service, "operation": operation,
                      "number": number, "effect": {"delayMs": 6000}});
    stack.set_faults(json!([rule])).await?;
    let mut client = stack.client("alice").await?;
    let frame = json!({"action": "query", "kind": "noop", "query": "q",
                       "params": {"steps": 5, "stepMs": 300, "text": bytes}});
    let job = client.submit(frame).await?;
    // Until the call has begun.
    stack.wait_for_first_fault().await?;
    let stale = WorkerProcess::all(&stack);
    assert_eq!(stale.len(), 1, "one job, one worker");
    stale[0].suspend()?;

    let mut follower = Follower::new(&job);
    let end = follower.until_end(&mut client, JOB_TIMEOUT).await?;
    assert_eq!(end["type"], "job_completed", "{end}");
    let ended = stack.settled_job_row(&job).await?;
    assert_eq!(
        ended["attempt"]["N"], "2",
        "another worker claimed it: {ended}"
    );
    let calls_before = wire_log.calls()?.len();

    stale[0].resume()?;
    // The resumed worker works again: it asks the Runtime API for its next job.
    let mut next_jobs = vec![];
    for _ in 0..4 {
        next_jobs.push(
            client
                .submit(json!({"action": "query", "kind": "noop", "query": "q"}))
                .await?,
        );
    }
    for next in next_jobs {
        client.until_job_is(&next, "completed").await?;
    }
    assert_eq!(
        stack.settled_job_row(&job).await?,
        ended,
        "the row has not changed since"
    );
    // What it pushes, if anything, is in the event log already, so no follower's state changes.
    let caught_up = Follower::catch_up(&stack, "alice", &job).await?;
    assert_eq!(
        (caught_up.text(), &caught_up.ends),
        (follower.text(), &follower.ends)
    );
    let lines: Vec<_> = follower
        .text()
        .lines()
        .map(|line| line[..1].to_owned())
        .collect();
    assert_eq!(lines, ["1", "2", "3", "4", "5"]);
    assert!(wire_log.calls()?.len() > calls_before);
    Ok(())
}

#[tokio::test]
async fn a_worker_suspended_between_a_write_and_its_push_has_no_effect() -> Result<()> {
    suspend_worker_at("execute-api", "PostToConnection", 3, 16).await
}

#[tokio::test]
async fn a_worker_suspended_in_a_chunks_write_has_no_effect() -> Result<()> {
    suspend_worker_at("dynamodb", "TransactWriteItems", 2, TAIL_BYTES).await
}

#[tokio::test]
async fn a_worker_suspended_while_moving_chunks_to_the_log_has_no_effect() -> Result<()> {
    suspend_worker_at("dynamodb", "PutItem", 1, TAIL_BYTES / 2).await
}
