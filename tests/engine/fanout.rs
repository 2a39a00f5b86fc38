//! Fan-out to many subscriptions of one topic: exactly the matches are delivered although connections are closed, pushes
//! are throttled, and the function is killed.
//!
//! `LONGHAUL_FANOUT` sets the number of subscriptions (1,000). Prints times and calls.

use std::collections::{BTreeMap, HashSet};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::stack::Stack;
use crate::support::wait::wait_until;
use crate::support::wire_log::WireLog;

/// The number of subscriptions of a connection. A third of them match.
const PER_CONNECTION: usize = 99;

fn subscriptions() -> usize {
    let wanted = std::env::var("LONGHAUL_FANOUT").ok();
    wanted.and_then(|count| count.parse().ok()).unwrap_or(1_000)
}

#[tokio::test]
async fn every_match_is_delivered_once_to_open_connections() -> Result<()> {
    let wire_log = WireLog::new()?;
    let stack = stack(&wire_log.options()?).await?;
    let count = subscriptions() / 100;
    let started = Instant::now();
    let mut clients = subscribers(&stack, count).await?;
    println!(
        "{} subscriptions on {count} connections in {:?}",
        count * PER_CONNECTION,
        started.elapsed()
    );
    // A tenth of the connections closes, and their subscriptions stay.
    let forget = json!({"caller": "longhaul-connection", "service": "dynamodb", "operation": "Query",
        "effect": {"fail": {"status": 500, "code": "InternalServerError"}}});
    stack.set_faults(json!([forget])).await?;
    let closed_count = count / 10;
    clients.truncate(count - closed_count);
    wait_until("they are closed", async || {
        let log = stack.log("connection");
        Ok(log.matches("handling a connection's event failed").count() >= closed_count)
    })
    .await?;
    ensure!(rows(&stack).await? == count * PER_CONNECTION);
    // A tenth of the pushes is throttled.
    let throttle = json!({"caller": "longhaul-fanout", "service": "execute-api", "operation": "PostToConnection",
        "every": 10, "effect": {"fail": {"status": 429, "code": "LimitExceededException"}}});
    stack.set_faults(json!([throttle])).await?;
    let before = calls(&wire_log)?;
    let started = Instant::now();
    stack.publish(&published()).await?;
    let received = try_join_all(
        clients
            .iter_mut()
            .map(|client| receive_distinct(client, PER_CONNECTION / 3)),
    )
    .await?;
    println!(
        "{} notifications received {:?} after the publish",
        received.iter().map(HashSet::len).sum::<usize>(),
        started.elapsed()
    );
    stack.wait_for_fanout().await?;
    println!("fan-out done after {:?}", started.elapsed());
    for client in &mut clients {
        let answer = client.request(json!({"action": "ping"})).await?;
        ensure!(answer["type"] == "pong", "one more: {answer}");
    }
    let distinct: HashSet<&String> = received.iter().flatten().collect();
    assert_eq!(distinct.len(), (count - closed_count) * PER_CONNECTION / 3);
    for (call, number) in calls(&wire_log)? {
        let number = number - before.get(&call).copied().unwrap_or_default();
        if number > 0 {
            println!("{number:>7} {call}");
        }
    }
    wait_until(
        "the subscriptions of closed connections are removed",
        async || Ok(rows(&stack).await? == (count - closed_count) * PER_CONNECTION),
    )
    .await
}

#[tokio::test]
async fn a_killed_fan_out_resumes_with_the_same_notification_ids() -> Result<()> {
    let stack = stack(&["--parameter", "FanoutVisibilitySeconds=30"]).await?;
    let mut clients = subscribers(&stack, 4).await?;
    let kill = json!({"caller": "longhaul-fanout", "service": "execute-api", "operation": "PostToConnection",
        "number": 20, "effect": {"kill": "after"}});
    stack.set_faults(json!([kill])).await?;
    stack.publish(&published()).await?;
    let received = try_join_all(
        clients
            .iter_mut()
            .map(|client| receive_with_repeats(client, PER_CONNECTION / 3)),
    )
    .await?;
    let report = stack.fault_report().await?;
    assert_eq!(report["kills"], 1);
    let ids: HashSet<&String> = received.iter().flatten().collect();
    assert_eq!(ids.len(), 4 * PER_CONNECTION / 3);
    let repeats = received.iter().map(Vec::len).sum::<usize>() - ids.len();
    println!("{} received, {repeats} of them again", ids.len());
    ensure!(
        repeats > 0,
        "what was pushed before the kill is pushed again"
    );
    stack.wait_for_fanout().await
}

