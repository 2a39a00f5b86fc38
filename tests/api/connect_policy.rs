//! Who may connect: by which key, from which page, from which network, and for how long without a name.

use anyhow::Result;
use jiff::Timestamp;
use serde_json::json;

use crate::api::identity_attacks::{count, logged, trusting};
use crate::support::client::Client;
use crate::support::issuer::{Issuer, Key};
use crate::support::stack::{Stack, token, token_with};
use crate::until;

async fn handshake(stack: &Stack, token: &str) -> Option<u16> {
    let url = format!("{}/?token={token}", stack.gateway);
    Client::connect(&url, None)
        .await
        .err()
        .map(|refused| refused.0)
}

#[tokio::test]
async fn an_issuers_keys_may_change_and_may_be_out_of_reach() -> Result<()> {
    let (first, second, forged) = (Key::rsa("first"), Key::ec("second"), Key::ec("made up"));
    let issuer = Issuer::start(&[&first]).await?;
    let stack = trusting(&issuer, "RS256,ES256").await?;
    let (old, new) = (
        first.sign(&issuer.claims("alice")),
        second.sign(&issuer.claims("alice")),
    );
    assert_eq!(handshake(&stack, &old).await, None);
    let asked = issuer.asked();
    issuer.publish(&[&second]);
    assert_eq!(
        handshake(&stack, &new).await,
        None,
        "the new key was fetched"
    );
    assert!(issuer.asked() > asked);
    assert_eq!(
        handshake(&stack, &old).await,
        Some(403),
        "the old one is withdrawn"
    );

    // Made-up key ids do not make us ask the issuer each time.
    let (asked, made_up) = (issuer.asked(), forged.sign(&issuer.claims("alice")));
    for _ in 0..10 {
        assert_eq!(handshake(&stack, &made_up).await, Some(403));
    }
    assert!(issuer.asked() - asked < 10);

    // What was fetched holds while the issuer is down, and nothing else does.
    issuer.go_down();
    assert_eq!(handshake(&stack, &new).await, None);
    assert_eq!(handshake(&stack, &made_up).await, Some(403));
    Ok(())
}

#[tokio::test]
async fn without_the_issuers_keys_nobody_is_let_in_until_they_are_there() -> Result<()> {
    let key = Key::ec("k");
    let issuer = Issuer::start(&[&key]).await?;
    issuer.go_down();
    let stack = trusting(&issuer, "ES256").await?;
    let token = key.sign(&issuer.claims("alice"));
    assert_eq!(
        handshake(&stack, &token).await,
        Some(500),
        "ours, and worth another try"
    );
    let mut client = Client::connect(&stack.gateway, None).await?;
    let answer = client
        .ask(json!({"action": "authenticate", "token": token}))
        .await?;
    assert_eq!(answer["data"]["code"], "INTERNAL_ERROR", "{answer}");
    assert_eq!(
        client.ask(json!({"action": "listJobs"})).await?["data"]["code"],
        "AUTHENTICATION_ERROR"
    );
    issuer.publish(&[&key]);
    until("the keys are asked for again", async || {
        Ok(handshake(&stack, &token).await.is_none())
    })
    .await
}

