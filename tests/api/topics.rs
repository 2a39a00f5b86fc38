//! Topics and rooms: subscriptions, published messages, and who receives them.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::support::cli::longhaul;
use crate::support::client::Client;
use crate::support::stack::Stack;
use crate::support::tokens::token_with_claims;
use crate::support::transcript::Transcript;
use crate::support::wait::wait_until;

fn subscribe(topic: &str, filters: Value) -> Value {
    json!({"action": "subscribe", "data": {"topic": topic, "filters": filters}})
}

fn deal(data: Value) -> Value {
    json!({"topic": "new-deals", "type": "deal", "data": data})
}

/// Fails where a frame arrives before the answer to a ping.
async fn expect_nothing_received(client: &mut Client) -> Result<()> {
    let answer = client.request(json!({"action": "ping"})).await?;
    ensure!(answer["type"] == "pong", "{answer}");
    Ok(())
}

#[tokio::test]
async fn topics() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let (mut alice, mut bob) = (stack.client("alice").await?, stack.client("bob").await?);
    let mut transcript = Transcript::new(
        "topics",
        "Topics: `subscribe`, `unsubscribe`, and what is published.",
    );
    let request = json!({"action": "subscribe", "requestId": "r1",
        "data": {"topic": "new-deals", "filters": {"category": ["travel", "food"], "minDiscount": 20}}});
    let confirmed = transcript
        .request("alice", &mut alice, request, "subscriptionConfirmed")
        .await?;
    transcript.note("An older front end's action for the topic new-deals, here without filters.");
    let request = json!({"action": "subscribeToDeals"});
    transcript
        .request("bob", &mut bob, request, "subscriptionConfirmed")
        .await?;

    transcript.note("A back end publishes {\"topic\":\"new-deals\",\"type\":\"deal\",\"data\":{\"category\":\"travel\",\"discount\":30}}.");
    stack
        .publish(&deal(json!({"category": "travel", "discount": 30})))
        .await?;
    let is_deal = |frame: &Value| frame["type"] == "deal";
    let shown = transcript.until("alice", &mut alice, is_deal).await?;
    transcript.until("bob", &mut bob, is_deal).await?;
    transcript.note(
        "Acknowledging it changes nothing, as it is stored for nobody. Only its recipient may.",
    );
    let acknowledge =
        json!({"action": "notificationAck", "data": {"notificationId": shown["notificationId"]}});
    for _ in 0..2 {
        transcript
            .request("alice", &mut alice, acknowledge.clone(), "ackConfirmed")
            .await?;
    }
    transcript
        .request("bob", &mut bob, acknowledge, "error")
        .await?;
    transcript.note("A discount of 10 does not pass alice's filters.");
    stack
        .publish(&deal(json!({"category": "travel", "discount": 10})))
        .await?;
    transcript.until("bob", &mut bob, is_deal).await?;
    stack.wait_for_fanout().await?;
    expect_nothing_received(&mut alice).await?;

    transcript.note("Invalid requests, and another user's subscription.");
    for frame in [
        subscribe("new deals", json!({})),
        subscribe("new-deals", json!({"minDiscount": "20"})),
        subscribe("new-deals", json!({"category": {"is": "travel"}})),
        json!({"action": "subscribe", "topic": "new-deals", "jobId": "0190c6f3-0000-7000-8000-000000000001"}),
    ] {
        transcript.request("bob", &mut bob, frame, "error").await?;
    }
    let end =
        json!({"action": "unsubscribe", "subscriptionId": confirmed["data"]["subscriptionId"]});
    transcript
        .request("bob", &mut bob, end.clone(), "error")
        .await?;
    transcript.note("Its own user ends it, once.");
    transcript
        .request("alice", &mut alice, end.clone(), "unsubscribed")
        .await?;
    transcript
        .request("alice", &mut alice, end, "error")
        .await?;
    stack
        .publish(&deal(json!({"category": "travel", "discount": 50})))
        .await?;
    transcript.until("bob", &mut bob, is_deal).await?;
    stack.wait_for_fanout().await?;
    expect_nothing_received(&mut alice).await?;
    transcript.compare()
}

#[tokio::test]
async fn rooms() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let (mut alice, mut bob) = (stack.client("alice").await?, stack.client("bob").await?);
    let mut transcript = Transcript::new(
        "rooms",
        "Rooms: topics whose subscribers send messages to each other.",
    );
    let join = json!({"action": "subscribe", "data": {"topic": "room:lobby"}});
    let confirmed = "subscriptionConfirmed";
    transcript
        .request("bob", &mut bob, join.clone(), confirmed)
        .await?;
    transcript.note("Only subscribers of a room may send to it.");
    let say = |text: &str| {
        let data = json!({"recipientId": "room:lobby", "content": text, "type": "text"});
        json!({"action": "sendMessage", "data": data})
    };
    transcript
        .request("alice", &mut alice, say("Hello?"), "error")
        .await?;
    transcript.note("A message is delivered to all subscribers, including its sender.");
    transcript
        .request("alice", &mut alice, join, confirmed)
        .await?;
    // The answer and the message arrive in either order.
    alice.send(say("Hello")).await?;
    let (mut answer, mut message) = (None, None);
    while answer.is_none() || message.is_none() {
        let frame = alice.next().await?;
        match frame["type"].as_str() {
            Some("messageSent") => answer = Some(frame),
            _ => message = Some(frame),
        }
    }
    let (answer, message) = (answer.context("an answer")?, message.context("a message")?);
    assert_eq!(answer["data"]["messageId"], message["data"]["messageId"]);
    assert_eq!(answer["data"]["status"], "stored");
    transcript
        .until("bob", &mut bob, |frame| frame["type"] == "message")
        .await?;
    transcript.compare()
}

