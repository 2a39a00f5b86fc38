//! Messages between users: delivered at once, or stored until the recipient connects.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::support::cli::repository_root;
use crate::support::client::Client;
use crate::support::frames::direct_message;
use crate::support::stack::Stack;
use crate::support::tokens::token;
use crate::support::transcript::Transcript;
use crate::support::wait::wait_until;
use crate::support::wire_log::WireLog;

#[tokio::test]
async fn a_message_is_delivered_now_or_at_the_next_connection() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let mut bob = stack.client("bob").await?;
    let mut tab = stack.client("bob").await?;
    let mut transcript = Transcript::new("messages", "Messages from user to user.");
    transcript.note("To a user who is connected: every connection of theirs receives it.");
    let typing = |has_type: bool| json!({"action": "typing_indicator", "data": {"recipientId": "bob", "isTyping": has_type}});
    transcript.send("alice", &mut alice, typing(true)).await?;
    let has_type = |kind: &'static str| move |frame: &Value| frame["type"] == kind;
    for client in [&mut bob, &mut tab] {
        transcript
            .until("bob", client, has_type("typing_indicator"))
            .await?;
    }
    let mut hello = direct_message("bob", "Hello");
    hello["data"]["type"] = "text".into();
    hello["requestId"] = "r1".into();
    let sent = transcript
        .request("alice", &mut alice, hello, "messageSent")
        .await?;
    assert_eq!(sent["data"]["status"], "delivered");
    for client in [&mut bob, &mut tab] {
        let received = transcript.until("bob", client, has_type("message")).await?;
        assert_eq!(received["data"]["messageId"], sent["data"]["messageId"]);
    }
    let ack =
        json!({"action": "notificationAck", "data": {"notificationId": sent["data"]["messageId"]}});
    transcript
        .request("bob", &mut bob, ack, "ackConfirmed")
        .await?;

    transcript.note("To a user who is not connected: it is stored for a week, and delivered about a second after they connect.");
    for text in ["Are you there?", "Call me."] {
        let sent = transcript
            .request(
                "alice",
                &mut alice,
                direct_message("carol", text),
                "messageSent",
            )
            .await?;
        assert_eq!(sent["data"]["status"], "stored");
    }
    let mut carol = stack.client("carol").await?;
    for text in ["Are you there?", "Call me."] {
        let received = transcript
            .until("carol", &mut carol, has_type("message"))
            .await?;
        assert_eq!(received["data"]["content"], text);
    }
    transcript.note("A message that was not acknowledged is delivered again to the next connection under the same id; here one that authenticates by a frame.");
    let mut later = Client::connect(&stack.gateway, None).await?;
    let token = json!({"action": "authenticate", "token": token("carol")});
    later.send(token).await?;
    later.until("authenticated").await?;
    for _ in 0..2 {
        transcript
            .until("carol", &mut later, has_type("message"))
            .await?;
    }
    transcript.note("Messages that can't be sent.");
    for (field, frame) in [
        ("content", direct_message("bob", " ")),
        ("recipientId", direct_message(&"b".repeat(257), "Hello")),
    ] {
        let error = transcript
            .request("alice", &mut alice, frame, "error")
            .await?;
        assert_eq!(error["data"]["details"]["field"], field);
    }
    transcript.compare()
}

#[tokio::test]
async fn messages_stay_within_their_tenant_and_their_rate() -> Result<()> {
    let stack = Stack::start(&["--parameter", "SubmitsAtOnce=3"]).await?;
    let acme = |user: &str| json!({"sub": user, "username": user, "tenant": "acme"});
    let other = json!({"sub": "bob", "username": "bob", "tenant": "other"});
    let mut alice = stack.client_with_claims(&acme("alice")).await?;
    let mut bob = stack.client_with_claims(&acme("bob")).await?;
    let mut others = stack.client_with_claims(&other.clone()).await?;
    let mut nobodys = stack.client("bob").await?;
    alice.send(direct_message("bob", "for acme")).await?;
    let sent = alice
        .until("messageSent")
        .await?
        .pop()
        .context("no answer")?;
    assert_eq!(sent["data"]["status"], "delivered");
    assert_eq!(bob.next().await?["data"]["content"], "for acme");
    // A push to these clients would have arrived before the answers to their requests.
    let ack =
        json!({"action": "notificationAck", "data": {"notificationId": sent["data"]["messageId"]}});
    for client in [&mut others, &mut nobodys, &mut alice] {
        assert_eq!(
            client.request(ack.clone()).await?["data"]["code"],
            "NOT_FOUND"
        );
        let list = client
            .request(json!({"action": "listNotifications"}))
            .await?;
        assert_eq!(list["notifications"], json!([]));
    }
    let no_id = json!({"action": "notificationAck", "data": {"notificationId": "x"}});
    assert_eq!(others.error_code(no_id).await?, "NOT_FOUND");
    assert_eq!(
        alice.error_code(direct_message("room:x", "Hello")).await?,
        "NOT_FOUND"
    );
    // Faster than the rate limit.
    let mut limited = Value::Null;
    for _ in 0..50 {
        alice.send(direct_message("bob", "again")).await?;
        let answer = alice.next().await?;
        if answer["type"] == "error" {
            limited = answer;
            break;
        }
    }
    assert_eq!(limited["data"]["code"], "RATE_LIMIT_EXCEEDED", "{limited}");
    assert!(limited["retryAfter"].is_u64());
    Ok(())
}

