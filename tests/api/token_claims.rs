//! What a token's claims do: the reason in the log is the reason, what can't be used fails closed, and a newer token's
//! group counts.

use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::issuer::hs256;
use crate::support::log_secrets::SECRET;
use crate::support::stack::Stack;
use crate::support::tokens::token_with_claims;
use crate::support::wait::wait_until;

fn claims(changes: &Value) -> Value {
    let mut claims = json!({"sub": "alice", "exp": u32::MAX});
    for (name, value) in changes.as_object().into_iter().flatten() {
        claims[name] = value.clone();
    }
    claims
}

async fn connect(stack: &Stack, token: &str) -> Result<Client, u16> {
    let url = format!("{}/?token={token}", stack.gateway);
    Client::connect(&url, None)
        .await
        .map_err(|refused| refused.0)
}

#[tokio::test]
async fn an_optional_claim_of_another_type_does_not_refuse_the_token() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    for changes in [
        json!({"username": 7}),
        json!({"username": ["x"], "cognito:username": {}}),
        json!({"cognito:groups": "staff"}),
        json!({"cognito:groups": {"admin": true}}),
        json!({"iat": "yesterday", "aud": 7, "iss": [], "client_id": {}, "token_use": 1}),
        json!({"tenant": null}),
    ] {
        let token = token_with_claims(&claims(&changes));
        let mut client = connect(&stack, &token)
            .await
            .map_err(|status| anyhow::anyhow!("{changes}: {status}"))?;
        let answer = client.request(json!({"action": "authenticate"})).await?;
        assert_eq!(
            (&answer["userId"], &answer["username"]),
            (&json!("alice"), &json!("alice")),
            "{changes}"
        );
        let list = json!({"action": "listConnections"});
        assert_eq!(
            client.error_code(list).await?,
            "AUTHORIZATION_ERROR",
            "{changes}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn an_unusable_user_or_tenant_refuses_the_token_and_the_log_has_the_reason() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let long = "x".repeat(257);
    for (name, value, reason) in [
        ("sub", json!(7), "usable 'sub' claim: it is no text"),
        (
            "sub",
            json!("a\u{7}"),
            "usable 'sub' claim: it contains a control character",
        ),
        (
            "tenant",
            json!(long),
            "no usable tenant: it is longer than 256 bytes",
        ),
        (
            "tenant",
            json!("acme\n"),
            "no usable tenant: it contains a control character",
        ),
        ("tenant", json!(""), "no usable tenant: it is empty"),
        ("tenant", json!(["acme"]), "no usable tenant: it is no text"),
        ("custom:tenant", json!(7), "no usable tenant: it is no text"),
    ] {
        let token = token_with_claims(&claims(&json!({ name: value })));
        let (in_authorize, in_message) = (
            stack.log_count("authorize", reason),
            stack.log_count("message", reason),
        );
        assert_eq!(
            connect(&stack, &token).await.err(),
            Some(403),
            "{name}: {value}"
        );
        stack
            .wait_for_log("authorize", reason, in_authorize)
            .await?;
        let mut client = Client::connect(&stack.gateway, None).await?;
        let frame = json!({"action": "authenticate", "token": token});
        let answer = client.request(frame).await?;
        assert_eq!(answer["data"]["code"], "AUTHENTICATION_ERROR", "{answer}");
        stack.wait_for_log("message", reason, in_message).await?;
        assert!(
            answer["content"]
                .as_str()
                .is_some_and(|content| content.contains(name)),
            "the issuer signed it for us, so its user may know: {answer}"
        );
        let list = json!({"action": "listJobs"});
        assert_eq!(client.error_code(list).await?, "AUTHENTICATION_ERROR");
    }
    Ok(())
}

#[tokio::test]
async fn a_newer_token_makes_an_admin_a_user_and_a_user_an_admin() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let token = |is_admin: bool| {
        let groups = if is_admin {
            json!(["admin"])
        } else {
            json!([])
        };
        token_with_claims(&claims(&json!({"sub": "root", "cognito:groups": groups})))
    };
    let mut owner = stack.client("owner").await?;
    let noop = json!({"action": "query", "kind": "noop", "query": "q", "params": {"steps": 600, "stepMs": 100}});
    let job = owner.submit(noop).await?;
    let check = async |root: &mut Client, is_admin: bool| -> Result<()> {
        let list = json!({"action": "listConnections"});
        root.send(list.clone()).await?;
        let listed = root.next().await?;
        let expected = if is_admin { "connections" } else { "error" };
        assert_eq!(listed["type"], expected, "{listed}");
        root.send(json!({"action": "listJobs", "userId": "owner"}))
            .await?;
        let listed = root.next().await?;
        assert_eq!(listed["type"] == "jobs", is_admin, "{listed}");
        let about = json!({"action": "getJob", "jobId": job});
        let seen = root.request(about).await?["job"]["status"] != "gone";
        assert_eq!(seen, is_admin, "another user's job");
        Ok(())
    };
    for begins_as_admin in [true, false] {
        let mut root = connect(&stack, &token(begins_as_admin))
            .await
            .map_err(|status| anyhow::anyhow!("{status}"))?;
        check(&mut root, begins_as_admin).await?;
        for is_admin in [!begins_as_admin, begins_as_admin, false] {
            let frame = json!({"action": "refreshToken", "token": token(is_admin)});
            assert_eq!(root.request(frame).await?["type"], "tokenRefreshed");
            check(&mut root, is_admin).await?;
        }
        // No longer an admin, so that following and cancelling are refused too.
        let subscribed = root
            .request(json!({"action": "subscribe", "jobId": job}))
            .await?;
        assert_eq!(subscribed["status"], "gone", "{subscribed}");
        root.request(json!({"action": "cancel", "jobId": job}))
            .await?;
        let known = owner.until_job_is(&job, "processing").await?;
        assert_eq!(known["status"], "processing");
    }
    // A user who became an admin follows and cancels.
    let mut root = connect(&stack, &token(false))
        .await
        .map_err(|status| anyhow::anyhow!("{status}"))?;
    let frame = json!({"action": "refreshToken", "token": token(true)});
    root.request(frame).await?;
    root.send(json!({"action": "cancel", "jobId": job})).await?;
    root.until("job_cancelled").await?;
    Ok(())
}