async fn stack(extra: &[&str]) -> Result<Stack> {
    let options = [
        &["--parameter", "ThrottleRate=10000"][..],
        &["--parameter", "ThrottleBurst=5000"],
        // So that each shard has several pages.
        &["--parameter", "FanoutPage=50"],
    ];
    let page = subscriptions() > 1_000;
    let options = if page { &options[..2] } else { &options[..] };
    Stack::start(&[&options.concat(), extra].concat()).await
}

fn published() -> Value {
    json!({"topic": "new-deals", "type": "deal", "data": {"category": "travel", "discount": 50}})
}

/// Opens `count` connections, each with [`PER_CONNECTION`] subscriptions. A third of them match [`published`].
async fn subscribers(stack: &Stack, count: usize) -> Result<Vec<Client>> {
    let mut clients = vec![];
    for number in 0..count {
        clients.push(stack.client(&format!("user-{number}")).await?);
    }
    // In groups, since the stage may throttle all at once.
    for group in clients.chunks_mut(8) {
        try_join_all(group.iter_mut().map(subscribe)).await?;
    }
    Ok(clients)
}

async fn subscribe(client: &mut Client) -> Result<()> {
    for number in 0..PER_CONNECTION {
        let filters = match number % 3 {
            0 => json!({"category": ["food", "travel"], "minDiscount": 50}),
            1 => json!({"category": "travel", "minDiscount": 51}),
            _ => json!({"category": "food"}),
        };
        let data = json!({"topic": "new-deals", "filters": filters});
        let answer = client
            .request(json!({"action": "subscribe", "data": data}))
            .await?;
        ensure!(answer["type"] == "subscriptionConfirmed", "{answer}");
    }
    Ok(())
}

/// Receives `count` notifications; fails if one arrives twice.
async fn receive_distinct(client: &mut Client, count: usize) -> Result<HashSet<String>> {
    let mut ids = HashSet::new();
    while ids.len() < count {
        let id = notification(client).await?;
        ensure!(ids.insert(id), "one came twice");
    }
    Ok(ids)
}

/// Receives notifications until `count` different ones have arrived; returns all ids, repeats included.
async fn receive_with_repeats(client: &mut Client, count: usize) -> Result<Vec<String>> {
    let (mut ids, mut all) = (HashSet::new(), vec![]);
    while ids.len() < count {
        let id = notification(client).await?;
        all.push(id.clone());
        ids.insert(id);
    }
    Ok(all)
}

async fn notification(client: &mut Client) -> Result<String> {
    let frame = client.next().await?;
    let expected = published();
    ensure!(
        frame["type"] == "deal" && frame["data"] == expected["data"],
        "{frame}"
    );
    let id = frame["notificationId"].as_str().context("no id")?;
    Ok(id.to_owned())
}

/// The number of rows in the subscriptions table.
async fn rows(stack: &Stack) -> Result<usize> {
    let table = ["--table-name", "longhaul-subscriptions"];
    let scan = [&["dynamodb", "scan", "--select", "COUNT"][..], &table];
    let count = stack.aws(&scan.concat()).await?["Count"].as_u64();
    Ok(usize::try_from(count.context("no count")?)?)
}

/// The number of calls of the two functions, by operation and status.
fn calls(wire_log: &WireLog) -> Result<BTreeMap<String, usize>> {
    let mut calls = BTreeMap::new();
    for call in wire_log.calls()? {
        let text = |name: &str| call[name].as_str().unwrap_or_default();
        if matches!(text("caller"), "longhaul-publish" | "longhaul-fanout") {
            let (caller, service) = (text("caller"), text("service"));
            let name = format!(
                "{caller} {service} {} {}",
                text("operation"),
                call["status"]
            );
            *calls.entry(name).or_default() += 1;
        }
    }
    Ok(calls)
}
