//! Frames that ask for nothing we do: each gets its error, and the connection lives.

use crate::client::Client;
use crate::stack::Stack;
use anyhow::Result;
use serde_json::{Value, json};

#[tokio::test]
async fn a_bad_frame_is_answered_and_the_connection_lives() -> Result<()> {
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
        .ask(json!({"action": "query", "kind": "nope", "query": "q", "requestId": "k"}))
        .await?;
    assert_eq!(
        (&error["data"]["details"]["kinds"], &error["requestId"]),
        (&json!(["finops", "noop"]), &json!("k"))
    );
    let claims_another = json!({"action": "finops_query", "query": "q", "userId": "bob"});
    assert_eq!(
        client.ask(claims_another).await?["data"]["code"],
        "AUTHENTICATION_ERROR"
    );
    assert_eq!(
        client.ask(json!({"action": "listJobs"})).await?["jobs"],
        json!([]),
        "no half-made job"
    );
    Ok(())
}

#[tokio::test]
async fn ping_is_answered_before_anything_else() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut client = Client::connect(&stack.gateway, None).await?;
    let pong: Value = client
        .ask(json!({"action": "ping", "requestId": "p1"}))
        .await?;
    assert_eq!(
        (&pong["type"], &pong["requestId"]),
        (&json!("pong"), &json!("p1"))
    );
    assert!(pong["timestamp"].is_i64());
    assert_eq!(client.ask(json!({"type": "ping"})).await?["type"], "pong");
    client.send_text("not json").await?;
    assert_eq!(
        client.next().await?["data"]["code"],
        "AUTHENTICATION_ERROR",
        "nothing else is read before that"
    );
    Ok(())
}
