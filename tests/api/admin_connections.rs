//! What admins do to connections, and what nobody else does.

use crate::api::direct_messages::{client_with, refused};
use crate::support::client::Client;
use crate::support::stack::{Stack, token, token_with};
use crate::support::transcript::Transcript;
use anyhow::{Context, Result};
use serde_json::{Value, json};

pub fn admin(tenant: Option<&str>) -> Value {
    let mut claims =
        json!({"sub": "root", "username": "root", "cognito:groups": ["staff", "admin"]});
    if let Some(tenant) = tenant {
        claims["tenant"] = tenant.into();
    }
    claims
}

fn asked() -> [Value; 6] {
    [
        json!({"action": "listConnections"}),
        json!({"action": "listConnections", "data": {"userId": "alice"}}),
        json!({"action": "setStatus", "data": {"connectionId": "x", "status": "CONNECTED"}}),
        json!({"action": "closeConnection", "data": {"connectionId": "x"}}),
        json!({"action": "cleanupConnections"}),
        json!({"action": "broadcast", "data": {"content": "Hello"}}),
    ]
}

/// Rows of connections that are there no more.
async fn dead(stack: &Stack, ids: &[String]) -> Result<()> {
    let now = jiff::Timestamp::now();
    let put = |id: &String| {
        json!({"PutRequest": {"Item": {"connectionId": {"S": id}, "userId": {"S": "alice"},
            "username": {"S": "alice"}, "status": {"S": "CONNECTED"},
            "connectedAt": {"S": format!("{:.3}", now - jiff::Span::new().minutes(90))},
            "expiresAt": {"S": "2036-01-01T00:00:00.000Z"}, "ttl": {"N": "4000000000"}}}})
    };
    let puts: Vec<Value> = ids.iter().map(put).collect();
    let puts = json!({"longhaul-connections": puts}).to_string();
    let write = ["dynamodb", "batch-write-item", "--request-items", &puts];
    stack.aws(&write).await.map(drop)
}

async fn listed(client: &mut Client, frame: Value) -> Result<Vec<String>> {
    client.send(frame).await?;
    let list = client.until("connections").await?.pop();
    let list = list.context("no list")?;
    let rows = list["connections"].as_array().context("no rows")?;
    let ids = rows.iter().flat_map(|row| row["connectionId"].as_str());
    Ok(ids.map(str::to_owned).collect())
}

#[tokio::test]
async fn an_admin_lists_sets_closes_cleans_and_tells() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut root = client_with(&stack, admin(None)).await?;
    let mut alice = stack.client("alice").await?;
    let mut shown = Transcript::new("admin", "What admins do: who is in the group `admin`.");
    shown.note("A user's connections, those that have closed within a day too.");
    let list = json!({"action": "listConnections", "data": {"userId": "alice"}});
    let page = shown.ask("root", &mut root, list, "connections").await?;
    let one = page["connections"][0]["connectionId"].clone();
    // All, in no order, a page at a time: it looks at so many rows of the table, and may hold fewer.
    let mut all = json!({"action": "listConnections", "limit": 100});
    let page = root.ask(all.clone()).await?;
    assert_eq!(page["connections"].as_array().map(Vec::len), Some(2));
    let (mut found, mut pages) = (0, 0);
    all["limit"] = 1.into();
    loop {
        let page = root.ask(all.clone()).await?;
        found += page["connections"].as_array().map_or(0, Vec::len);
        pages += 1;
        if page["cursor"].is_null() {
            break;
        }
        // No key of a user's row.
        assert!(!page["cursor"].to_string().contains("user:"), "{page}");
        all["cursor"] = page["cursor"].clone();
    }
    assert!(found == 2 && pages >= 2, "{found} on {pages} pages");

    shown.note("What a record says: whoever counts as disconnected is told nothing.");
    let set = |status: &str| json!({"action": "setStatus", "data": {"connectionId": one, "status": status}});
    let tell = json!({"action": "broadcast", "data": {"content": "Back in five minutes.", "userId": "alice"}});
    for status in ["DISCONNECTED", "CONNECTED"] {
        shown
            .ask("root", &mut root, set(status), "statusSet")
            .await?;
        shown
            .ask("root", &mut root, tell.clone(), "broadcastSent")
            .await?;
    }
    shown
        .until("alice", &mut alice, |frame| frame["type"] == "system")
        .await?;
    shown.note("What has said nothing for an hour is looked at: of which the gateway knows nothing, it is removed.");
    dead(&stack, &["AAAAAAAAAAAAAAA=".to_owned()]).await?;
    let clean = json!({"action": "cleanupConnections"});
    let cleaned = shown
        .ask("root", &mut root, clean, "connectionsCleaned")
        .await?;
    assert_eq!(
        cleaned["data"],
        json!({"removed": 1, "closed": 0, "kept": 0})
    );
    shown.note("And closed.");
    let close = json!({"action": "closeConnection", "data": {"connectionId": one}});
    shown
        .ask("root", &mut root, close, "connectionClosed")
        .await?;
    assert!(alice.next().await.is_err());
    shown.note("Nobody else may.");
    let mut bob = stack.client("bob").await?;
    for frame in asked() {
        let error = shown.ask("bob", &mut bob, frame, "error").await?;
        assert_eq!(error["data"]["code"], "AUTHORIZATION_ERROR", "{error}");
    }
    shown.compare()
}

