//! Where an issuer's keys are read, and what happens when they can't be.

use anyhow::{Context, Result};
use serde_json::json;

use crate::support::client::Client;
use crate::support::issuer::{
    Issuer, SigningKey, key_set, stack_with_issuer, stack_with_parameters,
};
use crate::support::stack::Stack;
use crate::support::wait::wait_until;

const CERTS: &str = "/realms/main/protocol/openid-connect/certs";

/// An issuer with a discovery document, and a key at the URL that this names.
async fn issuer_with(key: &SigningKey) -> Result<Issuer> {
    let issuer = Issuer::at("/realms/main").await?;
    issuer.publish_discovery(CERTS);
    issuer.serve(CERTS, key_set(&[key]));
    Ok(issuer)
}

/// The status with which a handshake with a token for alice is refused; `None` if it is accepted.
async fn handshake(stack: &Stack, issuer: &Issuer, key: &SigningKey) -> Option<u16> {
    let token = key.sign(&issuer.claims("alice"));
    let url = format!("{}/?token={token}", stack.gateway);
    let connected = Client::connect(&url, None).await;
    connected.err().map(|refused| refused.0)
}

#[tokio::test]
async fn the_discovery_document_and_the_keys_are_read_once() -> Result<()> {
    let key = SigningKey::rsa("k");
    let issuer = issuer_with(&key).await?;
    let stack = stack_with_issuer(&issuer, "RS256").await?;
    for _ in 0..5 {
        assert_eq!(handshake(&stack, &issuer, &key).await, None);
    }
    let discovery = issuer.well_known("openid-configuration");
    // Once by each instance of the authorizer.
    let reads = issuer.requests_for(&discovery);
    assert!((1..5).contains(&reads), "{reads}");
    assert_eq!(issuer.requests_for(CERTS), reads);
    assert_eq!(issuer.requests_for(&issuer.well_known("jwks.json")), 0);
    Ok(())
}

#[tokio::test]
async fn keys_that_move_are_found_again() -> Result<()> {
    let (old, new) = (SigningKey::rsa("old"), SigningKey::ec("new"));
    let issuer = issuer_with(&old).await?;
    let stack = stack_with_issuer(&issuer, "RS256,ES256").await?;
    assert_eq!(handshake(&stack, &issuer, &old).await, None);
    let moved = "/realms/main/keys";
    issuer.withdraw(CERTS);
    issuer.serve(moved, key_set(&[&old, &new]));
    issuer.publish_discovery(moved);
    wait_until("the new key is found", async || {
        Ok(handshake(&stack, &issuer, &new).await.is_none())
    })
    .await?;
    assert_eq!(handshake(&stack, &issuer, &old).await, None);
    Ok(())
}

#[tokio::test]
async fn a_configured_url_of_keys_replaces_discovery() -> Result<()> {
    let (key, other) = (SigningKey::rsa("k"), SigningKey::rsa("k"));
    let issuer = issuer_with(&other).await?;
    issuer.serve("/elsewhere", key_set(&[&key]));
    let stack = stack_with_parameters(&[
        "TokenAlgorithms=RS256",
        &format!("TokenIssuer={}", issuer.url),
        &format!("TokenKeysUrl={}/elsewhere", issuer.origin),
    ])
    .await?;
    assert_eq!(handshake(&stack, &issuer, &key).await, None);
    assert_eq!(handshake(&stack, &issuer, &other).await, Some(403));
    assert_eq!(issuer.requests_for("/elsewhere"), issuer.request_count());
    Ok(())
}

#[tokio::test]
async fn keys_that_cannot_be_read_are_logged_with_their_url_and_the_reason() -> Result<()> {
    let key = SigningKey::rsa("k");
    let issuer = Issuer::at("/realms/main").await?;
    let stack = stack_with_issuer(&issuer, "RS256").await?;
    let discovery = format!("{}/.well-known/openid-configuration", issuer.url);
    let keys = format!("{}{CERTS}", issuer.origin);
    let expect = async |reason: &str| -> Result<()> {
        wait_until(&format!("{reason:?} in the log"), async || {
            let refused = handshake(&stack, &issuer, &key).await;
            assert_eq!(
                refused,
                Some(500),
                "an internal error, which a client retries"
            );
            let log = stack.log("authorize");
            let mut lines = log.lines();
            Ok(lines.any(|line| line.contains("keys not refreshed") && line.contains(reason)))
        })
        .await
    };
    // Neither document.
    let fallback = format!("{}/.well-known/jwks.json", issuer.url);
    expect(&format!(
        "{discovery}: no discovery document: {fallback}: the answer is 404"
    ))
    .await?;
    // A discovery document of another issuer, without keys, with keys of plain HTTP elsewhere.
    let path = issuer.well_known("openid-configuration");
    for (document, reason) in [
        (
            json!({"issuer": "https://evil.example", "jwks_uri": keys}),
            "it is the document of another issuer",
        ),
        (json!({"issuer": issuer.url}), "it has no jwks_uri"),
        (json!({"jwks_uri": keys}), "it names no issuer"),
        (
            json!({"issuer": issuer.url, "jwks_uri": "http://keys.example/certs"}),
            "its jwks_uri is not an https URL",
        ),
    ] {
        issuer.serve(&path, document);
        expect(&format!("{discovery}, the discovery document: {reason}")).await?;
    }
    // No keys where it says, then no key set, then an issuer that is down.
    issuer.publish_discovery(CERTS);
    expect(&format!("{keys}: the answer is 404")).await?;
    issuer.serve(CERTS, "<html>");
    expect(&format!("{keys}: the answer is not a key set")).await?;
    issuer.go_down();
    expect(&format!("{discovery}: the answer is 503")).await?;

    issuer.serve(CERTS, key_set(&[&key]));
    wait_until("the keys are fetched again", async || {
        Ok(handshake(&stack, &issuer, &key).await.is_none())
    })
    .await
}

#[tokio::test]
async fn a_user_learns_nothing_about_keys_that_cannot_be_read() -> Result<()> {
    let issuer = Issuer::at("/realms/main").await?;
    let stack = stack_with_issuer(&issuer, "RS256").await?;
    let token = SigningKey::rsa("k").sign(&issuer.claims("alice"));
    let mut client = Client::connect(&stack.gateway, None).await?;
    let frame = json!({"action": "authenticate", "token": token});
    let answer = client.request(frame).await?;
    assert_eq!(answer["data"]["code"], "INTERNAL_ERROR", "{answer}");
    let content = answer["content"].as_str().context("no content")?;
    assert!(!content.contains(&issuer.origin), "{content}");
    Ok(())
}
