//! Fairness: other users' single jobs do not wait for the end of one user's flood.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::stack::Stack;

const FLOOD: usize = 80;
/// The number of jobs that run at once.
const WORKERS: usize = 2;

fn job() -> Value {
    json!({"action": "query", "kind": "noop", "query": "q", "params": {"steps": 1, "stepMs": 500}})
}

/// The next `job_completed` of this client.
async fn wait_for_end(client: &mut Client) -> Result<Value> {
    Ok(client
        .until("job_completed")
        .await?
        .pop()
        .unwrap_or_default())
}

#[tokio::test]
async fn one_users_flood_does_not_delay_other_users() -> Result<()> {
    let stack = Stack::start(&[
        "--parameter",
        "OpenJobs=0",
        "--parameter",
        "SubmitsPerSecond=0",
        "--parameter",
        &format!("WorkerConcurrency={WORKERS}"),
    ])
    .await?;
    let mut others = vec![];
    for user in ["ann", "bea", "cleo", "dora"] {
        others.push(stack.client(user).await?);
    }
    let mut flooding_user = stack.client("greedy").await?;
    for _ in 0..FLOOD {
        flooding_user.send(job()).await?;
    }
    let (mut queued, mut ended_before) = (0, 0);
    while queued < FLOOD {
        let frame = flooding_user.next().await?;
        queued += usize::from(frame["type"] == "job_queued");
        ended_before += usize::from(frame["type"] == "job_completed");
    }
    ensure!(
        ended_before < FLOOD / 4,
        "there is no flood: {ended_before} jobs have ended"
    );
    for client in &mut others {
        client.send(job()).await?;
    }
    let mut last = 0;
    for client in &mut others {
        let end = wait_for_end(client).await?;
        last = last.max(end["timestamp"].as_u64().context("a time")?);
    }
    // By the events' times, in seconds: how many jobs of the flood had ended when the others' last one did.
    let mut ended_by_then = ended_before;
    for _ in ended_before..FLOOD {
        let end = wait_for_end(&mut flooding_user).await?;
        ended_by_then += usize::from(end["timestamp"].as_u64() <= Some(last));
    }
    let limit = FLOOD / 2;
    ensure!(
        ended_by_then < limit,
        "{ended_by_then} jobs of the flood ended before the others' last of {}, on {WORKERS} workers",
        others.len()
    );
    Ok(())
}