#[tokio::test]
async fn a_notification_waits_until_its_user_connects() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let note = |n: u32| json!({"userId": "alice", "type": "note", "data": {"n": n}});
    stack.publish(&note(1)).await?;
    stack.wait_for_fanout().await?;
    let mut alice = stack.client("alice").await?;
    let first = alice.next().await?;
    assert_eq!(
        (&first["type"], &first["data"]["n"]),
        (&json!("note"), &json!(1))
    );
    let ack =
        json!({"action": "notificationAck", "data": {"notificationId": first["notificationId"]}});
    assert_eq!(alice.request(ack).await?["type"], "ackConfirmed");
    // A connected user receives it at once, on each connection.
    let mut other = stack.client("alice").await?;
    stack.publish(&note(2)).await?;
    for client in [&mut alice, &mut other] {
        assert_eq!(client.next().await?["data"]["n"], 2);
    }
    Ok(())
}

#[tokio::test]
async fn back_ends_publish_in_three_ways_to_one_tenant() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut own = stack.client("alice").await?;
    let claims = json!({"sub": "alice", "username": "alice", "tenant": "acme", "exp": u32::MAX});
    let url = format!("{}/?token={}", stack.gateway, token_with_claims(&claims));
    let mut acme = Client::connect(&url, None).await?;
    let mut ids = vec![];
    for client in [&mut own, &mut acme] {
        let answer = client.request(subscribe("status", json!({}))).await?;
        ids.push(answer["data"]["subscriptionId"].clone());
    }
    // Another tenant's subscription is not found, although its user has the same name.
    let answer = own
        .request(json!({"action": "unsubscribe", "subscriptionId": ids[1]}))
        .await?;
    ensure!(answer["data"]["code"] == "NOT_FOUND", "{answer}");

    let message = |n: u32| json!({"topic": "status", "type": "status", "data": {"n": n}});
    stack.publish(&message(1)).await?;
    let mut events = vec![];
    for n in [2, 3] {
        let detail = message(n).to_string();
        events.push(json!({"Source": "shop", "DetailType": "x", "Detail": detail, "EventBusName": "longhaul"}));
    }
    let entries = Value::from(events).to_string();
    let put = stack
        .aws(&["events", "put-events", "--entries", &entries])
        .await?;
    ensure!(put["FailedEntryCount"] == 0, "{put}");
    let data = stack.data_path()?;
    let publish_arguments = |n: &'static str, more: &'static [&'static str]| {
        let given = [
            "publish",
            "--topic",
            "status",
            "--type",
            "status",
            "--payload",
            n,
        ];
        [&given[..], more].concat()
    };
    for (n, more) in [
        (r#"{"n":4}"#, &[][..]),
        (r#"{"n":5}"#, &["--tenant", "acme"]),
    ] {
        let mut arguments = publish_arguments(n, more);
        arguments.extend(["--data", data]);
        let output = longhaul(&arguments).await?;
        ensure!(output.status.success(), "{output:?}");
    }
    stack.wait_for_fanout().await?;
    let mut received = vec![];
    for _ in 0..4 {
        received.push(own.next().await?["data"]["n"].as_u64());
    }
    received.sort_unstable();
    assert_eq!(received, [1, 2, 3, 4].map(Some));
    assert_eq!(acme.next().await?["data"]["n"], 5);
    for client in [&mut own, &mut acme] {
        expect_nothing_received(client).await?;
    }
    Ok(())
}

#[tokio::test]
async fn subscriptions_end_with_their_connection_and_are_limited() -> Result<()> {
    let stack = Stack::start(&["--parameter", "ThrottleRate=1000"]).await?;
    let mut alice = stack.client("alice").await?;
    for _ in 0..100 {
        alice.send(subscribe("busy", json!({}))).await?;
    }
    for _ in 0..100 {
        let answer = alice.next().await?;
        ensure!(answer["type"] == "subscriptionConfirmed", "{answer}");
    }
    let answer = alice.request(subscribe("busy", json!({}))).await?;
    ensure!(answer["data"]["code"] == "VALIDATION_ERROR", "{answer}");
    drop(alice);
    wait_until("no subscription is left", async || {
        let scan = [
            "dynamodb",
            "scan",
            "--table-name",
            "longhaul-subscriptions",
            "--select",
            "COUNT",
        ];
        Ok(stack.aws(&scan).await?["Count"] == 0)
    })
    .await
}

#[tokio::test]
async fn accepted_messages_survive_a_crash_and_invalid_ones_block_nothing() -> Result<()> {
    // The message returns to its queue after somebody has subscribed.
    let visibility = "FanoutVisibilitySeconds=30";
    let mut stack = Stack::start(&["--leave-leases", "--parameter", visibility]).await?;
    // No fan-out begins before the crash.
    stack
        .set_faults(
            json!([{"caller": "longhaul-publish", "service": "sqs", "operation": "SendMessage",
            "effect": {"fail": {"status": 500, "code": "InternalError"}}}]),
        )
        .await?;
    stack.publish(&json!({"type": "of no topic"})).await?;
    stack.publish(&deal(json!({"n": 1}))).await?;
    // Until a send has failed.
    stack.wait_for_first_fault().await?;
    stack.kill().await?;
    stack.restart().await?;
    let mut alice = stack.client("alice").await?;
    alice.request(subscribe("new-deals", json!({}))).await?;
    assert_eq!(alice.next().await?["data"]["n"], 1);
    ensure!(stack.log("publish").contains("it can't be parsed"));
    ensure!(
        stack.message_count("longhaul-publish").await? > 0,
        "the unreadable message stays on the queue"
    );
    Ok(())
}
