//! What a back end sends to a user: kept, delivered, listed, acknowledged.

use crate::support::stack::Stack;
use crate::support::transcript::Transcript;
use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Puts notifications into a user's inbox, as whoever publishes to a user does.
async fn keep(stack: &Stack, user: &str, notes: &[(&str, Value)]) -> Result<()> {
    let an_hour_ago = (Timestamp::now() - SignedDuration::from_hours(1)).to_string();
    let put = |(n, (topic, data)): (usize, &(&str, Value))| {
        let id = format!("0190c6f3-0000-7000-8000-00000000000{n}");
        json!({"PutRequest": {"Item": {
            "owner": {"S": format!("user:0::{user}")}, "id": {"S": id}, "type": {"S": "deal"},
            "topic": {"S": topic}, "data": {"S": data.to_string()},
            "at": {"S": an_hour_ago}, "ttl": {"N": "4000000000"}}}})
    };
    let puts: Vec<Value> = notes.iter().enumerate().map(put).collect();
    let puts = json!({"longhaul-inbox": puts}).to_string();
    let write = ["dynamodb", "batch-write-item", "--request-items", &puts];
    stack.aws(&write).await.map(drop)
}

#[tokio::test]
async fn notifications_are_delivered_listed_and_acknowledged() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let deals = [
        ("new-deals", json!({"dealId": 7, "discount": 30})),
        ("new-deals", json!({"dealId": 8, "discount": 40})),
        ("old-deals", json!({"dealId": 1})),
    ];
    keep(&stack, "carol", &deals).await?;
    let mut carol = stack.client("carol").await?;
    let mut shown = Transcript::new("notifications", "Notifications: delivered, listed, read.");
    shown.note("What came while nobody was there, oldest first.");
    let mut heard = vec![];
    for _ in &deals {
        let frame = shown
            .until("carol", &mut carol, |frame| frame["type"] == "deal")
            .await?;
        heard.push(frame["notificationId"].clone());
    }
    shown.note("Read, it does not come again. Acknowledging twice is as once.");
    let ack = json!({"action": "notificationAck", "data": {"notificationId": heard[1]}});
    for _ in 0..2 {
        shown
            .ask("carol", &mut carol, ack.clone(), "ackConfirmed")
            .await?;
    }
    shown.note("A list has what is unread first, each newest first, a page at a time; or what is unread only.");
    let list = json!({"action": "listNotifications", "limit": 2});
    let page = shown
        .ask("carol", &mut carol, list.clone(), "notifications")
        .await?;
    let mut rest = list.clone();
    rest["cursor"] = page["cursor"].clone();
    let last = shown
        .ask("carol", &mut carol, rest, "notifications")
        .await?;
    assert_eq!(last["notifications"][0]["status"], "read");
    assert_eq!(last["cursor"], Value::Null);
    let unread = json!({"action": "listNotifications", "unread": true});
    let unread = shown
        .ask("carol", &mut carol, unread, "notifications")
        .await?;
    let listed = unread["notifications"].as_array().context("no list")?;
    assert_eq!((listed.len(), &unread["cursor"]), (2, &Value::Null));
    shown.note("Another's, and none, are refused in the same words.");
    let mut mallory = stack.client("mallory").await?;
    shown.ask("mallory", &mut mallory, ack, "error").await?;

    let mut again = stack.client("carol").await?;
    for id in [&heard[0], &heard[2]] {
        assert_eq!(&again.until("deal").await?[0]["notificationId"], id);
    }
    for cursor in ["x", "read~x"] {
        let list = json!({"action": "listNotifications", "cursor": cursor});
        let refused = again.ask(list).await?;
        assert_eq!(refused["data"]["details"]["field"], "cursor");
    }
    shown.compare()
}
