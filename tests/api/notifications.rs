//! Notifications to a user: stored, delivered, listed, acknowledged.

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::stack::Stack;
use crate::support::transcript::Transcript;

/// Writes notifications into a user's inbox, as a publish to the user does.
async fn insert_notifications(stack: &Stack, user: &str, notes: &[(&str, Value)]) -> Result<()> {
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
    insert_notifications(&stack, "carol", &deals).await?;
    let mut carol = stack.client("carol").await?;
    let mut transcript =
        Transcript::new("notifications", "Notifications: delivered, listed, read.");
    transcript.note("Notifications that arrived while the user was not connected, oldest first.");
    let mut ids = vec![];
    for _ in &deals {
        let frame = transcript
            .until("carol", &mut carol, |frame| frame["type"] == "deal")
            .await?;
        ids.push(frame["notificationId"].clone());
    }
    transcript.note("An acknowledged notification is not delivered again. A second acknowledgement changes nothing.");
    let ack = json!({"action": "notificationAck", "data": {"notificationId": ids[1]}});
    for _ in 0..2 {
        transcript
            .request("carol", &mut carol, ack.clone(), "ackConfirmed")
            .await?;
    }
    transcript
        .note("A list has the unread first, each part newest first, by page; or the unread only.");
    let list = json!({"action": "listNotifications", "limit": 2});
    let page = transcript
        .request("carol", &mut carol, list.clone(), "notifications")
        .await?;
    let mut rest = list.clone();
    rest["cursor"] = page["cursor"].clone();
    let last = transcript
        .request("carol", &mut carol, rest, "notifications")
        .await?;
    assert_eq!(last["notifications"][0]["status"], "read");
    assert_eq!(last["cursor"], Value::Null);
    let unread = json!({"action": "listNotifications", "unread": true});
    let unread = transcript
        .request("carol", &mut carol, unread, "notifications")
        .await?;
    let listed = unread["notifications"].as_array().context("no list")?;
    assert_eq!((listed.len(), &unread["cursor"]), (2, &Value::Null));
    transcript.note("Another user's notification is refused like an unknown one.");
    let mut mallory = stack.client("mallory").await?;
    transcript
        .request("mallory", &mut mallory, ack, "error")
        .await?;

    let mut again = stack.client("carol").await?;
    for id in [&ids[0], &ids[2]] {
        assert_eq!(&again.until("deal").await?[0]["notificationId"], id);
    }
    for cursor in ["x", "read~x"] {
        let list = json!({"action": "listNotifications", "cursor": cursor});
        let refused = again.request(list).await?;
        assert_eq!(refused["data"]["details"]["field"], "cursor");
    }
    transcript.compare()
}
