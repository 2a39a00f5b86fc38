//! Messages between users: heard at once, or kept until their recipient comes.

use std::collections::BTreeSet;

use crate::support::client::Client;
use crate::support::stack::{Stack, root, token_with};
use crate::support::transcript::Transcript;
use crate::until;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

pub fn message(to: &str, content: &str) -> Value {
    json!({"action": "sendMessage", "data": {"recipientId": to, "content": content}})
}

/// A client that has connected with these claims.
pub async fn client_with(stack: &Stack, claims: Value) -> Result<Client> {
    let mut all = json!({"exp": u32::MAX});
    for (name, value) in claims.as_object().context("claims")? {
        all[name] = value.clone();
    }
    let url = format!("{}/?token={}", stack.gateway, token_with(&all));
    Ok(Client::connect(&url, None).await?)
}

/// The code of the answer to a frame.
pub async fn refused(client: &mut Client, frame: Value) -> Result<Value> {
    client.send(frame).await?;
    let error = client.until("error").await?.pop();
    Ok(error.context("no error")?["data"]["code"].clone())
}

#[tokio::test]
async fn a_message_is_heard_at_once_or_waits() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let mut bob = stack.client("bob").await?;
    let mut tab = stack.client("bob").await?;
    let mut shown = Transcript::new("messages", "Messages from user to user.");
    shown.note("To somebody who is there. Every connection of theirs hears it.");
    let typing = |is: bool| json!({"action": "typing_indicator", "data": {"recipientId": "bob", "isTyping": is}});
    shown.send("alice", &mut alice, typing(true)).await?;
    let is = |kind: &'static str| move |frame: &Value| frame["type"] == kind;
    for client in [&mut bob, &mut tab] {
        shown.until("bob", client, is("typing_indicator")).await?;
    }
    let mut hello = message("bob", "Hello");
    hello["data"]["type"] = "text".into();
    hello["requestId"] = "r1".into();
    let sent = shown.ask("alice", &mut alice, hello, "messageSent").await?;
    assert_eq!(sent["data"]["status"], "delivered");
    for client in [&mut bob, &mut tab] {
        let heard = shown.until("bob", client, is("message")).await?;
        assert_eq!(heard["data"]["messageId"], sent["data"]["messageId"]);
    }
    let ack =
        json!({"action": "notificationAck", "data": {"notificationId": sent["data"]["messageId"]}});
    shown.ask("bob", &mut bob, ack, "ackConfirmed").await?;

    shown.note("To somebody who is not there it waits, for a week, and comes about a second after they connect.");
    for text in ["Are you there?", "Call me."] {
        let sent = shown
            .ask("alice", &mut alice, message("carol", text), "messageSent")
            .await?;
        assert_eq!(sent["data"]["status"], "stored");
    }
    let mut carol = stack.client("carol").await?;
    for text in ["Are you there?", "Call me."] {
        let heard = shown.until("carol", &mut carol, is("message")).await?;
        assert_eq!(heard["data"]["content"], text);
    }
    shown.note("What was not acknowledged comes again with the next connection, under the same id; here one that authenticates by a frame.");
    let mut later = Client::connect(&stack.gateway, None).await?;
    let token = json!({"action": "authenticate", "token": crate::support::stack::token("carol")});
    later.send(token).await?;
    later.until("authenticated").await?;
    for _ in 0..2 {
        shown.until("carol", &mut later, is("message")).await?;
    }
    shown.note("What can't be sent.");
    for (field, frame) in [
        ("content", message("bob", " ")),
        ("recipientId", message(&"b".repeat(257), "Hello")),
    ] {
        let error = shown.ask("alice", &mut alice, frame, "error").await?;
        assert_eq!(error["data"]["details"]["field"], field);
    }
    shown.compare()
}

