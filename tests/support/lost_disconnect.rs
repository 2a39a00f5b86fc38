//! A connection whose `$disconnect` is lost, so that the sweep must find its end.

use anyhow::{Context, Result, ensure};
use jiff::SignedDuration;
use serde_json::json;

use crate::support::client::Client;
use crate::support::stack::Stack;
use crate::support::tokens::token;

/// Subscribes the client to a room, closes it, and kills the function that should record it. Returns the connection's
/// id.
async fn lose_end(stack: &Stack, mut client: Client) -> Result<String> {
    let own = client.request(json!({"action": "authenticate"})).await?;
    let connection = own["connectionId"].as_str().context("an id")?.to_owned();
    let subscribe = json!({"action": "subscribe", "topic": "room:lost"});
    client.request(subscribe).await?;
    let kill = json!({"caller": "longhaul-connection", "service": "dynamodb", "operation": "UpdateItem",
        "number": 1, "effect": {"kill": "before"}});
    stack.set_faults(json!([kill])).await?;
    drop(client);
    stack.wait_for_first_fault().await?;
    stack.set_faults(json!([])).await?;
    Ok(connection)
}

/// The same, and lets the token of the connection's row have expired long ago.
pub async fn lose_disconnect(stack: &Stack, client: Client) -> Result<String> {
    let connection = lose_end(stack, client).await?;
    let key = json!({"connectionId": {"S": connection}}).to_string();
    let past = json!({":at": {"S": "2026-01-01T00:00:00.000Z"}}).to_string();
    let update = [
        "dynamodb",
        "update-item",
        "--table-name",
        "longhaul-connections",
        "--key",
        &key,
    ];
    let change = [
        "--update-expression",
        "SET expiresAt = :at",
        "--expression-attribute-values",
        &past,
    ];
    stack.aws(&[&update[..], &change].concat()).await?;
    Ok(connection)
}

/// Where a user may have one connection: takes the place of one whose end was lost, by a token at the connect and by
/// one in a frame, and has an admin close a third.
pub async fn take_lost_places(stack: &Stack) -> Result<()> {
    let lost = async |user: &str| {
        let id = lose_end(stack, stack.client(user).await?).await?;
        let age = SignedDuration::from_hours(1);
        stack.open_connection_since(&id, age).await?;
        anyhow::Ok(id)
    };
    lost("kate").await?;
    stack.client("kate").await?;
    lost("liam").await?;
    let mut late = Client::connect(&stack.gateway, None).await?;
    let authenticate = json!({"action": "authenticate", "token": token("liam")});
    let answer = late.request(authenticate).await?;
    ensure!(answer["type"] == "authenticated", "{answer}");
    let third = lost("mia").await?;
    let claims = json!({"sub": "nora", "username": "nora", "cognito:groups": ["admin"]});
    let mut admin = stack.client_with_claims(&claims).await?;
    let close = json!({"action": "closeConnection", "data": {"connectionId": third}});
    admin.send(close).await?;
    admin.until("connectionClosed").await.map(drop)
}
