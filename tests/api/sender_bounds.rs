//! What one user can cause within the defaults: messages in an inbox, pushes in a room, places in a connection's row.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::stack::Stack;
use crate::support::wait::wait_until;

/// Unread messages that an inbox holds, and those that the function's instances may add before they look again.
const MAX_UNREAD: usize = 200 + 100;
/// Bytes that an inbox holds, and the same surplus.
const MAX_UNREAD_BYTES: usize = (1 << 20) + 100 * 24 * 1024;
const ANY_RATE: [&str; 3] = ["--no-throttle", "--parameter", "SubmitsPerSecond=0"];

fn message(bytes: usize) -> Value {
    json!({"action": "sendMessage", "data": {"recipientId": "bob", "content": "m".repeat(bytes)}})
}

/// Sends messages until one is refused; returns how many were not.
async fn sent_until_refused(client: &mut Client, bytes: usize, max: usize) -> Result<usize> {
    for sent in 0..=max {
        let answer = client.request(message(bytes)).await?;
        if answer["type"] == "error" {
            assert_eq!(answer["data"]["code"], "RATE_LIMIT_EXCEEDED", "{answer}");
            assert!(answer["retryAfter"].as_u64() >= Some(1), "{answer}");
            return Ok(sent);
        }
    }
    anyhow::bail!("more than {max} messages of {bytes} bytes were accepted")
}

#[tokio::test]
async fn an_inbox_takes_so_many_messages_of_users_and_no_more() -> Result<()> {
    let stack = Stack::start(&ANY_RATE).await?;
    let mut alice = stack.client("alice").await?;
    let sent = sent_until_refused(&mut alice, 10, MAX_UNREAD).await?;
    assert!(sent >= 200, "{sent}");
    // Another recipient is not affected.
    let mut other = message(10);
    other["data"]["recipientId"] = "carol".into();
    assert_eq!(alice.request(other).await?["type"], "messageSent");
    // The recipient receives all of them, and makes room by reading them.
    let mut bob = stack.client("bob").await?;
    let mut received = vec![];
    while received.len() < sent {
        let message = bob.until("message").await?.pop().context("no message")?;
        received.push(message["data"]["messageId"].clone());
    }
    for id in received {
        let ack = json!({"action": "notificationAck", "data": {"notificationId": id}});
        bob.send(ack).await?;
        bob.until("ackConfirmed").await?;
    }
    wait_until("there is room", async || {
        let mut dave = stack.client("dave").await?;
        Ok(dave.request(message(10)).await?["type"] == "messageSent")
    })
    .await
}

#[tokio::test]
async fn an_inbox_takes_so_many_bytes_of_users_and_no_more() -> Result<()> {
    let stack = Stack::start(&ANY_RATE).await?;
    let mut alice = stack.client("alice").await?;
    let bytes = 24 * 1024 - 100;
    let sent = sent_until_refused(&mut alice, bytes, MAX_UNREAD_BYTES / bytes).await?;
    assert!(sent * bytes >= 1 << 20, "{sent}");
    Ok(())
}

async fn subscribe(client: &mut Client, topic: &str) -> Result<Value> {
    let frame = json!({"action": "subscribe", "data": {"topic": topic}});
    client.request(frame).await
}

#[tokio::test]
async fn a_message_in_a_room_is_pushed_to_a_connection_a_few_times_at_most() -> Result<()> {
    let stack = Stack::start(&ANY_RATE).await?;
    let mut alice = stack.client("alice").await?;
    let mut first = Value::Null;
    for number in 0..10 {
        let answer = subscribe(&mut alice, "room:x").await?;
        if number == 0 {
            first = answer["data"]["subscriptionId"].clone();
        }
        let expected = if number < 4 {
            "subscriptionConfirmed"
        } else {
            "error"
        };
        assert_eq!(answer["type"], expected, "{number}: {answer}");
    }
    let send = json!({"action": "sendMessage", "data": {"recipientId": "room:x", "content": "m"}});
    alice.send(send).await?;
    let mut frames = alice.until("messageSent").await?;
    stack.wait_for_fanout().await?;
    alice.send(json!({"action": "ping"})).await?;
    frames.extend(alice.until("pong").await?);
    let pushed = frames.iter().filter(|frame| frame["type"] == "message");
    assert_eq!(pushed.count(), 4);
    // A subscription that ends makes room; other rooms and topics have their own places.
    assert_eq!(
        subscribe(&mut alice, "room:y").await?["type"],
        "subscriptionConfirmed"
    );
    for _ in 0..10 {
        assert_eq!(
            subscribe(&mut alice, "news").await?["type"],
            "subscriptionConfirmed"
        );
    }
    let end = json!({"action": "unsubscribe", "subscriptionId": first});
    assert_eq!(alice.request(end).await?["type"], "unsubscribed");
    assert_eq!(
        subscribe(&mut alice, "room:x").await?["type"],
        "subscriptionConfirmed"
    );
    assert_eq!(subscribe(&mut alice, "room:x").await?["type"], "error");
    Ok(())
}

#[tokio::test]
async fn places_that_a_crash_left_are_compared_with_the_subscriptions() -> Result<()> {
    let stack = Stack::start(&ANY_RATE).await?;
    let mut alice = stack.client("alice").await?;
    // The one such call is that which writes the subscription, after the place was taken.
    let kill = json!({"caller": "longhaul-message", "service": "dynamodb", "operation": "PutItem",
        "effect": {"kill": "before"}});
    stack.set_faults(json!([kill])).await?;
    for _ in 0..4 {
        // The gateway answers that the function has failed.
        let answer = subscribe(&mut alice, "room:x").await?;
        assert!(answer["message"].is_string(), "{answer}");
    }
    stack.set_faults(json!([])).await?;
    for number in 0..5 {
        let answer = subscribe(&mut alice, "room:x").await?;
        let expected = if number < 4 {
            "subscriptionConfirmed"
        } else {
            "error"
        };
        assert_eq!(answer["type"], expected, "{number}: {answer}");
    }
    Ok(())
}