#[tokio::test]
async fn an_inbox_is_delivered_although_its_function_is_killed() -> Result<()> {
    // With a shorter visibility timeout than the project's template has.
    let template = std::fs::read_to_string(repository_root().join("cloudformation/template.yaml"))?;
    let own = "VisibilityTimeout: 60\n      MessageRetentionPeriod: 600";
    ensure!(template.contains(own), "the queue of deliveries");
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("template.yaml");
    std::fs::write(&path, template.replace(own, &own.replace("60\n", "10\n")))?;
    // More than one page.
    let many = ["--parameter", "SubmitsPerSecond=0"];
    let place = ["--template", path.to_str().context("a path")?];
    let stack = Stack::start(&[many, place].concat()).await?;
    let mut alice = stack.client("alice").await?;
    let mut ids = vec![];
    for n in 0..70 {
        alice
            .send(direct_message("dora", &format!("number {n}")))
            .await?;
        let sent = alice
            .until("messageSent")
            .await?
            .pop()
            .context("no answer")?;
        assert_eq!(sent["data"]["status"], "stored");
        ids.push(
            sent["data"]["messageId"]
                .as_str()
                .context("no id")?
                .to_owned(),
        );
    }
    let kill = |number: u32, moment: &str| {
        json!({"caller": "longhaul-deliver", "service": "execute-api", "operation": "PostToConnection",
            "number": number, "effect": {"kill": moment}})
    };
    let rules = json!([kill(4, "after"), kill(9, "before"), kill(65, "after")]);
    stack.set_faults(rules).await?;
    let mut dora = stack.client("dora").await?;
    let (mut received, mut order) = (BTreeSet::new(), vec![]);
    let mut frames = 0;
    while received.len() < ids.len() {
        let frame = dora.next().await?;
        assert_eq!(frame["type"], "message", "{frame}");
        let id = frame["data"]["messageId"].as_str().context("no id")?;
        let n = ids.iter().position(|known| known == id);
        let content = format!("number {}", n.context("an id of no message")?);
        assert_eq!(frame["data"]["content"], content);
        if received.insert(id.to_owned()) {
            order.push(id.to_owned());
        }
        frames += 1;
    }
    assert_eq!(order, ids, "oldest first");
    assert!(frames > ids.len(), "a killed delivery starts again");
    let report = stack.fault_report().await?;
    for rule in report["rules"].as_array().context("no rules")? {
        assert_eq!(rule["fired"], 1, "{report}");
    }
    Ok(())
}

#[tokio::test]
async fn activity_is_written_once_a_minute_at_most() -> Result<()> {
    let wire_log = WireLog::new()?;
    let stack = Stack::start(&wire_log.options()?).await?;
    let alice = tokio::sync::Mutex::new(stack.client("alice").await?);
    let writes = || -> Result<Vec<Value>> {
        let is_write = |call: &Value| {
            call["caller"] == "longhaul-message" && call["operation"] == "UpdateItem"
        };
        Ok(wire_log.calls()?.into_iter().filter(is_write).collect())
    };
    // Only the first frame of a minute causes a write.
    wait_until("the row is written", async || {
        let mut alice = alice.lock().await;
        for _ in 0..3 {
            ensure!(alice.request(json!({"action": "ping"})).await?["type"] == "pong");
        }
        Ok(!writes()?.is_empty())
    })
    .await?;
    let written = writes()?;
    assert_eq!((written.len(), &written[0]["writeUnits"]), (1, &json!(1.0)));
    let scan = ["dynamodb", "scan", "--table-name", "longhaul-connections"];
    let rows = stack.aws(&scan).await?;
    let rows = rows["Items"].as_array().context("no rows")?;
    let row = rows.iter().find(|row| row["connectedAt"].is_object());
    let row = row.context("no row")?;
    let at = |name: &str| row[name]["S"].as_str().map(str::to_owned);
    assert!(at("lastActivity") > at("connectedAt"), "{row}");
    Ok(())
}

