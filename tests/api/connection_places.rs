//! A user's places for connections: what never opened, what ended unheard and what an earlier life of the embedded
//! cloud left does not hold one.

use anyhow::{Context, Result};
use jiff::SignedDuration;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::stack::Stack;
use crate::support::tokens::token;
use crate::support::wait::wait_until;

const TWO_CONNECTIONS: [&str; 2] = ["--parameter", "ConnectionsPerUser=2"];

#[tokio::test]
async fn connections_whose_end_was_lost_make_room_when_the_set_is_full() -> Result<()> {
    let stack = Stack::start(&TWO_CONNECTIONS).await?;
    let (one, two) = (stack.client("alice").await?, stack.client("alice").await?);
    for id in stack.connection_ids().await? {
        stack
            .open_connection_since(&id, SignedDuration::from_hours(1))
            .await?;
    }
    assert!(stack.client("alice").await.is_err(), "both are open");
    let lose = json!({"caller": "longhaul-connection", "service": "dynamodb",
        "operation": "UpdateItem", "effect": {"fail": {"status": 400, "code": "ValidationException"}}});
    stack.set_faults(json!([lose])).await?;
    drop((one, two));
    stack
        .wait_for_fault_report(|report| report["rules"][0]["fired"].as_u64() >= Some(2))
        .await?;
    stack.set_faults(json!([])).await?;
    // The set was compared with the gateway a moment ago, so the next comparison is due in ten seconds.
    wait_until("there is room", async || {
        Ok(stack.client("alice").await.is_ok())
    })
    .await?;
    let reasons = stack.log("connection");
    assert!(
        reasons.contains("the gateway no longer has it"),
        "{reasons}"
    );
    Ok(())
}

#[tokio::test]
async fn a_client_that_leaves_during_the_handshake_holds_no_place() -> Result<()> {
    let delay = json!({"rules": [{"caller": "longhaul-connection", "service": "dynamodb",
        "operation": "PutItem", "effect": {"delayMs": 300}}]});
    let stack = Stack::start(&TWO_CONNECTIONS).await?;
    stack.set_fault_plan(delay).await?;
    let (_, authority) = stack.gateway.split_once("://").context("an address")?;
    for _ in 0..4 {
        let handshake = format!(
            "GET /?token={} HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
            token("alice")
        );
        let before = stack.log_count("connection", "a connection closed");
        let fired = stack.fault_report().await?["rules"][0]["fired"].as_u64();
        let mut socket = TcpStream::connect(authority).await?;
        socket.write_all(handshake.as_bytes()).await?;
        stack
            .wait_for_fault_report(|report| report["rules"][0]["fired"].as_u64() > fired)
            .await?;
        drop(socket);
        stack
            .wait_for_log("connection", "a connection closed", before)
            .await?;
    }
    assert_eq!(stack.connection_ids().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_start_ends_the_connections_of_an_earlier_life() -> Result<()> {
    let mut stack = Stack::start(&TWO_CONNECTIONS).await?;
    for _ in 0..3 {
        let (mut one, two) = (stack.client("alice").await?, stack.client("alice").await?);
        let started = one.request(json!({"action": "startSession"})).await?;
        stack.kill().await?;
        drop((one, two));
        stack.restart().await?;
        assert_eq!(stack.connection_ids().await?, Vec::<String>::new());
        // What depends on the end follows: a session that does not last.
        let mut next = stack.client("alice").await?;
        let get = json!({"action": "getSession", "sessionId": started["sessionId"]});
        let session = next.request(get).await?;
        assert!(!session["session"]["endedAt"].is_null(), "{session}");
        drop(next);
        wait_until("its end is recorded", async || {
            Ok(stack.connection_ids().await?.is_empty())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_termination_closes_with_1001_and_records_the_ends() -> Result<()> {
    let mut stack = Stack::start(&TWO_CONNECTIONS).await?;
    let mut clients = vec![stack.client("alice").await?, stack.client("bob").await?];
    let job = json!({"action": "query", "kind": "noop", "query": "q", "params": {"steps": 30, "stepMs": 60_000}});
    // A batch in flight does not hold up the ends.
    clients[0].submit(job).await?;
    clients[0].until("progress_update").await?;
    stack.terminate().await?;
    for client in &mut clients {
        let end = client.until("nothing").await.unwrap_err();
        assert!(format!("{end:#}").contains("Away"), "{end:#}");
    }
    assert_eq!(stack.log_count("connection", "a connection closed"), 2);
    stack.restart().await?;
    assert_eq!(stack.connection_ids().await?, Vec::<String>::new());
    // Each was ended once.
    assert_eq!(stack.log_count("connection", "a connection closed"), 2);
    Ok(())
}

#[tokio::test]
async fn a_push_that_finds_a_connection_closed_leaves_its_session_to_the_disconnect() -> Result<()>
{
    let stack = Stack::start(&[]).await?;
    let (mut bob, mut alice) = (stack.client("bob").await?, stack.client("alice").await?);
    let started = bob.request(json!({"action": "startSession"})).await?;
    // The function waits before it records the end, and meanwhile a message is pushed.
    let wait = json!({"caller": "longhaul-connection", "service": "dynamodb",
        "operation": "UpdateItem", "number": 1, "effect": {"delayMs": 1500}});
    stack.set_faults(json!([wait])).await?;
    drop(bob);
    stack.wait_for_first_fault().await?;
    let message = json!({"action": "sendMessage", "data": {"recipientId": "bob", "content": "m"}});
    alice.request(message).await?;
    let get = json!({"action": "getSession", "sessionId": started["sessionId"]});
    wait_until("its session has ended", async || {
        let mut bob = stack.client("bob").await?;
        bob.send(get.clone()).await?;
        let session = bob.until("session").await?.pop().context("no session")?;
        Ok(!session["session"]["endedAt"].is_null())
    })
    .await
}
