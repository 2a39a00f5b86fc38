//! Many subscriptions of one topic: every match is heard, and nothing else, though connections are gone,
//! pushes are throttled, and the fan-out dies in the middle.
//!
//! `LONGHAUL_FANOUT` says how many there are, 100 on each connection; it prints time and calls.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::Instant;

use crate::support::client::Client;
use crate::support::stack::Stack;
use crate::until;
use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

/// Subscriptions of one connection; a third of them match.
const EACH: usize = 99;

fn subscriptions() -> usize {
    let wanted = std::env::var("LONGHAUL_FANOUT").ok();
    wanted.and_then(|count| count.parse().ok()).unwrap_or(1_000)
}

#[tokio::test]
async fn every_match_is_heard_once_by_those_who_are_there() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("wire.log");
    let stack = stack(&["--wire-log", log.to_str().context("a path")?]).await?;
    let count = subscriptions() / 100;
    let begun = Instant::now();
    let mut clients = subscribers(&stack, count).await?;
    println!(
        "{} subscriptions on {count} connections in {:?}",
        count * EACH,
        begun.elapsed()
    );
    // A tenth closes, and what they subscribed to stays.
    let forget = json!({"caller": "longhaul-connection", "service": "dynamodb", "operation": "Query",
        "effect": {"fail": {"status": 500, "code": "InternalServerError"}}});
    stack.set_faults(json!([forget])).await?;
    let gone = count / 10;
    clients.truncate(count - gone);
    until("they are gone", async || {
        let log = stack.log("connection");
        Ok(log.matches("a connection was not recorded").count() >= gone)
    })
    .await?;
    ensure!(rows(&stack).await? == count * EACH);
    // A tenth of the pushes is refused as too many.
    let throttle = json!({"caller": "longhaul-fanout", "service": "execute-api", "operation": "PostToConnection",
        "every": 10, "effect": {"fail": {"status": 429, "code": "LimitExceededException"}}});
    stack.set_faults(json!([throttle])).await?;
    let before = calls(&log)?;
    let begun = Instant::now();
    stack.publish(&published()).await?;
    let heard = try_join_all(clients.iter_mut().map(|client| hear(client, EACH / 3))).await?;
    println!(
        "{} notifications heard {:?} after the publish",
        heard.iter().map(HashSet::len).sum::<usize>(),
        begun.elapsed()
    );
    stack.told().await?;
    println!("all told after {:?}", begun.elapsed());
    for client in &mut clients {
        let answer = client.ask(json!({"action": "ping"})).await?;
        ensure!(answer["type"] == "pong", "one more: {answer}");
    }
    let distinct: HashSet<&String> = heard.iter().flatten().collect();
    assert_eq!(distinct.len(), (count - gone) * EACH / 3);
    for (call, number) in calls(&log)? {
        let number = number - before.get(&call).copied().unwrap_or_default();
        if number > 0 {
            println!("{number:>7} {call}");
        }
    }
    until("the rows of the gone are removed", async || {
        Ok(rows(&stack).await? == (count - gone) * EACH)
    })
    .await
}

#[tokio::test]
async fn a_fan_out_that_dies_is_taken_up_again_under_the_same_ids() -> Result<()> {
    let stack = stack(&["--parameter", "FanoutVisibilitySeconds=30"]).await?;
    let mut clients = subscribers(&stack, 4).await?;
    let kill = json!({"caller": "longhaul-fanout", "service": "execute-api", "operation": "PostToConnection",
        "number": 20, "effect": {"kill": "after"}});
    stack.set_faults(json!([kill])).await?;
    stack.publish(&published()).await?;
    let heard = try_join_all(clients.iter_mut().map(|client| hear_all(client, EACH / 3))).await?;
    let (_, report) = stack.faults("GET", "", "").await?;
    assert_eq!(report["kills"], 1);
    let ids: HashSet<&String> = heard.iter().flatten().collect();
    assert_eq!(ids.len(), 4 * EACH / 3);
    let repeats = heard.iter().map(Vec::len).sum::<usize>() - ids.len();
    println!("{} heard, {repeats} of them again", ids.len());
    ensure!(repeats > 0, "what was told before the death is told again");
    stack.told().await
}

async fn stack(more: &[&str]) -> Result<Stack> {
    let options = [
        &["--parameter", "ThrottleRate=10000"][..],
        &["--parameter", "ThrottleBurst=5000"],
        // Several pages of each shard.
        &["--parameter", "FanoutPage=50"],
    ];
    let page = subscriptions() > 1_000;
    let options = if page { &options[..2] } else { &options[..] };
    Stack::start(&[&options.concat(), more].concat()).await
}

fn published() -> Value {
    json!({"topic": "new-deals", "type": "deal", "data": {"category": "travel", "discount": 50}})
}

/// So many connections, each with subscriptions of which a third matches [`published`].
async fn subscribers(stack: &Stack, count: usize) -> Result<Vec<Client>> {
    let mut clients = vec![];
    for number in 0..count {
        clients.push(stack.client(&format!("user-{number}")).await?);
    }
    // Some at a time: all at once is a flood, which the stage may refuse.
    for some in clients.chunks_mut(8) {
        try_join_all(some.iter_mut().map(subscribe)).await?;
    }
    Ok(clients)
}

async fn subscribe(client: &mut Client) -> Result<()> {
    for number in 0..EACH {
        let filters = match number % 3 {
            0 => json!({"category": ["food", "travel"], "minDiscount": 50}),
            1 => json!({"category": "travel", "minDiscount": 51}),
            _ => json!({"category": "food"}),
        };
        let data = json!({"topic": "new-deals", "filters": filters});
        let answer = client
            .ask(json!({"action": "subscribe", "data": data}))
            .await?;
        ensure!(answer["type"] == "subscriptionConfirmed", "{answer}");
    }
    Ok(())
}

/// So many notifications, none of them twice.
async fn hear(client: &mut Client, count: usize) -> Result<HashSet<String>> {
    let mut ids = HashSet::new();
    while ids.len() < count {
        let id = notification(client).await?;
        ensure!(ids.insert(id), "one came twice");
    }
    Ok(ids)
}

/// Notifications until so many different ones have come.
async fn hear_all(client: &mut Client, count: usize) -> Result<Vec<String>> {
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

/// Rows of the subscriptions table.
async fn rows(stack: &Stack) -> Result<usize> {
    let table = ["--table-name", "longhaul-subscriptions"];
    let scan = [&["dynamodb", "scan", "--select", "COUNT"][..], &table];
    let count = stack.aws(&scan.concat()).await?["Count"].as_u64();
    Ok(usize::try_from(count.context("no count")?)?)
}

/// Calls of the two functions, by what they are and how they were answered.
fn calls(log: &Path) -> Result<BTreeMap<String, usize>> {
    let mut calls = BTreeMap::new();
    let text = std::fs::read_to_string(log)?;
    for line in text.lines().filter(|line| line.ends_with('}')) {
        let call: Value = serde_json::from_str(line)?;
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
