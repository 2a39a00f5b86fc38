//! The bounded set of a job's followers: it is compared with what lives before anybody is refused.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::stack::Stack;

/// Connections that may follow one job.
const FOLLOWERS: usize = 32;
const SILENT: &str = r#"{"steps":30,"stepMs":60000}"#;
const ANY_NUMBER_OF_CONNECTIONS: [&str; 2] = ["--parameter", "ConnectionsPerUser=0"];

async fn submit_silent_job(client: &mut Client) -> Result<String> {
    let params: Value = serde_json::from_str(SILENT)?;
    let job = json!({"action": "query", "kind": "noop", "query": "q", "params": params});
    client.submit(job).await
}

async fn subscribe(client: &mut Client, job: &str) -> Result<Value> {
    let frame = json!({"action": "subscribe", "jobId": job, "after": 0});
    client.send(frame).await?;
    let answer = client.until("subscribed").await?.pop();
    answer.context("no answer")
}

/// The numbers of the events in a response to `subscribe`, and its `retryAfter`.
fn replayed(answer: &Value) -> (Vec<u64>, Option<u64>) {
    let events = answer["events"].as_array().into_iter().flatten();
    let numbers = events.filter_map(|event| event["seq"].as_u64());
    (numbers.collect(), answer["retryAfter"].as_u64())
}

async fn cancel_reaches(client: &mut Client, job: &str) -> Result<()> {
    client
        .send(json!({"action": "cancel", "jobId": job}))
        .await?;
    client.until("job_cancelled").await.map(drop)
}

#[tokio::test]
async fn a_client_that_reconnects_more_often_than_a_job_has_followers_follows_it() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut first = stack.client("alice").await?;
    let job = submit_silent_job(&mut first).await?;
    drop(first);
    for attempt in 0..FOLLOWERS + 8 {
        let mut client = stack.client("alice").await?;
        let answer = subscribe(&mut client, &job).await?;
        let (events, retry_after) = replayed(&answer);
        assert!(events.contains(&1), "{attempt}: {answer}");
        assert_eq!(retry_after, None, "{attempt}: {answer}");
    }
    let mut last = stack.client("alice").await?;
    subscribe(&mut last, &job).await?;
    cancel_reaches(&mut last, &job).await
}

#[tokio::test]
async fn followers_whose_end_was_not_recorded_make_room_too() -> Result<()> {
    let stack = Stack::start(&ANY_NUMBER_OF_CONNECTIONS).await?;
    let mut first = stack.client("alice").await?;
    let job = submit_silent_job(&mut first).await?;
    let mut clients = vec![first];
    for _ in 1..FOLLOWERS {
        let mut client = stack.client("alice").await?;
        subscribe(&mut client, &job).await?;
        clients.push(client);
    }
    // Their rows say for ever that they are open, and that they opened an hour ago.
    let ids = stack.connection_ids().await?;
    assert_eq!(ids.len(), FOLLOWERS);
    for id in &ids {
        stack
            .open_connection_since(id, jiff::SignedDuration::from_hours(1))
            .await?;
    }
    let lose = json!({"caller": "longhaul-connection", "service": "dynamodb",
        "operation": "UpdateItem", "effect": {"fail": {"status": 400, "code": "ValidationException"}}});
    stack.set_faults(json!([lose])).await?;
    drop(clients);
    stack
        .wait_for_fault_report(|report| {
            report["rules"][0]["fired"].as_u64() >= Some(FOLLOWERS as u64)
        })
        .await?;
    stack.set_faults(json!([])).await?;
    let mut late = stack.client("alice").await?;
    let answer = subscribe(&mut late, &job).await?;
    let (events, retry_after) = replayed(&answer);
    assert!(events.contains(&1) && retry_after.is_none(), "{answer}");
    cancel_reaches(&mut late, &job).await
}

#[tokio::test]
async fn one_follower_too_many_gets_the_events_and_is_told_that_it_does_not_follow() -> Result<()> {
    let stack = Stack::start(&ANY_NUMBER_OF_CONNECTIONS).await?;
    let mut first = stack.client("alice").await?;
    let job = submit_silent_job(&mut first).await?;
    let mut others = vec![];
    for _ in 1..FOLLOWERS {
        let mut client = stack.client("alice").await?;
        assert_eq!(replayed(&subscribe(&mut client, &job).await?).1, None);
        others.push(client);
    }
    let mut late = stack.client("alice").await?;
    let answer = subscribe(&mut late, &job).await?;
    let (events, retry_after) = replayed(&answer);
    assert!(events.contains(&1) && retry_after >= Some(1), "{answer}");
    // A place becomes free.
    let mut other = others.pop().context("a follower")?;
    let leave = json!({"action": "unsubscribe", "jobId": job});
    other.send(leave).await?;
    other.until("unsubscribed").await?;
    assert_eq!(replayed(&subscribe(&mut late, &job).await?).1, None);
    cancel_reaches(&mut late, &job).await
}
