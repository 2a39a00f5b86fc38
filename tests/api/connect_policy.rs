//! Who may connect: signing keys, origins, networks, and the time limit for authentication.

use anyhow::Result;
use jiff::Timestamp;
use serde_json::json;

use crate::support::client::Client;
use crate::support::issuer::{Issuer, SigningKey, stack_with_issuer};
use crate::support::stack::Stack;
use crate::support::tokens::{token, token_with_claims};
use crate::support::wait::wait_until;

async fn handshake(stack: &Stack, token: &str) -> Option<u16> {
    let url = format!("{}/?token={token}", stack.gateway);
    Client::connect(&url, None)
        .await
        .err()
        .map(|refused| refused.0)
}

#[tokio::test]
async fn keys_are_rotated_and_cached_while_the_issuer_is_down() -> Result<()> {
    let (first, second, forged) = (
        SigningKey::rsa("first"),
        SigningKey::ec("second"),
        SigningKey::ec("made up"),
    );
    let issuer = Issuer::start(&[&first]).await?;
    let stack = stack_with_issuer(&issuer, "RS256,ES256").await?;
    let (old_token, new_token) = (
        first.sign(&issuer.claims("alice")),
        second.sign(&issuer.claims("alice")),
    );
    assert_eq!(handshake(&stack, &old_token).await, None);
    let requests_before = issuer.request_count();
    issuer.publish(&[&second]);
    assert_eq!(
        handshake(&stack, &new_token).await,
        None,
        "the new key was fetched"
    );
    assert!(issuer.request_count() > requests_before);
    assert_eq!(
        handshake(&stack, &old_token).await,
        Some(403),
        "the old one is withdrawn"
    );

    // An unknown key id does not cause a request to the issuer each time.
    let (requests_before, unknown_key_token) =
        (issuer.request_count(), forged.sign(&issuer.claims("alice")));
    for _ in 0..10 {
        assert_eq!(handshake(&stack, &unknown_key_token).await, Some(403));
    }
    assert!(issuer.request_count() - requests_before < 10);

    // While the issuer is down, the fetched keys stay valid.
    issuer.go_down();
    assert_eq!(handshake(&stack, &new_token).await, None);
    assert_eq!(handshake(&stack, &unknown_key_token).await, Some(403));
    Ok(())
}

#[tokio::test]
async fn connections_are_refused_until_the_issuers_keys_are_available() -> Result<()> {
    let key = SigningKey::ec("k");
    let issuer = Issuer::start(&[&key]).await?;
    issuer.go_down();
    let stack = stack_with_issuer(&issuer, "ES256").await?;
    let token = key.sign(&issuer.claims("alice"));
    assert_eq!(
        handshake(&stack, &token).await,
        Some(500),
        "an internal error, which a client retries"
    );
    let mut client = Client::connect(&stack.gateway, None).await?;
    let answer = client
        .request(json!({"action": "authenticate", "token": token}))
        .await?;
    assert_eq!(answer["data"]["code"], "INTERNAL_ERROR", "{answer}");
    assert_eq!(
        client.request(json!({"action": "listJobs"})).await?["data"]["code"],
        "AUTHENTICATION_ERROR"
    );
    issuer.publish(&[&key]);
    wait_until("the keys are fetched again", async || {
        Ok(handshake(&stack, &token).await.is_none())
    })
    .await
}

