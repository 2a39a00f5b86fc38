//! Admin actions on connections, which nobody else may use.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::stack::Stack;
use crate::support::tokens::{admin_claims, token, token_with_claims};
use crate::support::transcript::Transcript;

fn admin_frames() -> [Value; 6] {
    [
        json!({"action": "listConnections"}),
        json!({"action": "listConnections", "data": {"userId": "alice"}}),
        json!({"action": "setStatus", "data": {"connectionId": "x", "status": "CONNECTED"}}),
        json!({"action": "closeConnection", "data": {"connectionId": "x"}}),
        json!({"action": "cleanupConnections"}),
        json!({"action": "broadcast", "data": {"content": "Hello"}}),
    ]
}

/// Inserts rows of connections that the gateway no longer knows.
async fn insert_closed_connections(stack: &Stack, ids: &[String]) -> Result<()> {
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

async fn listed_ids(client: &mut Client, frame: Value) -> Result<Vec<String>> {
    client.send(frame).await?;
    let list = client.until("connections").await?.pop();
    let list = list.context("no list")?;
    let rows = list["connections"].as_array().context("no rows")?;
    let ids = rows.iter().flat_map(|row| row["connectionId"].as_str());
    Ok(ids.map(str::to_owned).collect())
}

#[tokio::test]
async fn an_admin_lists_marks_closes_cleans_up_and_broadcasts() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut root = stack.client_with_claims(&admin_claims(None)).await?;
    let mut alice = stack.client("alice").await?;
    let mut transcript = Transcript::new(
        "admin_connections",
        "Admin actions: for members of the group `admin`.",
    );
    transcript.note("A user's connections, including those closed within the last day.");
    let list = json!({"action": "listConnections", "data": {"userId": "alice"}});
    let page = transcript
        .request("root", &mut root, list, "connections")
        .await?;
    let one = page["connections"][0]["connectionId"].clone();
    // All connections in no order. `limit` is the number of rows read, so a page may have fewer.
    let mut all = json!({"action": "listConnections", "limit": 100});
    let page = root.request(all.clone()).await?;
    assert_eq!(page["connections"].as_array().map(Vec::len), Some(2));
    let (mut found, mut pages) = (0, 0);
    all["limit"] = 1.into();
    loop {
        let page = root.request(all.clone()).await?;
        found += page["connections"].as_array().map_or(0, Vec::len);
        pages += 1;
        if page["cursor"].is_null() {
            break;
        }
        // The cursor never has the key of a user's row.
        assert!(!page["cursor"].to_string().contains("user:"), "{page}");
        all["cursor"] = page["cursor"].clone();
    }
    assert!(found == 2 && pages >= 2, "{found} on {pages} pages");

    transcript
        .note("A record can be marked: a connection marked as disconnected receives no broadcast.");
    let set = |status: &str| json!({"action": "setStatus", "data": {"connectionId": one, "status": status}});
    let broadcast = json!({"action": "broadcast", "data": {"content": "Back in five minutes.", "userId": "alice"}});
    for status in ["DISCONNECTED", "CONNECTED"] {
        transcript
            .request("root", &mut root, set(status), "statusSet")
            .await?;
        transcript
            .request("root", &mut root, broadcast.clone(), "broadcastSent")
            .await?;
    }
    transcript
        .until("alice", &mut alice, |frame| frame["type"] == "system")
        .await?;
    transcript.note("Connections without activity for an hour are checked; those that the gateway does not know are removed.");
    insert_closed_connections(&stack, &["AAAAAAAAAAAAAAA=".to_owned()]).await?;
    let clean = json!({"action": "cleanupConnections"});
    let cleaned = transcript
        .request("root", &mut root, clean, "connectionsCleaned")
        .await?;
    assert_eq!(
        cleaned["data"],
        json!({"removed": 1, "closed": 0, "kept": 0})
    );
    transcript.note("A connection is closed.");
    let close = json!({"action": "closeConnection", "data": {"connectionId": one}});
    transcript
        .request("root", &mut root, close, "connectionClosed")
        .await?;
    assert!(alice.next().await.is_err());
    transcript.note("Nobody else may use these actions.");
    let mut bob = stack.client("bob").await?;
    for frame in admin_frames() {
        let error = transcript.request("bob", &mut bob, frame, "error").await?;
        assert_eq!(error["data"]["code"], "AUTHORIZATION_ERROR", "{error}");
    }
    transcript.compare()
}

