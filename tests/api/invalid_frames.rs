//! Invalid frames: each is answered with an error, and the connection stays open.

use anyhow::Result;
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::stack::Stack;

#[tokio::test]
async fn an_invalid_frame_gets_an_error_and_the_connection_stays_open() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut client = stack.client("alice").await?;
    let deep = format!(
        r#"{{"action":"ping","x":{}{}}}"#,
        "[".repeat(40),
        "]".repeat(40)
    );
    let long = json!({"action": "finops_query", "query": "x".repeat(24 * 1024 + 1)}).to_string();
    let cases = [
        ("not json", "frame"),
        ("[]", "frame"),
        ("{}", "action"),
        (r#"{"action":"nope"}"#, "action"),
        (r#"{"action":"query","kind":"nope","query":"q"}"#, "kind"),
        (r#"{"action":"finops_query"}"#, "query"),
        (r#"{"action":"finops_query","query":" "}"#, "query"),
        (
            r#"{"action":"finops_query","query":"q","params":1}"#,
            "params",
        ),
        (r#"{"action":"listJobs","limit":0}"#, "limit"),
        (deep.as_str(), "frame"),
        (long.as_str(), "query"),
    ];
    for (frame, field) in cases {
        client.send_text(frame).await?;
        let error = client.next().await?;
        assert_eq!(
            (&error["type"], &error["data"]["code"]),
            (&json!("error"), &json!("VALIDATION_ERROR")),
            "{frame}: {error}"
        );
        assert_eq!(error["data"]["details"]["field"], field, "{frame}: {error}");
        assert_eq!(error["content"], error["data"]["message"]);
    }
    let error = client
        .request(json!({"action": "query", "kind": "nope", "query": "q", "requestId": "k"}))
        .await?;
    assert_eq!(
        (&error["data"]["details"]["kinds"], &error["requestId"]),
        (&json!(["chat", "finops", "noop", "voice"]), &json!("k"))
    );
    let claims_another = json!({"action": "finops_query", "query": "q", "userId": "bob"});
    assert_eq!(
        client.request(claims_another).await?["data"]["code"],
        "AUTHENTICATION_ERROR"
    );
    assert_eq!(
        client.request(json!({"action": "listJobs"})).await?["jobs"],
        json!([]),
        "no job was created"
    );
    Ok(())
}

#[tokio::test]
async fn a_frame_that_can_not_be_parsed_is_answered_to_its_author() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut client = stack.client("alice").await?;
    let long = format!(r#"{{"query":"{}","requestId":"r"}}"#, "x".repeat(32_000));
    for frame in [
        r#"{"action":"finops_query","query":"\ud83e","requestId":"r"}"#,
        r#"{"action":"ping","requestId":"r","#,
        long.as_str(),
    ] {
        client.send_text(frame).await?;
        let error = client.next().await?;
        assert_eq!(error["requestId"], "r", "{error}");
        assert_eq!(error["data"]["details"]["field"], "frame", "{error}");
    }
    client.send_text("abc").await?;
    let error = client.next().await?;
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(
        error["data"]["details"],
        json!({"field": "frame", "bytes": 3, "sha256": hash})
    );
    Ok(())
}

#[tokio::test]
async fn a_misspelt_field_is_warned_of_and_ignored() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut client = stack.client("alice").await?;
    let warnings = json!([
        {"field": "deadlineSecond", "message": "unknown field; did you mean deadlineSeconds?"}]);
    let mut query = json!({"action": "query", "kind": "noop", "query": "q", "deadlineSecond": 5,
        "idempotencyKey": "k"});
    client.send(query.clone()).await?;
    let events = client.until("job_completed").await?;
    assert_eq!(events[0]["warnings"], warnings);
    assert!(
        events[1..]
            .iter()
            .all(|event| event.get("warnings").is_none())
    );
    assert_eq!(client.request(query.clone()).await?["warnings"], warnings);
    let pong = client
        .request(json!({"action": "ping", "colour": 1}))
        .await?;
    let unknown = json!([{"field": "colour", "message": "unknown field"}]);
    assert_eq!(pong["warnings"], unknown);
    // A dialect's frames stay as its clients know them.
    query["action"] = "chat_message".into();
    query["message"] = "q".into();
    client.send(query).await?;
    let frames = client.until("chat_response").await?;
    assert!(frames.iter().all(|frame| frame.get("warnings").is_none()));
    Ok(())
}

#[tokio::test]
async fn ping_is_answered_before_authentication() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut client = Client::connect(&stack.gateway, None).await?;
    let pong: Value = client
        .request(json!({"action": "ping", "requestId": "p1"}))
        .await?;
    assert_eq!(
        (&pong["type"], &pong["requestId"]),
        (&json!("pong"), &json!("p1"))
    );
    assert!(pong["timestamp"].is_i64());
    assert_eq!(
        client.request(json!({"type": "ping"})).await?["type"],
        "pong"
    );
    client.send_text("not json").await?;
    assert_eq!(
        client.next().await?["data"]["code"],
        "AUTHENTICATION_ERROR",
        "no other frame is read before authentication"
    );
    Ok(())
}

/// A malformed frame, the same at each run. None starts a job.
fn malformed(number: u64) -> String {
    // SplitMix64.
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut pick = |below: u64| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ (mixed >> 31)) % below
    };
    let actions = [
        "query",
        "subscribe",
        "getJob",
        "listJobs",
        "authenticate",
        "refreshToken",
        "cancel",
        "unsubscribe",
        "__proto__",
        "\u{0}",
    ];
    let fields = [
        "kind",
        "query",
        "jobId",
        "after",
        "limit",
        "cursor",
        "token",
        "data",
        "params",
        "requestId",
        "userId",
        "__proto__",
        "constructor",
    ];
    let values = [
        "null",
        "true",
        "-1",
        "1e308",
        "123456789012345678901234567890",
        "\"\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "[]",
        "{}",
        "{\"__proto__\":{}}",
        "\"../../etc/passwd\"",
        "\"\u{202e}\"",
        "\"<script>alert(1)</script>\"",
        "[[[[[[[[[[]]]]]]]]]]",
    ];
    let (action, field) = (actions[pick(10) as usize], fields[pick(13) as usize]);
    let (one, other) = (values[pick(15) as usize], values[pick(15) as usize]);
    let whole =
        format!(r#"{{"action":"{action}","{field}":{one},"{field}":{other},"kind":"none"}}"#);
    match pick(6) {
        0 => whole
            .chars()
            .take(pick(whole.chars().count() as u64) as usize)
            .collect(),
        1 => (0..pick(200))
            .filter_map(|_| char::from_u32(pick(0x11_0000) as u32))
            .collect(),
        2 => format!(
            "{}{whole}{}",
            "[".repeat(pick(60) as usize),
            "]".repeat(pick(60) as usize)
        ),
        3 => "x".repeat(pick(32 * 1024) as usize),
        4 => format!(r#"{{"data":{whole},"{field}":{other}}}"#),
        _ => whole,
    }
}

#[tokio::test]
async fn ten_thousand_malformed_frames_leave_the_connection_open() -> Result<()> {
    let stack = Stack::start(&["--no-throttle"]).await?;
    let mut client = stack.client("alice").await?;
    for batch in 0..500 {
        for number in batch * 20..(batch + 1) * 20 {
            client.send_text(&malformed(number)).await?;
        }
        for _ in 0..20 {
            let answer = client.next().await?;
            assert!(answer["type"].is_string(), "a function failed: {answer}");
            assert_ne!(answer["data"]["code"], "INTERNAL_ERROR", "{answer}");
        }
    }
    let pong = client
        .request(json!({"action": "ping", "requestId": "still here"}))
        .await?;
    assert_eq!(pong["requestId"], "still here");
    assert_eq!(
        client.request(json!({"action": "listJobs"})).await?["jobs"],
        json!([])
    );
    let log = stack.log("message");
    let errors: Vec<&str> = log
        .lines()
        .filter(|line| line.contains(r#""level":"ERROR""#))
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    Ok(())
}
