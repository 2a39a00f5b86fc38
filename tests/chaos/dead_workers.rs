//! Workers whose host knows that they are dead: their jobs go on at once, without waiting for their leases. All leases
//! here are longer than any test may take.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::stack::Stack;
use crate::support::wait::wait_until;
use crate::support::worker_process::WorkerProcess;

const LONG_LEASE: [&str; 2] = ["--parameter", "LeaseSeconds=900"];

/// Parameters of a job that takes some seconds.
fn seconds() -> Value {
    json!({"steps": 20, "stepMs": 200, "keep": true})
}

/// Submits a job with these parameters, and returns its id once a worker has claimed it.
async fn start_job(client: &mut Client, observer: &mut Client, params: Value) -> Result<String> {
    let query = json!({"action": "query", "kind": "noop", "query": "slow", "params": params});
    let job = client.submit(query).await?;
    observer.until_job_is(&job, "processing").await?;
    Ok(job)
}

/// The attempts that the job needed, once it has completed.
async fn attempts(client: &mut Client, job: &str) -> Result<u64> {
    let ended = client.until_job_is(job, "completed").await?;
    ended["attempt"].as_u64().context("no attempt")
}

#[tokio::test]
async fn a_killed_workers_job_goes_on_at_once() -> Result<()> {
    let stack = Stack::start(&LONG_LEASE).await?;
    let (mut client, mut observer) = (stack.client("alice").await?, stack.client("alice").await?);
    let job = start_job(&mut client, &mut observer, seconds()).await?;
    let workers = WorkerProcess::all(&stack);
    assert!(!workers.is_empty());
    workers.into_iter().for_each(WorkerProcess::kill);
    assert_eq!(attempts(&mut observer, &job).await?, 2);
    let events = client.until("job_completed").await?;
    let ends = events
        .iter()
        .filter(|event| event["type"] == "job_completed");
    assert_eq!(ends.count(), 1, "{events:?}");
    Ok(())
}

#[tokio::test]
async fn a_killed_stacks_job_goes_on_when_it_starts_again() -> Result<()> {
    let mut stack = Stack::start(&LONG_LEASE).await?;
    let (mut client, mut observer) = (stack.client("alice").await?, stack.client("alice").await?);
    let job = start_job(&mut client, &mut observer, seconds()).await?;
    stack.kill().await?;
    stack.restart().await?;
    let mut client = stack.client("alice").await?;
    assert_eq!(attempts(&mut client, &job).await?, 2);
    Ok(())
}

#[tokio::test]
async fn a_stopped_stack_hands_its_jobs_over_without_an_attempt() -> Result<()> {
    let mut stack = Stack::start(&LONG_LEASE).await?;
    let (mut client, mut observer) = (stack.client("alice").await?, stack.client("alice").await?);
    let job = start_job(&mut client, &mut observer, seconds()).await?;
    stack.terminate().await?;
    stack.restart().await?;
    let mut client = stack.client("alice").await?;
    assert_eq!(attempts(&mut client, &job).await?, 1);
    Ok(())
}

#[tokio::test]
async fn duplicates_of_a_running_job_are_deleted() -> Result<()> {
    let stack = Stack::start(&LONG_LEASE).await?;
    let (mut client, mut observer) = (stack.client("alice").await?, stack.client("alice").await?);
    let params = json!({"steps": 300, "stepMs": 200});
    let job = start_job(&mut client, &mut observer, params).await?;
    let message = json!({"v": 1, "job": job});
    for _ in 0..5 {
        stack.send_delayed("longhaul-jobs", &message, 0).await?;
    }
    wait_until("only the holder's message is left", async || {
        Ok(stack.message_count("longhaul-jobs").await? == 1)
    })
    .await?;
    observer
        .request(json!({"action": "cancel", "jobId": job}))
        .await?;
    let cancelled = observer.until_job_is(&job, "cancelled").await?;
    assert_eq!(cancelled["attempt"], 1, "{cancelled}");
    stack.wait_for_empty_queue().await
}
