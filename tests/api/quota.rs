//! What one user may ask for: so many submits a second, so many open jobs, across all connections.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::PATIENCE;
use crate::support::client::Client;
use crate::support::stack::{Stack, token};
use crate::until;

const SLOW: &str = r#"{"steps":1000,"stepMs":1000}"#;

fn job(params: &str) -> Value {
    let params: Value = serde_json::from_str(params).expect("JSON");
    json!({"action": "query", "kind": "noop", "query": "work", "params": params})
}

/// The first answer to a submit: an event of the job, or an error.
async fn submit(client: &mut Client, frame: Value) -> Result<Value> {
    client.send(frame).await?;
    loop {
        let frame = client.next().await?;
        if ["job_queued", "subscribed", "error"]
            .iter()
            .any(|kind| frame["type"] == *kind)
            || frame["type"].is_null()
        {
            return Ok(frame);
        }
    }
}

fn is_refused(answer: &Value) -> bool {
    let is_honest = answer["retryAfter"]
        .as_u64()
        .is_some_and(|seconds| seconds >= 1);
    answer["data"]["code"] == "RATE_LIMIT_EXCEEDED" && is_honest
}

/// Submits until it is taken, waiting each time as long as it is told to.
async fn until_taken(client: &mut Client, frame: Value) -> Result<()> {
    let taken = async {
        loop {
            let answer = submit(client, frame.clone()).await?;
            if answer["type"] == "job_queued" {
                return Ok(());
            }
            ensure!(is_refused(&answer), "{answer}");
            let wait = answer["retryAfter"].as_u64().context("no retryAfter")?;
            tokio::time::sleep(Duration::from_secs(wait)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, taken).await;
    waited.context("no submit was taken")?
}

#[tokio::test]
async fn a_user_submits_so_fast_and_no_faster_over_all_connections() -> Result<()> {
    let limits = ["SubmitsPerSecond=1", "SubmitsAtOnce=1", "OpenJobs=0"];
    let options: Vec<&str> = limits
        .iter()
        .flat_map(|each| ["--parameter", each])
        .collect();
    let stack = Stack::start(&options).await?;
    let (mut one, mut two) = (stack.client("alice").await?, stack.client("alice").await?);
    let mut refused = 0;
    for _ in 0..20 {
        one.send(job("{}")).await?;
        two.send(job("{}")).await?;
    }
    for client in [&mut one, &mut two] {
        let mut answers = 0;
        while answers < 20 {
            let frame = client.next().await?;
            answers += i32::from(frame["type"] == "job_queued" || frame["type"] == "error");
            refused += i32::from(is_refused(&frame));
        }
    }
    // Forty submits at one a second: no machine is so slow that all were in time.
    assert!(refused > 0);
    let mut bob = stack.client("bob").await?;
    assert_eq!(
        submit(&mut bob, job("{}")).await?["type"],
        "job_queued",
        "each has a bucket of their own"
    );
    until_taken(&mut one, job("{}")).await
}

#[tokio::test]
async fn a_user_has_so_many_open_jobs_and_no_more() -> Result<()> {
    let stack = Stack::start(&[
        "--parameter",
        "OpenJobs=2",
        "--parameter",
        "SubmitsPerSecond=0",
    ])
    .await?;
    let (mut one, mut two) = (stack.client("alice").await?, stack.client("alice").await?);
    let mut keyed = job(SLOW);
    keyed["idempotencyKey"] = json!("k");
    let first = submit(&mut one, job(SLOW)).await?["jobId"].clone();
    let second = submit(&mut two, keyed.clone()).await?["jobId"].clone();
    for client in [&mut one, &mut two] {
        let answer = submit(client, job(SLOW)).await?;
        assert!(is_refused(&answer), "{answer}");
        // What exists already is no more work, however often it is asked for.
        for _ in 0..3 {
            let answer = submit(client, keyed.clone()).await?;
            assert_eq!(
                (&answer["type"], &answer["jobId"]),
                (&json!("subscribed"), &second)
            );
        }
    }
    let mut bob = stack.client("bob").await?;
    assert_eq!(submit(&mut bob, job("{}")).await?["type"], "job_queued");

    // Who ends one has room for one more, and no write at the job's end had to say so.
    one.send(json!({"action": "cancel", "jobId": first}))
        .await?;
    one.until("job_cancelled").await?;
    assert_eq!(submit(&mut one, job(SLOW)).await?["type"], "job_queued");
    assert!(is_refused(&submit(&mut one, job(SLOW)).await?));
    // An ended job is told of again too, while there is no room.
    one.send(json!({"action": "cancel", "jobId": second}))
        .await?;
    one.until("job_cancelled").await?;
    assert_eq!(submit(&mut one, job(SLOW)).await?["type"], "job_queued");
    assert_eq!(submit(&mut one, keyed).await?["jobId"], second);
    Ok(())
}

#[tokio::test]
async fn a_crash_between_the_count_and_the_job_costs_no_room_for_ever() -> Result<()> {
    let stack = Stack::start(&[
        "--parameter",
        "OpenJobs=1",
        "--parameter",
        "SubmitsPerSecond=0",
    ])
    .await?;
    let kill = json!({"seed": 1, "rules": [{"service": "dynamodb", "operation": "UpdateItem", "caller": "longhaul-message", "number": 1, "effect": {"kill": "after"}}]});
    let (status, told) = stack.faults("POST", "", &kill.to_string()).await?;
    assert_eq!(status, 200, "{told}");
    let mut client = stack.client("alice").await?;
    let answer = submit(&mut client, job("{}")).await?;
    assert!(
        answer["message"].is_string(),
        "the function was killed: {answer}"
    );
    let answer = submit(&mut client, job("{}")).await?;
    assert!(
        is_refused(&answer),
        "the submit may be under way still: {answer}"
    );
    until_taken(&mut client, job("{}")).await?;
    client.until("job_completed").await?;
    let ended = client.ask(json!({"action": "listJobs"})).await?;
    assert_eq!(ended["jobs"].as_array().context("no jobs")?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_user_has_so_many_connections_and_no_more() -> Result<()> {
    let stack = Stack::start(&["--parameter", "ConnectionsPerUser=2"]).await?;
    let (one, mut two) = (stack.client("alice").await?, stack.client("alice").await?);
    let third = stack.client("alice").await.err().context("a third")?;
    assert!(third.to_string().contains("429"), "{third}");
    let mut late = Client::connect(&stack.gateway, None).await?;
    let authenticate = json!({"action": "authenticate", "token": token("alice")});
    let answer = late.ask(authenticate.clone()).await?;
    assert!(is_refused(&answer), "{answer}");
    // Who is counted may say so again; others have room of their own.
    assert_eq!(
        two.ask(authenticate.clone()).await?["type"],
        "authenticated"
    );
    stack.client("bob").await?;
    // Who leaves makes room, at no write of its own.
    drop(one);
    until("there is room", async || {
        let mut late = Client::connect(&stack.gateway, None).await?;
        Ok(late.ask(authenticate.clone()).await?["type"] == "authenticated")
    })
    .await
}