#[tokio::test]
async fn twenty_connections_are_told_and_the_dead_ones_removed() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut root = client_with(&stack, admin(None)).await?;
    let mut there = vec![];
    for n in 0..20 {
        there.push(stack.client(["alice", "bob"][n % 2]).await?);
    }
    let ids: Vec<String> = (0..5).map(|n| format!("DEAD{n}AAAAAAAAAA=")).collect();
    dead(&stack, &ids).await?;
    let tell = json!({"action": "broadcast", "data": {"content": "To alice", "userId": "alice"}});
    root.send(tell).await?;
    let told = root
        .until("broadcastSent")
        .await?
        .pop()
        .context("no answer")?;
    assert_eq!(told["data"], json!({"sent": 10, "gone": 5, "lost": 0}));
    dead(&stack, &ids).await?;
    root.send(json!({"action": "broadcast", "data": {"content": "To all"}}))
        .await?;
    // The admin hears it as well.
    let heard = root.until("broadcastSent").await?;
    let told = heard.last().context("no answer")?;
    assert_eq!(told["data"], json!({"sent": 21, "gone": 5, "lost": 0}));
    for (n, client) in there.iter_mut().enumerate() {
        let heard = client.until("system").await?.pop().context("nothing")?;
        if n % 2 == 0 {
            assert_eq!(heard["content"], "To alice");
            assert_eq!(client.next().await?["content"], "To all");
        } else {
            assert_eq!(heard["content"], "To all");
        }
    }
    let left = listed(&mut root, json!({"action": "listConnections"})).await?;
    assert!(!ids.iter().any(|id| left.contains(id)), "{left:?}");
    Ok(())
}

#[tokio::test]
async fn an_admin_is_one_of_a_tenant_and_by_a_token_only() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let tenant = |name: &str| json!({"sub": "alice", "username": "alice", "tenant": name});
    let mut root = client_with(&stack, admin(Some("acme"))).await?;
    let mut ours = client_with(&stack, tenant("acme")).await?;
    let mut others = client_with(&stack, tenant("other")).await?;
    let of_alice = json!({"action": "listConnections", "data": {"userId": "alice"}});
    let seen = listed(&mut root, of_alice.clone()).await?;
    assert_eq!(seen.len(), 1, "{seen:?}");
    let all = listed(&mut root, json!({"action": "listConnections"})).await?;
    assert_eq!(all.len(), 2, "{all:?}");
    let others_id = {
        let authenticated = others.ask(json!({"action": "authenticate"})).await?;
        authenticated["connectionId"].clone()
    };
    assert!(!all.iter().any(|id| others_id == **id));
    for action in ["closeConnection", "setStatus"] {
        let frame = json!({"action": action, "data": {"connectionId": others_id, "status": "DISCONNECTED"}});
        assert_eq!(refused(&mut root, frame).await?, "NOT_FOUND");
        let frame = json!({"action": action, "data": {"connectionId": "user:4:acme:alice", "status": "DISCONNECTED"}});
        assert_eq!(refused(&mut root, frame).await?, "NOT_FOUND");
    }
    root.send(json!({"action": "broadcast", "data": {"content": "Acme only"}}))
        .await?;
    root.until("broadcastSent").await?;
    assert_eq!(ours.until("system").await?[0]["content"], "Acme only");
    let pong = others.ask(json!({"action": "ping"})).await?;
    assert_eq!(pong["type"], "pong", "it heard nothing before");

    // A group that is none, and a claim that is no list.
    for groups in [json!(["admins"]), json!("admin"), json!({"admin": true})] {
        let claims = json!({"sub": "eve", "username": "eve", "cognito:groups": groups});
        let mut eve = client_with(&stack, claims).await?;
        assert_eq!(
            refused(&mut eve, of_alice.clone()).await?,
            "AUTHORIZATION_ERROR"
        );
    }
    // By a frame, and no more once a newer token says so.
    let mut late = Client::connect(&stack.gateway, None).await?;
    for frame in asked() {
        assert_eq!(refused(&mut late, frame).await?, "AUTHENTICATION_ERROR");
    }
    let mut claims = admin(None);
    claims["exp"] = u32::MAX.into();
    late.send(json!({"action": "authenticate", "token": token_with(&claims)}))
        .await?;
    late.until("authenticated").await?;
    listed(&mut late, of_alice.clone()).await?;
    late.send(json!({"action": "refreshToken", "token": token("root")}))
        .await?;
    late.until("tokenRefreshed").await?;
    assert_eq!(refused(&mut late, of_alice).await?, "AUTHORIZATION_ERROR");
    Ok(())
}
