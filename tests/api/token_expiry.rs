//! A connection whose token has expired: it receives nothing until a newer token renews it, and the sweep closes it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::frames::{direct_message, noop_query};
use crate::support::stack::Stack;
use crate::support::tokens::{admin_claims, token};

/// The tolerated difference to the provider's clock, in seconds.
const LEEWAY: i64 = 30;

/// A client of this user whose token expires in this number of seconds, with leeway.
async fn expiring_client(stack: &Stack, user: &str, seconds: i64) -> Result<Client> {
    let expires_at = Timestamp::now().as_second() + seconds - LEEWAY;
    let claims = json!({"sub": user, "username": user, "exp": expires_at});
    stack.client_with_claims(&claims).await
}

/// The frames that were pushed so far: those before the answer to a ping.
async fn pushed(client: &mut Client) -> Result<Vec<Value>> {
    client.send(json!({"action": "ping"})).await?;
    let mut frames = client.until("pong").await?;
    frames.pop();
    Ok(frames)
}

#[tokio::test]
async fn an_expired_connection_receives_nothing_until_it_is_renewed() -> Result<()> {
    // The end is owed after half a lease, and pushed by the next sweep.
    let options = ["--parameter", "LeaseSeconds=10", "--tick-seconds", "1"];
    let stack = Stack::start(&options).await?;
    // Until then a busy machine has time for what needs a valid token.
    let mut expired = expiring_client(&stack, "alice", 25).await?;
    let mut witness = stack.client("alice").await?;
    let (mut bob, mut root) = (
        stack.client("bob").await?,
        stack.client_with_claims(&admin_claims(None)).await?,
    );
    let join = json!({"action": "subscribe", "topic": "room:x"});
    for client in [&mut expired, &mut witness] {
        client.request(join.clone()).await?;
    }
    // A job that the test ends.
    let job = expired
        .submit(noop_query(
            json!({"steps": 1000, "stepMs": 1000, "text": 6000}),
        ))
        .await?;
    let submitted = Instant::now();
    witness
        .request(json!({"action": "subscribe", "jobId": job}))
        .await?;
    expired.until_token_expired().await?;
    // A job's followers are trusted for its first five seconds; what was pushed in them has arrived then.
    while submitted.elapsed() < Duration::from_secs(6) {
        witness.until("progress_update").await?;
    }
    pushed(&mut expired).await?;

    let publication = json!({"topic": "room:x", "type": "news", "data": {}});
    stack.publish(&publication).await?;
    witness.until("news").await?;
    stack
        .publish(&json!({"userId": "alice", "type": "note"}))
        .await?;
    witness.until("note").await?;
    bob.send(direct_message("alice", "hello")).await?;
    bob.until("messageSent").await?;
    witness.until("message").await?;
    let typing =
        json!({"action": "typing_indicator", "data": {"recipientId": "alice", "isTyping": true}});
    bob.send(typing).await?;
    witness.until("typing_indicator").await?;
    for user in [json!("alice"), Value::Null] {
        let data = json!({"content": "Back in five minutes.", "userId": user});
        root.send(json!({"action": "broadcast", "data": data}))
            .await?;
        let sent = root.until("broadcastSent").await?.pop().context("sent")?;
        let count = if user.is_null() { 3 } else { 1 };
        assert_eq!(sent["data"], json!({"sent": count, "gone": 0, "lost": 0}));
        witness.until("system").await?;
    }
    witness
        .send(json!({"action": "cancel", "jobId": job}))
        .await?;
    witness.until("job_cancelled").await?;
    stack.wait_for_fanout().await?;
    assert_eq!(pushed(&mut expired).await?, [Value::Null; 0]);

    // A newer token renews it; what the inbox stored in the meantime is delivered, and the job's end.
    expired
        .send(json!({"action": "refreshToken", "token": token("alice")}))
        .await?;
    let delivered = expired.until("message").await?;
    let is_end = |frame: &&Value| frame["type"] == "job_cancelled";
    let kinds = delivered.iter().filter(|frame| !is_end(frame));
    let kinds: Vec<&Value> = kinds.map(|frame| &frame["type"]).collect();
    assert_eq!(kinds, ["tokenRefreshed", "note", "message"]);
    if !delivered.iter().any(|frame| is_end(&frame)) {
        expired.until("job_cancelled").await?;
    }
    stack.publish(&publication).await?;
    expired.until("news").await?;
    Ok(())
}

#[tokio::test]
async fn a_message_to_an_expired_connection_waits_in_the_inbox() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut bob = stack.client("bob").await?;
    bob.send(direct_message("alice", "before")).await?;
    bob.until("messageSent").await?;
    let mut expired = expiring_client(&stack, "alice", 3).await?;
    expired.until("message").await?;
    expired.until_token_expired().await?;
    bob.send(direct_message("alice", "after")).await?;
    let sent = bob.until("messageSent").await?.pop().context("sent")?;
    assert_eq!(sent["data"]["status"], "stored", "{sent}");
    assert_eq!(pushed(&mut expired).await?, [Value::Null; 0]);
    Ok(())
}

#[tokio::test]
async fn the_sweep_closes_a_connection_a_minute_after_its_token_expired() -> Result<()> {
    let stack = Stack::start(&["--tick-seconds", "1"]).await?;
    let mut expired = expiring_client(&stack, "alice", 3).await?;
    let mut renewed = expiring_client(&stack, "bob", 3).await?;
    let mut valid = stack.client("alice").await?;
    for client in [&mut expired, &mut renewed] {
        client.until_token_expired().await?;
    }
    let frame = json!({"action": "refreshToken", "token": token("bob")});
    assert_eq!(renewed.request(frame).await?["type"], "tokenRefreshed");
    let end = expired.next().await.unwrap_err().to_string();
    assert!(end.contains("closed"), "{end}");
    stack
        .wait_for_log("sweep", "its token expired and was not renewed", 0)
        .await?;
    for client in [&mut renewed, &mut valid] {
        assert_eq!(
            client.request(json!({"action": "ping"})).await?["type"],
            "pong"
        );
    }
    assert_eq!(stack.log_count("sweep", "its token expired"), 1);
    // Its row has left the index of open connections, so that no sweep reads it again.
    stack.wait_for_indexed_connections("open", 2).await
}
