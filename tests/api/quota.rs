//! A user's limits, across all connections: submits per second, open jobs, connections.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::stack::Stack;
use crate::support::tokens::token;
use crate::support::wait::{MAX_WAIT, wait_until};

const SLOW_PARAMS: &str = r#"{"steps":1000,"stepMs":1000}"#;

fn job(params: &str) -> Value {
    let params: Value = serde_json::from_str(params).expect("JSON");
    json!({"action": "query", "kind": "noop", "query": "work", "params": params})
}

/// Submits; returns the first event of the job, or the error.
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

fn is_rate_limited(answer: &Value) -> bool {
    let has_retry_after = answer["retryAfter"]
        .as_u64()
        .is_some_and(|seconds| seconds >= 1);
    answer["data"]["code"] == "RATE_LIMIT_EXCEEDED" && has_retry_after
}

/// Submits until the job is accepted, and waits for `retryAfter` each time.
async fn submit_until_accepted(client: &mut Client, frame: Value) -> Result<()> {
    let accepted = async {
        loop {
            let answer = submit(client, frame.clone()).await?;
            if answer["type"] == "job_queued" {
                return Ok(());
            }
            ensure!(is_rate_limited(&answer), "{answer}");
            let wait = answer["retryAfter"].as_u64().context("no retryAfter")?;
            tokio::time::sleep(Duration::from_secs(wait)).await;
        }
    };
    let waited = tokio::time::timeout(MAX_WAIT, accepted).await;
    waited.context("no submit was accepted")?
}

#[tokio::test]
async fn the_submit_rate_is_limited_across_connections() -> Result<()> {
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
            refused += i32::from(is_rate_limited(&frame));
        }
    }
    // Forty submits at one a second: even a slow machine exceeds the rate.
    assert!(refused > 0);
    let mut bob = stack.client("bob").await?;
    assert_eq!(
        submit(&mut bob, job("{}")).await?["type"],
        "job_queued",
        "each user has their own bucket"
    );
    submit_until_accepted(&mut one, job("{}")).await
}

#[tokio::test]
async fn open_jobs_are_limited_across_connections() -> Result<()> {
    let stack = Stack::start(&[
        "--parameter",
        "OpenJobs=2",
        "--parameter",
        "SubmitsPerSecond=0",
    ])
    .await?;
    let (mut one, mut two) = (stack.client("alice").await?, stack.client("alice").await?);
    let mut keyed = job(SLOW_PARAMS);
    keyed["idempotencyKey"] = json!("k");
    let first = submit(&mut one, job(SLOW_PARAMS)).await?["jobId"].clone();
    let second = submit(&mut two, keyed.clone()).await?["jobId"].clone();
    for client in [&mut one, &mut two] {
        let answer = submit(client, job(SLOW_PARAMS)).await?;
        assert!(is_rate_limited(&answer), "{answer}");
        // A repeated submit of an existing job does not count.
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

    // A cancelled job makes room, without a write to the user's row.
    one.send(json!({"action": "cancel", "jobId": first}))
        .await?;
    one.until("job_cancelled").await?;
    assert_eq!(
        submit(&mut one, job(SLOW_PARAMS)).await?["type"],
        "job_queued"
    );
    assert!(is_rate_limited(&submit(&mut one, job(SLOW_PARAMS)).await?));
    // A repeated submit of an ended job is answered too.
    one.send(json!({"action": "cancel", "jobId": second}))
        .await?;
    one.until("job_cancelled").await?;
    assert_eq!(
        submit(&mut one, job(SLOW_PARAMS)).await?["type"],
        "job_queued"
    );
    assert_eq!(submit(&mut one, keyed).await?["jobId"], second);
    Ok(())
}

#[tokio::test]
async fn a_crash_between_the_quota_and_the_job_does_not_use_up_quota() -> Result<()> {
    let stack = Stack::start(&[
        "--parameter",
        "OpenJobs=1",
        "--parameter",
        "SubmitsPerSecond=0",
    ])
    .await?;
    let kill = json!({"seed": 1, "rules": [{"service": "dynamodb", "operation": "UpdateItem", "caller": "longhaul-message", "number": 1, "effect": {"kill": "after"}}]});
    stack.set_fault_plan(kill).await?;
    let mut client = stack.client("alice").await?;
    let answer = submit(&mut client, job("{}")).await?;
    assert!(
        answer["message"].is_string(),
        "the function was killed: {answer}"
    );
    let answer = submit(&mut client, job("{}")).await?;
    assert!(
        is_rate_limited(&answer),
        "the submit may be under way still: {answer}"
    );
    submit_until_accepted(&mut client, job("{}")).await?;
    client.until("job_completed").await?;
    let ended = client.request(json!({"action": "listJobs"})).await?;
    assert_eq!(ended["jobs"].as_array().context("no jobs")?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_rejected_submit_holds_no_place() -> Result<()> {
    let limits = ["OpenJobs=2", "SubmitsPerSecond=0"];
    let options = limits.map(|each| ["--parameter", each]).concat();
    let stack = Stack::start(&options).await?;
    let mut client = stack.client("alice").await?;
    let started = client.request(json!({"action": "startSession"})).await?;
    let session = &started["sessionId"];
    client
        .request(json!({"action": "endSession", "sessionId": session}))
        .await?;
    for number in 0..6 {
        let mut turn = job("{}");
        turn["sessionId"] = session.clone();
        if number % 2 == 1 {
            turn["idempotencyKey"] = json!(format!("k{number}"));
        }
        let code = client.error_code(turn).await?;
        assert_eq!(code, "NOT_FOUND", "{number}");
    }
    for _ in 0..2 {
        let answer = submit(&mut client, job(SLOW_PARAMS)).await?;
        assert_eq!(answer["type"], "job_queued", "{answer}");
    }
    assert!(is_rate_limited(&submit(&mut client, job("{}")).await?));
    Ok(())
}

#[tokio::test]
async fn connections_are_limited_per_user() -> Result<()> {
    let stack = Stack::start(&["--parameter", "ConnectionsPerUser=2"]).await?;
    let (one, mut two) = (stack.client("alice").await?, stack.client("alice").await?);
    let third = stack.client("alice").await.err().context("a third")?;
    assert!(third.to_string().contains("429"), "{third}");
    let mut late = Client::connect(&stack.gateway, None).await?;
    let authenticate = json!({"action": "authenticate", "token": token("alice")});
    let answer = late.request(authenticate.clone()).await?;
    assert!(is_rate_limited(&answer), "{answer}");
    // A counted connection may authenticate again; other users have their own limit.
    assert_eq!(
        two.request(authenticate.clone()).await?["type"],
        "authenticated"
    );
    stack.client("bob").await?;
    // A closed connection makes room, without a write to the user's row.
    drop(one);
    wait_until("there is room", async || {
        let mut late = Client::connect(&stack.gateway, None).await?;
        Ok(late.request(authenticate.clone()).await?["type"] == "authenticated")
    })
    .await
}