#[tokio::test]
async fn messages_stay_within_their_tenant_and_their_rate() -> Result<()> {
    let stack = Stack::start(&["--parameter", "SubmitsAtOnce=3"]).await?;
    let acme = |user: &str| json!({"sub": user, "username": user, "tenant": "acme"});
    let other = json!({"sub": "bob", "username": "bob", "tenant": "other"});
    let mut alice = client_with(&stack, acme("alice")).await?;
    let mut bob = client_with(&stack, acme("bob")).await?;
    let mut others = client_with(&stack, other.clone()).await?;
    let mut nobodys = stack.client("bob").await?;
    alice.send(message("bob", "for acme")).await?;
    let sent = alice
        .until("messageSent")
        .await?
        .pop()
        .context("no answer")?;
    assert_eq!(sent["data"]["status"], "delivered");
    assert_eq!(bob.next().await?["data"]["content"], "for acme");
    // Whoever had been told would have been told before the answers to what they ask now.
    let ack =
        json!({"action": "notificationAck", "data": {"notificationId": sent["data"]["messageId"]}});
    for client in [&mut others, &mut nobodys, &mut alice] {
        assert_eq!(client.ask(ack.clone()).await?["data"]["code"], "NOT_FOUND");
        let list = client.ask(json!({"action": "listNotifications"})).await?;
        assert_eq!(list["notifications"], json!([]));
    }
    let no_id = json!({"action": "notificationAck", "data": {"notificationId": "x"}});
    assert_eq!(refused(&mut others, no_id).await?, "NOT_FOUND");
    assert_eq!(
        refused(&mut alice, message("room:x", "Hello")).await?,
        "NOT_FOUND"
    );
    // Faster than is allowed.
    let mut limited = Value::Null;
    for _ in 0..50 {
        alice.send(message("bob", "again")).await?;
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
async fn an_inbox_is_delivered_although_its_function_is_killed_half_way() -> Result<()> {
    // A message comes back sooner than in the project's own.
    let template = std::fs::read_to_string(root().join("cloudformation/template.yaml"))?;
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
        alice.send(message("dora", &format!("number {n}"))).await?;
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
    let (mut heard, mut order) = (BTreeSet::new(), vec![]);
    let mut frames = 0;
    while heard.len() < ids.len() {
        let frame = dora.next().await?;
        assert_eq!(frame["type"], "message", "{frame}");
        let id = frame["data"]["messageId"].as_str().context("no id")?;
        let n = ids.iter().position(|known| known == id);
        let content = format!("number {}", n.context("an id of no message")?);
        assert_eq!(frame["data"]["content"], content);
        if heard.insert(id.to_owned()) {
            order.push(id.to_owned());
        }
        frames += 1;
    }
    assert_eq!(order, ids, "oldest first");
    assert!(frames > ids.len(), "what was being delivered begins again");
    let (_, report) = stack.faults("GET", "", "").await?;
    for rule in report["rules"].as_array().context("no rules")? {
        assert_eq!(rule["fired"], 1, "{report}");
    }
    Ok(())
}

#[tokio::test]
async fn activity_is_written_once_a_minute_at_most() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("wire.log");
    let stack = Stack::start(&["--wire-log", log.to_str().context("a path")?]).await?;
    let alice = tokio::sync::Mutex::new(stack.client("alice").await?);
    let writes = || -> Result<Vec<Value>> {
        let text = std::fs::read_to_string(&log)?;
        let calls = text.lines().filter(|line| line.ends_with('}'));
        let calls = calls.map(serde_json::from_str::<Value>);
        let calls = calls.collect::<serde_json::Result<Vec<_>>>()?;
        let is_write = |call: &Value| {
            call["caller"] == "longhaul-message" && call["operation"] == "UpdateItem"
        };
        Ok(calls.into_iter().filter(is_write).collect())
    };
    // Every frame but the first after a minute costs nothing.
    until("the row is written", async || {
        let mut alice = alice.lock().await;
        for _ in 0..3 {
            ensure!(alice.ask(json!({"action": "ping"})).await?["type"] == "pong");
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

/// Calls of one function since the log was so long: how many, write units and read units of each.
fn called(log: &std::path::Path, from: usize, function: &str) -> Result<Value> {
    let text = std::fs::read_to_string(log)?;
    let mut counts = serde_json::Map::new();
    for line in text[from..].lines().filter(|line| line.ends_with('}')) {
        let call: Value = serde_json::from_str(line)?;
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
async fn what_messages_cost_is_what_the_readme_says() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let log = &folder.path().join("wire.log");
    let stack = Stack::start(&["--wire-log", log.to_str().context("a path")?]).await?;
    let mut alice = stack.client("alice").await?;
    let mut bob = stack.client("bob").await?;
    let length = || -> Result<usize> { Ok(std::fs::read_to_string(log)?.len()) };
    let mut from = length()?;
    let sent = alice.ask(message("bob", "Hello")).await?;
    bob.until("message").await?;
    let row = json!({"UpdateItem": [1.0, 1.0, 0.0], "PutItem": [1.0, 1.0, 0.0],
        "Query": [1.0, 0.0, 0.5], "BatchGetItem": [1.0, 0.0, 1.0], "PostToConnection": [1.0, 0.0, 0.0]});
    assert_eq!(called(log, from, "longhaul-message")?, row, "a message");

    from = length()?;
    let typing =
        json!({"action": "typing_indicator", "data": {"recipientId": "bob", "isTyping": true}});
    alice.send(typing).await?;
    bob.until("typing_indicator").await?;
    // Answered by nothing, so the next answer says that it is done.
    alice.ask(json!({"action": "ping"})).await?;
    let row = json!({"Query": [1.0, 0.0, 0.5], "BatchGetItem": [1.0, 0.0, 1.0], "PostToConnection": [1.0, 0.0, 0.0]});
    assert_eq!(called(log, from, "longhaul-message")?, row, "typing");

    from = length()?;
    let ack =
        json!({"action": "notificationAck", "data": {"notificationId": sent["data"]["messageId"]}});
    bob.send(ack).await?;
    bob.until("ackConfirmed").await?;
    let row = json!({"GetItem": [1.0, 0.0, 1.0], "PutItem": [1.0, 1.0, 0.0], "DeleteItem": [1.0, 1.0, 0.0]});
    assert_eq!(
        called(log, from, "longhaul-message")?,
        row,
        "an acknowledgement"
    );

    from = length()?;
    bob.send(json!({"action": "listNotifications"})).await?;
    bob.until("notifications").await?;
    let row = json!({"Query": [2.0, 0.0, 2.0]});
    assert_eq!(called(log, from, "longhaul-message")?, row, "a list");

    alice.ask(message("carol", "Hello")).await?;
    from = length()?;
    let mut carol = stack.client("carol").await?;
    carol.until("message").await?;
    let greeted = called(log, from, "longhaul-connection")?;
    assert_eq!(greeted["SendMessage"], json!([1.0, 0.0, 0.0]), "{greeted}");
    assert_eq!(greeted["Query"], json!([1.0, 0.0, 0.5]), "{greeted}");
    let row = json!({"Query": [1.0, 0.0, 1.0], "PostToConnection": [1.0, 0.0, 0.0]});
    assert_eq!(called(log, from, "longhaul-deliver")?, row, "a delivery");
    Ok(())
}