#[tokio::test]
async fn only_allowed_origins_may_connect() -> Result<()> {
    let stack = Stack::start(&["--origin", "http://localhost:5173"]).await?;
    let port = stack
        .gateway
        .rsplit(':')
        .next()
        .unwrap_or_default()
        .to_owned();
    let url = format!("{}/?token={}", stack.gateway, token("alice"));
    let refused = async |headers: &[(&'static str, &str)]| {
        let connected = Client::connect_with_headers(&url, headers).await;
        connected.err().map(|refused| refused.0)
    };
    let own = [
        format!("http://localhost:{port}"),
        format!("http://127.0.0.1:{port}"),
    ];
    for page in [&own[0], &own[1], "http://localhost:5173"] {
        assert_eq!(refused(&[("origin", page)]).await, None, "{page}");
    }
    assert_eq!(
        refused(&[]).await,
        None,
        "without an origin, as it is not a browser"
    );
    let reason = "origin is not on the list";
    for page in [
        "https://evil.example",
        "http://localhost:5174",
        "null",
        "http://localhost",
        "http://\u{e9}.example",
    ] {
        let before = stack.log_count("authorize", reason);
        assert_eq!(refused(&[("origin", page)]).await, Some(403), "{page}");
        stack.wait_for_log("authorize", reason, before).await?;
        println!("origin {page:25} 403; logged");
    }
    let two = [
        ("origin", own[0].as_str()),
        ("origin", "https://evil.example"),
    ];
    assert_eq!(refused(&two).await, Some(403));
    Ok(())
}

#[tokio::test]
async fn an_empty_origin_list_refuses_browsers_and_a_network_list_other_addresses() -> Result<()> {
    let mut stack = Stack::start(&["--parameter", "AllowedOrigins="]).await?;
    let page = [("origin", "https://app.example.com")];
    let refused = Client::connect_with_headers(&stack.gateway, &page)
        .await
        .err();
    assert_eq!(refused.map(|refused| refused.0), Some(403));
    stack
        .wait_for_log("authorize", "the list of allowed origins is empty", 0)
        .await?;
    assert!(Client::connect(&stack.gateway, None).await.is_ok());

    stack.kill().await?;
    stack
        .restart_with_options(&["--parameter", "AllowedNetworks=192.0.2.0/24"])
        .await?;
    assert_eq!(handshake(&stack, &token("alice")).await, Some(403));
    stack
        .wait_for_log("authorize", "none of the allowed networks", 0)
        .await?;
    stack.kill().await?;
    stack
        .restart_with_options(&["--parameter", "AllowedNetworks=192.0.2.0/24,127.0.0.0/8"])
        .await?;
    assert_eq!(handshake(&stack, &token("alice")).await, None);
    Ok(())
}

#[tokio::test]
async fn an_unauthenticated_connection_is_closed_by_the_sweep() -> Result<()> {
    let stack = Stack::start(&["--parameter", "StrangerSeconds=10", "--tick-seconds", "1"]).await?;
    let mut known = stack.client("alice").await?;
    let mut late = Client::connect(&stack.gateway, None).await?;
    let frame = json!({"action": "authenticate", "token": token("bob")});
    assert_eq!(late.request(frame).await?["type"], "authenticated");
    let mut unauthenticated = Client::connect(&stack.gateway, None).await?;
    let end = unauthenticated.next().await.unwrap_err().to_string();
    assert!(end.contains("closed"), "{end}");
    stack
        .wait_for_log("sweep", "nobody authenticated on it", 0)
        .await?;
    for client in [&mut known, &mut late] {
        assert_eq!(
            client.request(json!({"action": "ping"})).await?["type"],
            "pong"
        );
    }
    // Its row has left the index of unauthenticated connections, so that no sweep reads it again.
    stack
        .wait_for_indexed_connections("unauthenticated", 0)
        .await
}

#[tokio::test]
async fn an_expired_token_is_refused_and_can_be_refreshed() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    // The leeway is 30 s.
    let expired_claims = json!({"sub": "alice", "exp": Timestamp::now().as_second() - 15});
    let url = format!(
        "{}/?token={}",
        stack.gateway,
        token_with_claims(&expired_claims)
    );
    let mut client = Client::connect(&url, None).await?;
    let list = json!({"action": "listJobs"});
    assert_eq!(client.request(list.clone()).await?["type"], "jobs");
    let refusal = loop {
        let answer = client.request(list.clone()).await?;
        if answer["type"] == "error" {
            break answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    };
    assert_eq!(refusal["data"]["code"], "AUTHENTICATION_ERROR");
    let renewed = json!({"action": "refreshToken", "token": token("alice"), "requestId": "r"});
    let renewed = client.request(renewed).await?;
    assert_eq!(
        (
            &renewed["type"],
            &renewed["expiresAt"],
            &renewed["requestId"]
        ),
        (&json!("tokenRefreshed"), &json!(u32::MAX), &json!("r"))
    );
    assert_eq!(client.request(list).await?["type"], "jobs");
    Ok(())
}
