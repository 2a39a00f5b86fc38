//! Attacks on identity, through real sockets: each is refused as documented, each is in the log with its
//! reason, and none is told more than it should be.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::client::Client;
use crate::support::issuer::{Issuer, Key, hs256, unsigned};
use crate::support::stack::Stack;
use crate::until;

/// What a client is told of a token that is not the issuer's, for us.
const NOT_OURS: &str = "The token is not a valid JSON Web Token for this service.";

/// A stack that believes this issuer's access tokens for `app`.
pub async fn trusting(issuer: &Issuer, algorithm: &str) -> Result<Stack> {
    let parameters = [
        format!("TokenAlgorithms={algorithm}"),
        format!("TokenIssuer={}", issuer.url),
        "TokenAudiences=app,console".to_owned(),
        "TokenUse=access".to_owned(),
    ];
    let options: Vec<&str> = parameters
        .iter()
        .flat_map(|each| ["--parameter", each])
        .collect();
    Stack::start(&options).await
}

/// Waits until the function has logged this reason once more than it had.
pub async fn logged(stack: &Stack, function: &str, reason: &str, before: usize) -> Result<()> {
    let what = format!("'{reason}' in the log of {function}");
    until(&what, async || {
        Ok(stack.log(function).matches(reason).count() > before)
    })
    .await
}

pub fn count(stack: &Stack, function: &str, reason: &str) -> usize {
    stack.log(function).matches(reason).count()
}