#[tokio::test]
async fn only_pages_that_are_allowed_may_connect() -> Result<()> {
    let stack = Stack::start(&["--origin", "http://localhost:5173"]).await?;
    let port = stack
        .gateway
        .rsplit(':')
        .next()
        .unwrap_or_default()
        .to_owned();
    let url = format!("{}/?token={}", stack.gateway, token("alice"));
    let refused = async |headers: &[(&'static str, &str)]| {
        let connected = Client::connect_with(&url, headers).await;
        connected.err().map(|refused| refused.0)
    };
    let own = [
        format!("http://localhost:{port}"),
        format!("http://127.0.0.1:{port}"),
    ];
    for page in [&own[0], &own[1], "http://localhost:5173"] {
        assert_eq!(refused(&[("origin", page)]).await, None, "{page}");
    }
    assert_eq!(refused(&[]).await, None, "no browser");
    let reason = "origin is not on the list";
    for page in [
        "https://evil.example",
        "http://localhost:5174",
        "null",
        "http://localhost",
        "http://\u{e9}.example",
    ] {
        let before = count(&stack, "authorize", reason);
        assert_eq!(refused(&[("origin", page)]).await, Some(403), "{page}");
        logged(&stack, "authorize", reason, before).await?;
        println!("page of {page:25} 403; logged");
    }
    let two = [
        ("origin", own[0].as_str()),
        ("origin", "https://evil.example"),
    ];
    assert_eq!(refused(&two).await, Some(403));
    Ok(())
}

#[tokio::test]
async fn an_empty_list_of_pages_refuses_browsers_and_a_list_of_networks_the_rest() -> Result<()> {
    let mut stack = Stack::start(&["--parameter", "AllowedOrigins="]).await?;
    let page = [("origin", "https://app.example.com")];
    let refused = Client::connect_with(&stack.gateway, &page).await.err();
    assert_eq!(refused.map(|refused| refused.0), Some(403));
    logged(
        &stack,
        "authorize",
        "the list of allowed origins is empty",
        0,
    )
    .await?;
    assert!(Client::connect(&stack.gateway, None).await.is_ok());

    stack.kill().await?;
    stack
        .restart_with(&["--parameter", "AllowedNetworks=192.0.2.0/24"])
        .await?;
    assert_eq!(handshake(&stack, &token("alice")).await, Some(403));
    logged(&stack, "authorize", "none of the allowed networks", 0).await?;
    stack.kill().await?;
    stack
        .restart_with(&["--parameter", "AllowedNetworks=192.0.2.0/24,127.0.0.0/8"])
        .await?;
    assert_eq!(handshake(&stack, &token("alice")).await, None);
    Ok(())
}

#[tokio::test]
async fn who_does_not_say_who_they_are_is_seen_out() -> Result<()> {
    let stack = Stack::start(&["--parameter", "StrangerSeconds=10", "--tick-seconds", "1"]).await?;
    let mut known = stack.client("alice").await?;
    let mut late = Client::connect(&stack.gateway, None).await?;
    let frame = json!({"action": "authenticate", "token": token("bob")});
    assert_eq!(late.ask(frame).await?["type"], "authenticated");
    let mut stranger = Client::connect(&stack.gateway, None).await?;
    let end = stranger.next().await.unwrap_err().to_string();
    assert!(end.contains("closed"), "{end}");
    logged(&stack, "sweep", "nobody authenticated on it", 0).await?;
    for client in [&mut known, &mut late] {
        assert_eq!(client.ask(json!({"action": "ping"})).await?["type"], "pong");
    }
    // Its row has left the index of the unknown, so that no sweep looks at it again.
    let scan = [
        "dynamodb",
        "scan",
        "--table-name",
        "longhaul-connections",
        "--index-name",
        "unauthenticated",
    ];
    until("no unknown connection", async || {
        Ok(stack.aws(&scan).await?["Count"] == 0)
    })
    .await
}

#[tokio::test]
async fn a_token_that_expires_on_a_connection_is_refused_and_can_be_renewed() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    // Half of the 30 s of leeway is over.
    let ending = json!({"sub": "alice", "exp": Timestamp::now().as_second() - 15});
    let url = format!("{}/?token={}", stack.gateway, token_with(&ending));
    let mut client = Client::connect(&url, None).await?;
    let list = json!({"action": "listJobs"});
    assert_eq!(client.ask(list.clone()).await?["type"], "jobs");
    let refusal = loop {
        let answer = client.ask(list.clone()).await?;
        if answer["type"] == "error" {
            break answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    };
    assert_eq!(refusal["data"]["code"], "AUTHENTICATION_ERROR");
    let renewed = json!({"action": "refreshToken", "token": token("alice"), "requestId": "r"});
    let renewed = client.ask(renewed).await?;
    assert_eq!(
        (
            &renewed["type"],
            &renewed["expiresAt"],
            &renewed["requestId"]
        ),
        (&json!("tokenRefreshed"), &json!(u32::MAX), &json!("r"))
    );
    assert_eq!(client.ask(list).await?["type"], "jobs");
    Ok(())
}