#[tokio::test]
async fn a_broadcast_reaches_twenty_connections_and_marks_closed_ones() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut root = stack.client_with_claims(&admin_claims(None)).await?;
    let mut clients = vec![];
    for n in 0..20 {
        clients.push(stack.client(["alice", "bob"][n % 2]).await?);
    }
    let ids: Vec<String> = (0..5).map(|n| format!("DEAD{n}AAAAAAAAAA=")).collect();
    insert_closed_connections(&stack, &ids).await?;
    let broadcast =
        json!({"action": "broadcast", "data": {"content": "To alice", "userId": "alice"}});
    root.send(broadcast).await?;
    let answer = root
        .until("broadcastSent")
        .await?
        .pop()
        .context("no answer")?;
    assert_eq!(answer["data"], json!({"sent": 10, "gone": 5, "lost": 0}));
    insert_closed_connections(&stack, &ids).await?;
    root.send(json!({"action": "broadcast", "data": {"content": "To all"}}))
        .await?;
    // The admin receives it as well.
    let received = root.until("broadcastSent").await?;
    let answer = received.last().context("no answer")?;
    assert_eq!(answer["data"], json!({"sent": 21, "gone": 5, "lost": 0}));
    for (n, client) in clients.iter_mut().enumerate() {
        let received = client.until("system").await?.pop().context("nothing")?;
        if n % 2 == 0 {
            assert_eq!(received["content"], "To alice");
            assert_eq!(client.next().await?["content"], "To all");
        } else {
            assert_eq!(received["content"], "To all");
        }
    }
    let list = root.request(json!({"action": "listConnections"})).await?;
    let rows = list["connections"].as_array().context("no rows")?;
    let is_closed = |row: &&Value| ids.iter().any(|id| row["connectionId"] == id.as_str());
    let closed: Vec<&Value> = rows.iter().filter(is_closed).collect();
    assert_eq!(closed.len(), ids.len(), "{list}");
    assert!(
        closed.iter().all(|row| row["status"] == "DISCONNECTED"),
        "{list}"
    );
    Ok(())
}

#[tokio::test]
async fn admin_rights_end_at_the_tenant_and_come_from_a_token_only() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let tenant = |name: &str| json!({"sub": "alice", "username": "alice", "tenant": name});
    let mut root = stack
        .client_with_claims(&admin_claims(Some("acme")))
        .await?;
    let mut ours = stack.client_with_claims(&tenant("acme")).await?;
    let mut others = stack.client_with_claims(&tenant("other")).await?;
    let of_alice = json!({"action": "listConnections", "data": {"userId": "alice"}});
    let seen = listed_ids(&mut root, of_alice.clone()).await?;
    assert_eq!(seen.len(), 1, "{seen:?}");
    let all = listed_ids(&mut root, json!({"action": "listConnections"})).await?;
    assert_eq!(all.len(), 2, "{all:?}");
    let others_id = {
        let authenticated = others.request(json!({"action": "authenticate"})).await?;
        authenticated["connectionId"].clone()
    };
    assert!(!all.iter().any(|id| others_id == **id));
    for action in ["closeConnection", "setStatus"] {
        let frame = json!({"action": action, "data": {"connectionId": others_id, "status": "DISCONNECTED"}});
        assert_eq!(root.error_code(frame).await?, "NOT_FOUND");
        let frame = json!({"action": action, "data": {"connectionId": "user:4:acme:alice", "status": "DISCONNECTED"}});
        assert_eq!(root.error_code(frame).await?, "NOT_FOUND");
    }
    root.send(json!({"action": "broadcast", "data": {"content": "Acme only"}}))
        .await?;
    root.until("broadcastSent").await?;
    assert_eq!(ours.until("system").await?[0]["content"], "Acme only");
    let pong = others.request(json!({"action": "ping"})).await?;
    assert_eq!(pong["type"], "pong", "it received nothing before");

    // Groups that are not `admin`, and claims that are neither a list nor a text.
    for groups in [json!(["admins"]), json!("admins"), json!({"admin": true})] {
        let claims = json!({"sub": "eve", "username": "eve", "cognito:groups": groups});
        let mut eve = stack.client_with_claims(&claims).await?;
        assert_eq!(
            eve.error_code(of_alice.clone()).await?,
            "AUTHORIZATION_ERROR"
        );
    }
    // The token in a frame decides too, and a newer token replaces it.
    let mut late = Client::connect(&stack.gateway, None).await?;
    for frame in admin_frames() {
        assert_eq!(late.error_code(frame).await?, "AUTHENTICATION_ERROR");
    }
    let mut claims = admin_claims(None);
    claims["exp"] = u32::MAX.into();
    late.send(json!({"action": "authenticate", "token": token_with_claims(&claims)}))
        .await?;
    late.until("authenticated").await?;
    listed_ids(&mut late, of_alice.clone()).await?;
    late.send(json!({"action": "refreshToken", "token": token("root")}))
        .await?;
    late.until("tokenRefreshed").await?;
    assert_eq!(late.error_code(of_alice).await?, "AUTHORIZATION_ERROR");
    Ok(())
}
