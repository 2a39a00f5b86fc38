//! Attacks on identity, through real sockets: each is refused as documented and logged with its reason, and the answer
//! reveals no more than documented.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::client::Client;
use crate::support::issuer::{Issuer, SigningKey, hs256, stack_with_issuer, unsigned};
use crate::support::stack::Stack;
use crate::support::tokens::token;

/// The answer to a token that the issuer did not sign for this service.
const NOT_OURS: &str = "The token is not a valid JSON Web Token for this service.";

#[tokio::test]
async fn only_the_issuers_tokens_for_this_service_are_accepted() -> Result<()> {
    let (key, other_key) = (SigningKey::rsa("k1"), SigningKey::rsa("k1"));
    let issuer = Issuer::start(&[&key]).await?;
    let stack = stack_with_issuer(&issuer, "RS256").await?;
    let claims = issuer.claims("alice");
    let with_claim = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        key.sign(&claims)
    };
    let with_header = |header: Value| key.sign_with_header(&header, &claims);
    let valid = key.sign(&claims);
    let hmac = |secret: &[u8]| {
        hs256(
            &json!({"alg": "HS256", "kid": "k1", "typ": "JWT"}),
            &claims,
            secret,
        )
    };
    let (expired, early) = ("The token has expired.", "The token is not valid yet.");
    let attacks = [
        (
            "forged",
            other_key.sign(&claims),
            NOT_OURS,
            "signature is invalid",
        ),
        (
            "expired",
            with_claim("exp", json!(1000)),
            expired,
            "has expired",
        ),
        (
            "without expiry",
            with_claim("exp", Value::Null),
            NOT_OURS,
            "'exp' claim is missing",
        ),
        (
            "not yet valid",
            with_claim("nbf", json!(u32::MAX)),
            early,
            "is not valid yet",
        ),
        (
            "alg none",
            format!(
                "{}.",
                unsigned(&json!({"alg": "none", "typ": "JWT"}), &claims)
            ),
            NOT_OURS,
            "the token is unsigned",
        ),
        (
            "HS256 by the public key",
            hmac(&key.public_bytes()),
            NOT_OURS,
            "algorithm that is not configured",
        ),
        (
            "HS256 by the key set",
            hmac(json!({"keys": [key.jwk()]}).to_string().as_bytes()),
            NOT_OURS,
            "algorithm that is not configured",
        ),
        (
            "unpinned algorithm",
            with_header(json!({"alg": "RS512", "kid": "k1"})),
            NOT_OURS,
            "algorithm that is not configured",
        ),
        (
            "unknown kid",
            with_header(json!({"alg": "RS256", "kid": "k9"})),
            NOT_OURS,
            "names no key",
        ),
        (
            "no kid",
            with_header(json!({"alg": "RS256"})),
            NOT_OURS,
            "names no key",
        ),
        (
            "own key in the header",
            other_key.sign_with_header(
                &json!({"alg": "RS256", "kid": "k1", "jwk": other_key.jwk()}),
                &claims,
            ),
            NOT_OURS,
            "signature is invalid",
        ),
        (
            "key set elsewhere",
            other_key.sign_with_header(
                &json!({"alg": "RS256", "kid": "k1", "jku": "http://127.0.0.1:1/"}),
                &claims,
            ),
            NOT_OURS,
            "signature is invalid",
        ),
        (
            "critical extension",
            with_header(json!({"alg": "RS256", "kid": "k1", "crit": ["b64"], "b64": false})),
            NOT_OURS,
            "has a critical extension",
        ),
        (
            "wrong issuer",
            with_claim("iss", json!("https://evil.example/pool")),
            NOT_OURS,
            "another issuer",
        ),
        (
            "wrong audience",
            with_claim("client_id", json!("evil")),
            NOT_OURS,
            "another audience",
        ),
        (
            "aud beats client_id",
            with_claim("aud", json!(["evil"])),
            NOT_OURS,
            "another audience",
        ),
        (
            "ID token",
            with_claim("token_use", json!("id")),
            NOT_OURS,
            "another use",
        ),
        (
            "no subject",
            with_claim("sub", json!("")),
            "The token lacks a usable 'sub' claim.",
            "usable 'sub'",
        ),
        (
            "truncated",
            valid[..valid.len() - 22].to_owned(),
            NOT_OURS,
            "signature is invalid",
        ),
        (
            "without signature",
            valid.rsplit_once('.').context("a token")?.0.to_owned(),
            NOT_OURS,
            "the token is malformed",
        ),
        (
            "10 KiB",
            format!("{valid}{}", "A".repeat(10 * 1024)),
            NOT_OURS,
            "too long",
        ),
    ];

    let mut client = Client::connect(&stack.gateway, None).await?;
    for (name, token, sentence, reason) in &attacks {
        let (in_authorize, in_frame) = (
            stack.log_count("authorize", reason),
            stack.log_count("message", reason),
        );
        let url = format!("{}/?token={token}", stack.gateway);
        let on_url = Client::connect(&url, None)
            .await
            .err()
            .map(|refused| refused.0);
        // API Gateway refuses a longer URL before it asks the authorizer.
        let reaches_authorizer = url.len() <= 4096;
        if reaches_authorizer {
            stack
                .wait_for_log("authorize", reason, in_authorize)
                .await?;
        }
        let offer = format!("longhaul.v1, {token}");
        let as_subprotocol = Client::connect(&stack.gateway, Some(&offer))
            .await
            .err()
            .map(|refused| refused.0);
        stack
            .wait_for_log(
                "authorize",
                reason,
                in_authorize + usize::from(reaches_authorizer),
            )
            .await?;
        for action in ["authenticate", "refreshToken"] {
            let answer = client
                .request(json!({"action": action, "token": token, "requestId": name}))
                .await?;
            assert_eq!(
                answer["data"]["code"], "AUTHENTICATION_ERROR",
                "{name}: {answer}"
            );
        }
        let answer = client
            .request(json!({"action": "authenticate", "token": token}))
            .await?;
        assert_eq!(answer["content"], *sentence, "{name}");
        assert_eq!(answer["data"]["details"], json!({}), "{name}");
        stack.wait_for_log("message", reason, in_frame).await?;
        let refused_url = if reaches_authorizer { 403 } else { 414 };
        assert_eq!(
            (on_url, as_subprotocol),
            (Some(refused_url), Some(403)),
            "{name}"
        );
        println!("{name:24} {refused_url}, 403, AUTHENTICATION_ERROR  logged: {reason}");
    }

    // The connection survives all of them, and accepts the valid token.
    let answer = client
        .request(json!({"action": "authenticate", "token": valid}))
        .await?;
    assert_eq!(
        (&answer["type"], &answer["userId"]),
        (&json!("authenticated"), &json!("alice"))
    );
    for function in ["authorize", "message", "connection"] {
        let log = stack.log(function);
        for (name, token, ..) in &attacks {
            let signature = token.rsplit('.').next().unwrap_or_default();
            let has_signature = signature.len() > 20 && log.contains(&signature[..20]);
            assert!(
                !log.contains(token) && !has_signature,
                "{name} is in the log of {function}"
            );
        }
        assert!(!log.contains(r#""level":"ERROR""#), "{log}");
    }
    Ok(())
}

#[tokio::test]
async fn another_users_job_is_indistinguishable_from_an_unknown_one() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let (mut alice, mut bob) = (stack.client("alice").await?, stack.client("bob").await?);
    let noop = json!({"action": "query", "kind": "noop", "query": "mine", "params": {"steps": 5, "stepMs": 100}});
    let job = alice.submit(noop.clone()).await?;
    let none = "0190c6f3-0000-7000-8000-000000000001";
    for action in ["getJob", "subscribe", "resume", "cancel", "unsubscribe"] {
        let before = stack.log_count("message", "a user asked for another user's job");
        let about =
            |job: &str| json!({"action": action, "jobId": job, "after": 0, "requestId": "r"});
        let answer_text = async |bob: &mut Client, job: &str| {
            let mut answer = bob.request(about(job)).await?;
            answer["timestamp"] = json!(0);
            anyhow::Ok(answer.to_string().replace(job, "the job"))
        };
        let (others, nobodys) = (
            answer_text(&mut bob, &job).await?,
            answer_text(&mut bob, none).await?,
        );
        assert_eq!(others, nobodys, "{action}");
        stack
            .wait_for_log("message", "a user asked for another user's job", before)
            .await?;
        println!("another's job, {action:12} like an unknown one; logged");
    }
    let end = alice.until_end().await?;
    assert_eq!(
        end["type"], "job_completed",
        "it was not cancelled, and its owner still follows it"
    );

    // A cursor lists the jobs of the user who sends it.
    let second = alice.submit(noop).await?;
    alice.until_end().await?;
    let page = json!({"action": "listJobs", "limit": 1});
    let cursor = alice.request(page.clone()).await?["cursor"].clone();
    assert!(cursor.as_str().context("no cursor")?.contains(&second));
    let with_it = json!({"action": "listJobs", "cursor": cursor});
    assert_eq!(bob.request(with_it).await?["jobs"], json!([]));

    // The same idempotency key is another job for another user.
    let keyed = json!({"action": "query", "kind": "noop", "query": "mine", "idempotencyKey": "k"});
    let alices = alice.submit(keyed.clone()).await?;
    assert_ne!(alices, bob.submit(keyed).await?);
    Ok(())
}

