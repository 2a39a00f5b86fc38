//! A connection whose `$disconnect` is lost, so that the sweep must find its end.

use anyhow::{Context, Result};
use serde_json::json;

use crate::support::client::Client;
use crate::support::stack::Stack;

/// Subscribes the client to a room, closes it, kills the function that should record it, and lets the token of the connection's row have
/// expired long ago. Returns the connection's id.
pub async fn lose_disconnect(stack: &Stack, mut client: Client) -> Result<String> {
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
