//! What the logs and metrics say of connections and sessions: one line when each ends, and how many are open.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::frames::noop_message;
use crate::support::lost_disconnect::lose_disconnect;
use crate::support::stack::Stack;
use crate::support::tokens::token;
use crate::support::wait::wait_until;

/// The only line of a function's log with this message.
async fn only_line(stack: &Stack, function: &str, message: &str) -> Result<Value> {
    stack.wait_for_log(function, message, 0).await?;
    let log = stack.log(function);
    let mut lines = log.lines().filter(|line| line.contains(message));
    let line = lines.next().context("no line")?;
    anyhow::ensure!(lines.next().is_none(), "{log}");
    let json = line.find('{').context("no JSON")?;
    Ok(serde_json::from_str(&line[json..])?)
}

#[tokio::test]
async fn each_disconnect_and_each_sessions_end_is_one_line() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    alice
        .send(noop_message("sendMessage", "hello", json!({})))
        .await?;
    alice.until("complete").await?;
    drop(alice);
    let closed = only_line(&stack, "connection", "a connection closed").await?;
    assert_eq!(closed["user"], "alice", "{closed}");
    assert!(
        closed["connection"].is_string() && closed["seconds"].is_u64(),
        "{closed}"
    );
    assert!(closed["code"].is_number(), "{closed}");
    let ended = only_line(&stack, "connection", "a session ended").await?;
    assert_eq!(ended["reason"], "its connection closed", "{ended}");
    assert_eq!(
        (&ended["user"], &ended["connection"]),
        (&closed["user"], &closed["connection"])
    );
    assert!(
        ended["session"].is_string() && ended["seconds"].is_u64(),
        "{ended}"
    );

    let mut alice = stack.client("alice").await?;
    let start = json!({"action": "startSession", "keep": true});
    let started = alice.request(start).await?;
    let end = json!({"action": "endSession", "sessionId": started["sessionId"]});
    alice.request(end).await?;
    let ended = only_line(&stack, "message", "a session ended").await?;
    assert_eq!(
        (&ended["reason"], &ended["session"]),
        (&json!("endSession"), &started["sessionId"])
    );
    Ok(())
}

#[tokio::test]
async fn a_lost_disconnect_is_found_by_the_sweep() -> Result<()> {
    let stack = Stack::start(&["--tick-seconds", "1"]).await?;
    let mut alice = stack.client("alice").await?;
    alice
        .send(noop_message("sendMessage", "hello", json!({})))
        .await?;
    alice.until("complete").await?;
    let connection = lose_disconnect(&stack, alice).await?;
    let closed = only_line(&stack, "sweep", "a connection closed").await?;
    assert_eq!(
        (&closed["user"], &closed["connection"]),
        (&json!("alice"), &json!(connection))
    );
    assert_eq!(closed["reason"], "the gateway no longer has it");
    let ended = only_line(&stack, "sweep", "a session ended").await?;
    assert_eq!(ended["reason"], "its connection closed", "{ended}");
    wait_until("its subscriptions are gone", async || {
        let scan = json!({"TableName": "longhaul-subscriptions"});
        Ok(stack.dynamodb("Scan", scan).await?["Count"] == 0)
    })
    .await
}

#[tokio::test]
async fn a_connection_without_a_user_is_logged_when_it_closes() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    drop(Client::connect(&stack.gateway, None).await?);
    let closed = only_line(&stack, "connection", "a connection closed").await?;
    assert!(closed.get("user").is_none_or(Value::is_null), "{closed}");
    Ok(())
}

#[tokio::test]
async fn the_sweep_counts_open_connections_and_no_users_row() -> Result<()> {
    let stack = Stack::start(&["--tick-seconds", "1"]).await?;
    let mut alice = stack.client("alice").await?;
    // It writes the user's row.
    alice
        .submit(json!({"action": "query", "kind": "noop", "query": "counted"}))
        .await?;
    let url = format!("{}/?token={}", stack.gateway, token("bob"));
    let bob = Client::connect(&url, None).await?;
    let is_measured = async |count: u32| {
        let text = format!("\"OpenConnections\":{count}");
        Ok(stack.log_count("sweep", &text) > 0)
    };
    wait_until("two are open", async || is_measured(2).await).await?;
    drop(bob);
    wait_until("one is open", async || is_measured(1).await).await?;

    // What an operator sees: the table has users' rows, the index has none.
    let table = ["dynamodb", "scan", "--table-name", "longhaul-connections"];
    let ids = |found: &Value| -> Vec<String> {
        let items = found["Items"].as_array().into_iter().flatten();
        let ids = items.filter_map(|item| item["connectionId"]["S"].as_str());
        ids.map(str::to_owned).collect()
    };
    let all = ids(&stack.aws(&table).await?);
    assert!(all.iter().any(|id| id.starts_with("user:")), "{all:?}");
    let index = [&table[..], &["--index-name", "open"]].concat();
    let open = ids(&stack.aws(&index).await?);
    assert!(open.len() == 1 && !open[0].starts_with("user:"), "{open:?}");
    Ok(())
}
