//! One user's flood beside the single jobs of others: nobody waits for the whole of it.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::stack::Stack;

const FLOOD: usize = 80;
/// Jobs that run at once.
const WORKERS: usize = 2;

fn job() -> Value {
    json!({"action": "query", "kind": "noop", "query": "q", "params": {"steps": 1, "stepMs": 500}})
}

/// The user's next end, by the other frames.
async fn ended(client: &mut Client) -> Result<Value> {
    Ok(client
        .until("job_completed")
        .await?
        .pop()
        .unwrap_or_default())
}

#[tokio::test]
async fn a_flood_of_one_user_does_not_hold_up_the_others() -> Result<()> {
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
    let mut greedy = stack.client("greedy").await?;
    for _ in 0..FLOOD {
        greedy.send(job()).await?;
    }
    let (mut queued, mut ended_before) = (0, 0);
    while queued < FLOOD {
        let frame = greedy.next().await?;
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
        let end = ended(client).await?;
        last = last.max(end["timestamp"].as_u64().context("a time")?);
    }
    // By the events' own times, in seconds: of the flood there ended as many meanwhile as ran beside the others.
    let mut before = ended_before;
    for _ in ended_before..FLOOD {
        let end = ended(&mut greedy).await?;
        before += usize::from(end["timestamp"].as_u64() <= Some(last));
    }
    let most = FLOOD / 2;
    ensure!(
        before < most,
        "{before} jobs of the flood ended before the others' last of {}, on {WORKERS} workers",
        others.len()
    );
    Ok(())
}