#[tokio::test]
async fn another_users_connection_cannot_be_taken_over_or_pushed_to() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let known = alice.request(json!({"action": "authenticate"})).await?;
    let connection = known["connectionId"].as_str().context("no connection")?;

    let mallory = token("mallory");
    for (attack, sentence) in [
        (
            json!({"action": "authenticate", "token": mallory}),
            "This connection belongs to another user.",
        ),
        (
            json!({"action": "refreshToken", "token": mallory}),
            "The token is another user's.",
        ),
        (
            json!({"action": "authenticate", "userId": "mallory"}),
            "'userId' differs from the token's.",
        ),
        (
            json!({"action": "authenticate", "username": "mallory"}),
            "'username' differs from the token's.",
        ),
        (
            json!({"action": "finops_query", "query": "q", "userId": "mallory"}),
            "'userId' differs from the token's.",
        ),
    ] {
        let before = stack.log_count("message", sentence);
        let answer = alice.request(attack.clone()).await?;
        assert_eq!(answer["data"]["code"], "AUTHENTICATION_ERROR", "{attack}");
        assert_eq!(answer["content"], sentence, "{attack}");
        stack.wait_for_log("message", sentence, before).await?;
        println!("{sentence:45} AUTHENTICATION_ERROR; logged");
    }
    let answer = alice.request(json!({"action": "authenticate"})).await?;
    assert_eq!(answer["userId"], "alice");

    // The management API requires a signature, even with a known connection id.
    let path = connection.replace('=', "%3D");
    for method in ["POST", "GET", "DELETE"] {
        let status = unsigned_call(&stack, method, &path).await?;
        assert_eq!(status, "403", "{method}");
    }
    assert_eq!(
        alice.request(json!({"action": "ping"})).await?["type"],
        "pong"
    );
    Ok(())
}

async fn unsigned_call(stack: &Stack, method: &str, connection: &str) -> Result<String> {
    let address = stack.gateway.strip_prefix("ws://").context("an address")?;
    let mut socket = TcpStream::connect(address).await?;
    let request = format!(
        "{method} /prod/@connections/{connection} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi"
    );
    socket.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    Ok(answer.split(' ').nth(1).context("no status")?.to_owned())
}
