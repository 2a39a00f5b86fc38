//! Frames of strangers: what is read, what is refused and by which field, and that nothing panics.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn refused(frame: Value) -> (Option<String>, String) {
    let unreadable = Request::parse(&frame.to_string()).unwrap_err();
    (
        unreadable.request_id,
        unreadable.error.details["field"]
            .as_str()
            .unwrap()
            .to_owned(),
    )
}

#[test]
fn a_query_may_be_spelled_in_three_ways() {
    let plain = json!({"action": "query", "kind": "finops", "query": "q", "requestId": "r1"});
    let short = json!({"action": "finops_query", "query": "q", "requestId": "r1", "timestamp": 5});
    let typed = json!({"type": "finops_query", "data": {"query": "q"}, "requestId": "r1"});
    let parsed = Request::parse(&plain.to_string()).unwrap();
    assert_eq!(Request::parse(&short.to_string()).unwrap(), parsed);
    assert_eq!(Request::parse(&typed.to_string()).unwrap(), parsed);
    assert_eq!(parsed.request_id.as_deref(), Some("r1"));
}

#[test]
fn a_query_that_names_a_session_is_a_turn_and_keeps_its_key() {
    let session = "0190c6f3-0000-7000-8000-000000000001";
    let mut frame = json!({"action": "query", "kind": "chat", "query": "q", "idempotencyKey": "k",
        "sessionId": session, "supersede": true});
    let Action::ChatMessage(message) = Request::parse(&frame.to_string()).unwrap().action else {
        panic!("it is no turn");
    };
    assert_eq!(
        message.session,
        Some(Ok(SessionId::parse(session).unwrap()))
    );
    assert_eq!((message.dialect, message.supersede), (None, true));
    assert_eq!(message.submission.idempotency_key.as_deref(), Some("k"));
    // Front ends that know no sessions send what they like.
    frame["action"] = "finops_query".into();
    let action = Request::parse(&frame.to_string()).unwrap().action;
    assert!(matches!(action, Action::Submit(_)), "{action:?}");
}

#[test]
fn the_field_at_fault_is_named() {
    let long = "x".repeat(limits::QUERY_BYTES + 1);
    let cases = [
        (json!({"requestId": "r"}), "action"),
        (json!({"action": 7}), "action"),
        (json!({"action": "nope"}), "action"),
        (json!({"action": "query", "query": "q"}), "kind"),
        (json!({"action": "finops_query"}), "query"),
        (json!({"action": "finops_query", "query": "  "}), "query"),
        (json!({"action": "finops_query", "query": 5}), "query"),
        (json!({"action": "finops_query", "query": long}), "query"),
        (
            json!({"action": "finops_query", "query": "a", "data": {"query": "b"}}),
            "query",
        ),
        (
            json!({"action": "finops_query", "query": "a", "params": []}),
            "params",
        ),
        (
            json!({"action": "finops_query", "query": "a", "idempotencyKey": "k".repeat(257)}),
            "idempotencyKey",
        ),
        (
            json!({"action": "finops_query", "query": "a", "deadlineSeconds": 0}),
            "deadlineSeconds",
        ),
        (json!({"action": "cancel"}), "jobId"),
        (json!({"action": "getJob"}), "jobId"),
        (
            json!({"action": "subscribe", "jobId": "x", "after": -1}),
            "after",
        ),
        (json!({"action": "listJobs", "limit": 101}), "limit"),
        (json!({"action": "listJobs", "status": "lost"}), "status"),
        (json!({"action": "listJobs", "cursor": "x"}), "cursor"),
        (json!({"action": "refreshToken"}), "token"),
        (
            json!({"action": "ping", "requestId": "r".repeat(129)}),
            "requestId",
        ),
        (json!([1, 2]), "frame"),
    ];
    for (frame, field) in cases {
        assert_eq!(refused(frame.clone()).1, field, "{frame}");
    }
    assert_eq!(
        refused(json!({"action": "nope", "requestId": "r"}))
            .0
            .as_deref(),
        Some("r")
    );
}

proptest! {
    #![proptest_config(crate::many_cases())]

    #[test]
    fn no_text_panics(text in "\\PC*") {
        let _ = Request::parse(&text);
    }

    #[test]
    fn no_object_panics(action in "ping|query|subscribe|listJobs|authenticate", name in "query|kind|jobId|after|limit|data|token", value in "\\PC{0,20}", number in any::<f64>()) {
        let _ = Request::parse(&json!({"action": action, name.clone(): value}).to_string());
        let _ = Request::parse(&json!({"action": action, name: number}).to_string());
    }
}
