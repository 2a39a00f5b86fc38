//! The three ways to send a token, and tokens that are refused.

use anyhow::Result;
use serde_json::json;

use crate::support::client::Client;
use crate::support::stack::Stack;
use crate::support::tokens::{token, token_with_claims};

#[tokio::test]
async fn a_token_is_accepted_in_the_subprotocol_the_url_or_a_frame() -> Result<()> {
    let stack = Stack::start(&[]).await?;

    let mut by_subprotocol = Client::connect(
        &stack.gateway,
        Some(&format!("longhaul.v1, {}", token("alice"))),
    )
    .await?;
    assert_eq!(by_subprotocol.subprotocol.as_deref(), Some("longhaul.v1"));
    let mut by_url = Client::connect(
        &format!("{}/prod?token={}", stack.gateway, token("alice")),
        None,
    )
    .await?;
    assert_eq!(by_url.subprotocol, None);
    for client in [&mut by_subprotocol, &mut by_url] {
        let answer = client
            .request(json!({"action": "authenticate", "requestId": "a"}))
            .await?;
        assert_eq!(
            (&answer["type"], &answer["userId"], &answer["requestId"]),
            (&json!("authenticated"), &json!("alice"), &json!("a"))
        );
    }

    let mut by_frame = Client::connect(&stack.gateway, None).await?;
    let early = by_frame
        .request(json!({"action": "listJobs", "requestId": "e"}))
        .await?;
    assert_eq!(
        (&early["data"]["code"], &early["requestId"]),
        (&json!("AUTHENTICATION_ERROR"), &json!("e"))
    );
    let token = token_with_claims(&json!({"sub": "u-17", "username": "Alice", "exp": u32::MAX}));
    let answer = by_frame
        .request(json!({"action": "authenticate", "token": token, "userId": "u-17"}))
        .await?;
    assert_eq!(
        (&answer["type"], &answer["userId"], &answer["username"]),
        (&json!("authenticated"), &json!("u-17"), &json!("Alice"))
    );
    assert!(
        answer["message"]
            .as_str()
            .unwrap()
            .starts_with("Welcome Alice!")
    );
    assert_eq!(answer["expiresAt"], json!(u32::MAX));
    assert!(answer["connectionId"].is_string() && answer["timestamp"].is_i64());
    assert_eq!(
        by_frame.request(json!({"action": "listJobs"})).await?["jobs"],
        json!([])
    );
    Ok(())
}

#[tokio::test]
async fn a_bad_token_is_refused_at_the_handshake_and_in_a_frame() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let expired = token_with_claims(&json!({"sub": "alice", "exp": 1000}));
    let mut forged = token("alice");
    forged.replace_range(forged.len() - 4.., "AAAA");
    for bad in [expired.as_str(), forged.as_str(), "nonsense"] {
        let on_url = Client::connect(&format!("{}/?token={bad}", stack.gateway), None)
            .await
            .err()
            .map(|refused| refused.0);
        let as_subprotocol = Client::connect(&stack.gateway, Some(&format!("longhaul.v1, {bad}")))
            .await
            .err()
            .map(|refused| refused.0);
        assert_eq!((on_url, as_subprotocol), (Some(403), Some(403)));
        let mut client = Client::connect(&stack.gateway, None).await?;
        let answer = client
            .request(json!({"action": "authenticate", "token": bad, "requestId": "x"}))
            .await?;
        assert_eq!(
            (&answer["data"]["code"], &answer["requestId"]),
            (&json!("AUTHENTICATION_ERROR"), &json!("x"))
        );
    }
    // Claims without a token are ignored, and never override a token.
    let mut client = Client::connect(&format!("{}/?userId=alice", stack.gateway), None).await?;
    let claimed = client
        .request(json!({"action": "authenticate", "userId": "alice", "username": "alice"}))
        .await?;
    assert_eq!(claimed["data"]["code"], "AUTHENTICATION_ERROR");
    let differing = client
        .request(json!({"action": "authenticate", "token": token("alice"), "userId": "bob"}))
        .await?;
    assert_eq!(
        (
            &differing["data"]["code"],
            &differing["data"]["details"]["field"]
        ),
        (&json!("AUTHENTICATION_ERROR"), &json!("userId"))
    );
    Ok(())
}

#[tokio::test]
async fn a_connection_keeps_its_first_user_and_its_token_can_be_refreshed() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut client = stack.client("alice").await?;
    for action in ["authenticate", "refreshToken"] {
        let answer = client
            .request(json!({"action": action, "token": token("mallory")}))
            .await?;
        assert_eq!(answer["data"]["code"], "AUTHENTICATION_ERROR", "{action}");
    }
    let newer = token_with_claims(&json!({"sub": "alice", "exp": 4_000_000_000u32}));
    let answer = client
        .request(json!({"action": "refreshToken", "token": newer}))
        .await?;
    assert_eq!(
        (&answer["type"], &answer["expiresAt"]),
        (&json!("tokenRefreshed"), &json!(4_000_000_000u32))
    );
    Ok(())
}

#[tokio::test]
async fn claims_without_a_token_count_only_with_trust_claims() -> Result<()> {
    let stack = Stack::start(&["--trust-claims"]).await?;
    let mut client = Client::connect(&stack.gateway, None).await?;
    let answer = client
        .request(json!({"action": "authenticate", "userId": "alice", "username": "Alice"}))
        .await?;
    assert_eq!(
        (&answer["type"], &answer["userId"]),
        (&json!("authenticated"), &json!("alice"))
    );
    let mut client = Client::connect(&format!("{}/?userId=bob", stack.gateway), None).await?;
    let answer = client.request(json!({"action": "authenticate"})).await?;
    assert_eq!(
        (&answer["type"], &answer["userId"]),
        (&json!("authenticated"), &json!("bob"))
    );
    Ok(())
}