/// The calls of one function after the log had this length: number, write units and read units by operation.
fn calls_of(wire_log: &WireLog, from: usize, function: &str) -> Result<Value> {
    let mut counts = serde_json::Map::new();
    for call in wire_log.calls_after(from)? {
        let name = call["operation"].as_str().unwrap_or_default();
        if call["caller"] != function || call["service"] == "lambda" {
            continue;
        }
        let number = |field: &str| call[field].as_f64().unwrap_or(0.0);
        let sum = counts.entry(name).or_insert(json!([0.0, 0.0, 0.0]));
        for (at, more) in [1.0, number("writeUnits"), number("readUnits")]
            .into_iter()
            .enumerate()
        {
            sum[at] = (sum[at].as_f64().unwrap_or(0.0) + more).into();
        }
    }
    Ok(counts.into())
}

#[tokio::test]
async fn messages_make_the_aws_calls_that_the_readme_lists() -> Result<()> {
    let wire_log = WireLog::new()?;
    let stack = Stack::start(&wire_log.options()?).await?;
    let mut alice = stack.client("alice").await?;
    let mut bob = stack.client("bob").await?;
    let mut from = wire_log.len()?;
    let sent = alice.request(direct_message("bob", "Hello")).await?;
    bob.until("message").await?;
    let row = json!({"UpdateItem": [1.0, 1.0, 0.0], "PutItem": [1.0, 1.0, 0.0],
        "Query": [1.0, 0.0, 0.5], "BatchGetItem": [1.0, 0.0, 1.0], "PostToConnection": [1.0, 0.0, 0.0]});
    assert_eq!(
        calls_of(&wire_log, from, "longhaul-message")?,
        row,
        "a message"
    );

    from = wire_log.len()?;
    let typing =
        json!({"action": "typing_indicator", "data": {"recipientId": "bob", "isTyping": true}});
    alice.send(typing).await?;
    bob.until("typing_indicator").await?;
    // It has no answer, so the answer to the next frame shows that it is done.
    alice.request(json!({"action": "ping"})).await?;
    let row = json!({"Query": [1.0, 0.0, 0.5], "BatchGetItem": [1.0, 0.0, 1.0], "PostToConnection": [1.0, 0.0, 0.0]});
    assert_eq!(
        calls_of(&wire_log, from, "longhaul-message")?,
        row,
        "typing"
    );

    from = wire_log.len()?;
    let ack =
        json!({"action": "notificationAck", "data": {"notificationId": sent["data"]["messageId"]}});
    bob.send(ack).await?;
    bob.until("ackConfirmed").await?;
    let row = json!({"GetItem": [1.0, 0.0, 1.0], "PutItem": [1.0, 1.0, 0.0], "DeleteItem": [1.0, 1.0, 0.0]});
    assert_eq!(
        calls_of(&wire_log, from, "longhaul-message")?,
        row,
        "an acknowledgement"
    );

    from = wire_log.len()?;
    bob.send(json!({"action": "listNotifications"})).await?;
    bob.until("notifications").await?;
    let row = json!({"Query": [2.0, 0.0, 2.0]});
    assert_eq!(
        calls_of(&wire_log, from, "longhaul-message")?,
        row,
        "a list"
    );

    alice.request(direct_message("carol", "Hello")).await?;
    from = wire_log.len()?;
    let mut carol = stack.client("carol").await?;
    carol.until("message").await?;
    let calls = calls_of(&wire_log, from, "longhaul-connection")?;
    assert_eq!(calls["SendMessage"], json!([1.0, 0.0, 0.0]), "{calls}");
    assert_eq!(calls["Query"], json!([1.0, 0.0, 0.5]), "{calls}");
    let row = json!({"GetItem": [1.0, 0.0, 1.0], "Query": [1.0, 0.0, 1.0], "PostToConnection": [1.0, 0.0, 0.0]});
    assert_eq!(
        calls_of(&wire_log, from, "longhaul-deliver")?,
        row,
        "a delivery"
    );
    Ok(())
}