/// Makes this the present version of the secret that signs tokens, as an operator does.
async fn replace_secret(stack: &Stack, secret: &str) -> Result<()> {
    let put = ["secretsmanager", "put-secret-value"];
    let which = ["--secret-id", "longhaul-token-secret", "--secret-string"];
    stack.aws(&[&put[..], &which, &[secret]].concat()).await?;
    Ok(())
}

#[tokio::test]
async fn a_new_secret_needs_no_release() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let header = json!({"alg": "HS256", "typ": "JWT"});
    let signed = |secret: &str| hs256(&header, &claims(&json!({})), secret.as_bytes());
    let (old, new) = (signed(SECRET), signed("the next secret of nobody"));
    let mut client = connect(&stack, &old)
        .await
        .map_err(|status| anyhow::anyhow!("{status}"))?;
    let frame = |token: &str| json!({"action": "refreshToken", "token": token});
    assert_eq!(client.request(frame(&old)).await?["type"], "tokenRefreshed");
    assert_eq!(connect(&stack, &new).await.err(), Some(403));

    replace_secret(&stack, "the next secret of nobody").await?;
    // The refusal above has read the secret, and the next token of an unknown secret reads it 30 s later.
    wait_until("the new secret signs tokens", async || {
        Ok(connect(&stack, &new).await.is_ok())
    })
    .await?;
    assert_eq!(client.request(frame(&new)).await?["type"], "tokenRefreshed");
    assert_eq!(connect(&stack, &old).await.err(), Some(403));
    assert_eq!(
        client.error_code(frame(&old)).await?,
        "AUTHENTICATION_ERROR"
    );
    Ok(())
}

#[tokio::test]
async fn the_previous_secret_is_accepted_if_the_stack_says_so() -> Result<()> {
    let stack = Stack::start(&["--parameter", "AcceptPreviousSecret=true"]).await?;
    let header = json!({"alg": "HS256", "typ": "JWT"});
    let signed = |secret: &str| hs256(&header, &claims(&json!({})), secret.as_bytes());
    // Before the first rotation there is no previous version.
    let first = signed(SECRET);
    assert_eq!(connect(&stack, &first).await.err(), None);

    replace_secret(&stack, "a second secret of nobody").await?;
    let second = signed("a second secret of nobody");
    for token in [&second, &first] {
        assert_eq!(connect(&stack, token).await.err(), None);
        let mut client = Client::connect(&stack.gateway, None).await?;
        let frame = json!({"action": "authenticate", "token": token});
        assert_eq!(client.request(frame).await?["type"], "authenticated");
    }
    let expired = json!({"sub": "alice", "exp": Timestamp::now().as_second() - 60});
    let expired = hs256(&header, &expired, SECRET.as_bytes());
    let before = stack.log_count("authorize", "has expired");
    assert_eq!(connect(&stack, &expired).await.err(), Some(403));
    stack
        .wait_for_log("authorize", "has expired", before)
        .await?;

    // A secret that is replaced twice signs nothing any more.
    replace_secret(&stack, "a third secret of nobody").await?;
    let third = signed("a third secret of nobody");
    wait_until("the third secret signs tokens", async || {
        Ok(connect(&stack, &third).await.is_ok())
    })
    .await?;
    assert_eq!(connect(&stack, &second).await.err(), None);
    assert_eq!(connect(&stack, &first).await.err(), Some(403));
    Ok(())
}