#[tokio::test]
async fn no_token_but_the_issuers_for_us_is_believed() -> Result<()> {
    let (key, stranger) = (Key::rsa("k1"), Key::rsa("k1"));
    let issuer = Issuer::start(&[&key]).await?;
    let stack = trusting(&issuer, "RS256").await?;
    let claims = issuer.claims("alice");
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        key.sign(&claims)
    };
    let headed = |header: Value| key.sign_as(&header, &claims);
    let good = key.sign(&claims);
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
            stranger.sign(&claims),
            NOT_OURS,
            "signature is wrong",
        ),
        ("expired", with("exp", json!(1000)), expired, "has expired"),
        (
            "without expiry",
            with("exp", Value::Null),
            NOT_OURS,
            "malformed, unsigned or without expiry",
        ),
        (
            "not yet valid",
            with("nbf", json!(u32::MAX)),
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
            "malformed, unsigned or without expiry",
        ),
        (
            "HS256 by the public key",
            hmac(&key.public_bytes()),
            NOT_OURS,
            "another algorithm",
        ),
        (
            "HS256 by the key set",
            hmac(json!({"keys": [key.public()]}).to_string().as_bytes()),
            NOT_OURS,
            "another algorithm",
        ),
        (
            "unpinned algorithm",
            headed(json!({"alg": "RS512", "kid": "k1"})),
            NOT_OURS,
            "another algorithm",
        ),
        (
            "unknown kid",
            headed(json!({"alg": "RS256", "kid": "k9"})),
            NOT_OURS,
            "names no key",
        ),
        (
            "no kid",
            headed(json!({"alg": "RS256"})),
            NOT_OURS,
            "names no key",
        ),
        (
            "own key in the header",
            stranger.sign_as(
                &json!({"alg": "RS256", "kid": "k1", "jwk": stranger.public()}),
                &claims,
            ),
            NOT_OURS,
            "signature is wrong",
        ),
        (
            "key set elsewhere",
            stranger.sign_as(
                &json!({"alg": "RS256", "kid": "k1", "jku": "http://127.0.0.1:1/"}),
                &claims,
            ),
            NOT_OURS,
            "signature is wrong",
        ),
        (
            "critical extension",
            headed(json!({"alg": "RS256", "kid": "k1", "crit": ["b64"], "b64": false})),
            NOT_OURS,
            "malformed, unsigned or without expiry",
        ),
        (
            "wrong issuer",
            with("iss", json!("https://evil.example/pool")),
            NOT_OURS,
            "another issuer's",
        ),
        (
            "wrong audience",
            with("client_id", json!("evil")),
            NOT_OURS,
            "another audience",
        ),
        (
            "aud beats client_id",
            with("aud", json!(["evil"])),
            NOT_OURS,
            "another audience",
        ),
        (
            "ID token",
            with("token_use", json!("id")),
            NOT_OURS,
            "another use",
        ),
        (
            "no subject",
            with("sub", json!("")),
            "The token lacks a usable 'sub' claim.",
            "usable 'sub'",
        ),
        (
            "truncated",
            good[..good.len() - 22].to_owned(),
            NOT_OURS,
            "signature is wrong",
        ),
        (
            "without signature",
            good.rsplit_once('.').context("a token")?.0.to_owned(),
            NOT_OURS,
            "malformed, unsigned or without expiry",
        ),
        (
            "10 KiB",
            format!("{good}{}", "A".repeat(10 * 1024)),
            NOT_OURS,
            "too long",
        ),
    ];

    let mut client = Client::connect(&stack.gateway, None).await?;
    for (name, token, sentence, reason) in &attacks {
        let (at_door, in_frame) = (
            count(&stack, "authorize", reason),
            count(&stack, "message", reason),
        );
        let url = format!("{}/?token={token}", stack.gateway);
        let on_url = Client::connect(&url, None)
            .await
            .err()
            .map(|refused| refused.0);
        logged(&stack, "authorize", reason, at_door).await?;
        let offer = format!("longhaul.v1, {token}");
        let as_subprotocol = Client::connect(&stack.gateway, Some(&offer))
            .await
            .err()
            .map(|refused| refused.0);
        logged(&stack, "authorize", reason, at_door + 1).await?;
        for action in ["authenticate", "refreshToken"] {
            let answer = client
                .ask(json!({"action": action, "token": token, "requestId": name}))
                .await?;
            assert_eq!(
                answer["data"]["code"], "AUTHENTICATION_ERROR",
                "{name}: {answer}"
            );
        }
        let answer = client
            .ask(json!({"action": "authenticate", "token": token}))
            .await?;
        assert_eq!(answer["content"], *sentence, "{name}");
        assert_eq!(answer["data"]["details"], json!({}), "{name}");
        logged(&stack, "message", reason, in_frame).await?;
        assert_eq!((on_url, as_subprotocol), (Some(403), Some(403)), "{name}");
        println!("{name:24} 403, 403, AUTHENTICATION_ERROR  logged: {reason}");
    }

    // The connection that all of them came by is none the worse, and the real token is believed.
    let answer = client
        .ask(json!({"action": "authenticate", "token": good}))
        .await?;
    assert_eq!(
        (&answer["type"], &answer["userId"]),
        (&json!("authenticated"), &json!("alice"))
    );
    for function in ["authorize", "message", "connection"] {
        let log = stack.log(function);
        for (name, token, ..) in &attacks {
            let signature = token.rsplit('.').next().unwrap_or_default();
            let is_telling = signature.len() > 20 && log.contains(&signature[..20]);
            assert!(
                !log.contains(token) && !is_telling,
                "{name} is in the log of {function}"
            );
        }
        assert!(!log.contains(r#""level":"ERROR""#), "{log}");
    }
    Ok(())
}

#[tokio::test]
async fn anothers_job_is_as_unknown_as_none() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let (mut alice, mut bob) = (stack.client("alice").await?, stack.client("bob").await?);
    let noop = json!({"action": "query", "kind": "noop", "query": "mine", "params": {"steps": 5, "stepMs": 100}});
    let job = alice.submit(noop.clone()).await?;
    let none = "0190c6f3-0000-7000-8000-000000000001";
    for action in ["getJob", "subscribe", "resume", "cancel", "unsubscribe"] {
        let before = count(&stack, "message", "another's job was asked for");
        let about =
            |job: &str| json!({"action": action, "jobId": job, "after": 0, "requestId": "r"});
        let told = async |bob: &mut Client, job: &str| {
            let mut answer = bob.ask(about(job)).await?;
            answer["timestamp"] = json!(0);
            anyhow::Ok(answer.to_string().replace(job, "the job"))
        };
        let (others, nobodys) = (told(&mut bob, &job).await?, told(&mut bob, none).await?);
        assert_eq!(others, nobodys, "{action}");
        logged(&stack, "message", "another's job was asked for", before).await?;
        println!("another's job, {action:12} as of an unknown one; logged");
    }
    let end = alice.until_end().await?;
    assert_eq!(
        end["type"], "job_completed",
        "it was not cancelled, and its owner still hears of it"
    );

    // A page's cursor leads to the asker's own jobs, whoever was given it.
    let second = alice.submit(noop).await?;
    alice.until_end().await?;
    let page = json!({"action": "listJobs", "limit": 1});
    let cursor = alice.ask(page.clone()).await?["cursor"].clone();
    assert!(cursor.as_str().context("no cursor")?.contains(&second));
    let with_it = json!({"action": "listJobs", "cursor": cursor});
    assert_eq!(bob.ask(with_it).await?["jobs"], json!([]));

    // The same idempotency key is another job for another user.
    let keyed = json!({"action": "query", "kind": "noop", "query": "mine", "idempotencyKey": "k"});
    let hers = alice.submit(keyed.clone()).await?;
    assert_ne!(hers, bob.submit(keyed).await?);
    Ok(())
}

#[tokio::test]
async fn anothers_connection_cannot_be_taken_or_spoken_to() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let known = alice.ask(json!({"action": "authenticate"})).await?;
    let connection = known["connectionId"].as_str().context("no connection")?;

    let mallory = crate::support::stack::token("mallory");
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
        let before = count(&stack, "message", sentence);
        let answer = alice.ask(attack.clone()).await?;
        assert_eq!(answer["data"]["code"], "AUTHENTICATION_ERROR", "{attack}");
        assert_eq!(answer["content"], sentence, "{attack}");
        logged(&stack, "message", sentence, before).await?;
        println!("{sentence:45} AUTHENTICATION_ERROR; logged");
    }
    let answer = alice.ask(json!({"action": "authenticate"})).await?;
    assert_eq!(answer["userId"], "alice");

    // The management API takes signed requests only, whoever knows the connection's id.
    let path = connection.replace('=', "%3D");
    for method in ["POST", "GET", "DELETE"] {
        let status = unsigned_call(&stack, method, &path).await?;
        assert_eq!(status, "403", "{method}");
    }
    assert_eq!(alice.ask(json!({"action": "ping"})).await?["type"], "pong");
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