#[tokio::test]
async fn without_secrets_manager_handshakes_fail_and_known_secrets_serve_on() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let token = token_with_claims(&claims(&json!({})));
    let fail = json!([{"service": "secretsmanager", "effect": {"fail": {"code": "InternalServiceError", "status": 500}}}]);
    stack.set_faults(fail.clone()).await?;
    assert_eq!(connect(&stack, &token).await.err(), Some(500));
    stack.set_faults(json!([])).await?;
    wait_until("the secret is read again", async || {
        Ok(connect(&stack, &token).await.is_ok())
    })
    .await?;
    stack.set_faults(fail).await?;
    assert_eq!(connect(&stack, &token).await.err(), None);
    Ok(())
}

#[tokio::test]
async fn connections_of_a_user_and_of_a_withdrawn_key_are_closed() -> Result<()> {
    use crate::support::cli::longhaul_json;
    let stack = Stack::start(&[]).await?;
    let now = Timestamp::now().as_second();
    let token =
        |user: &str, iat: Value| token_with_claims(&claims(&json!({"sub": user, "iat": iat})));
    let connect = async |token: String| {
        connect(&stack, &token)
            .await
            .map_err(|status| anyhow::anyhow!("{status}"))
    };
    let mut early = connect(token("alice", json!(now - 1000))).await?;
    let mut late = connect(token("alice", json!(now - 10))).await?;
    let mut other = connect(token("bob", json!(now - 1000))).await?;
    let mut undated = connect(token("carol", Value::Null)).await?;
    let mut renewed = connect(token("dora", json!(now - 1000))).await?;
    let frame = json!({"action": "refreshToken", "token": token("dora", json!(now))});
    renewed.request(frame).await?;
    // Not authenticated, so of no key and no user.
    let mut nobody = Client::connect(&stack.gateway, None).await?;

    let is_closed = async |client: &mut Client| {
        let ended = client.next().await;
        ended.is_err_and(|error| error.to_string().contains("closed"))
    };
    let is_open = async |client: &mut Client| -> Result<bool> {
        Ok(client.request(json!({"action": "ping"})).await?["type"] == "pong")
    };
    let before = Timestamp::from_second(now - 500)?.to_string();
    let close = ["connections", "close", "--issued-before", &before];
    let of_alice = [&close[..], &["--user", "alice"]].concat();
    let closed = |count: u32| json!({"closed": count, "gone": 0, "failed": 0});
    assert_eq!(longhaul_json(&stack, &of_alice).await?.1, closed(1));
    assert!(is_closed(&mut early).await);
    assert!(is_open(&mut late).await? && is_open(&mut other).await?);

    let (code, answer, stderr) = longhaul_json(&stack, &close).await?;
    assert_eq!((code, answer), (0, closed(2)), "{stderr}");
    assert!(is_closed(&mut other).await && is_closed(&mut undated).await);
    for client in [&mut late, &mut renewed, &mut nobody] {
        assert!(is_open(client).await?);
    }
    let user = ["connections", "close", "--user", "alice"];
    assert_eq!(longhaul_json(&stack, &user).await?.1, closed(1));
    assert!(is_closed(&mut late).await);
    wait_until("nobody is left to close", async || {
        Ok(longhaul_json(&stack, &user).await?.0 == 3)
    })
    .await?;
    for refused in [
        &["connections", "close"][..],
        &["connections", "close", "--user", ""],
        &["connections", "close", "--issued-before", "soon"],
        &["connections", "close", "an-id", "--user", "alice"],
    ] {
        assert_eq!(longhaul_json(&stack, refused).await?.0, 2, "{refused:?}");
    }
    Ok(())
}
