//! Frames of clients: which action each means, for which field one is rejected, and that none panics.

use std::any::Any;

use longhaul_shared::domain::ids::SessionId;
use longhaul_shared::domain::limits;
use longhaul_shared::protocol::{ErrorResponse, SessionReference};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::chat_message::ChatMessage;
use super::direct_message::DirectMessage;
use super::query::Query;
use super::query_turn::QueryTurn;
use super::subscribe_job::SubscribeJob;
use super::subscribe_topic::SubscribeTopic;
use super::unsubscribe_job::UnsubscribeJob;
use super::unsubscribe_topic::UnsubscribeTopic;
use super::*;
use crate::action::ParsedFrame;

/// The action that a frame means, which must be of this type.
fn action<A: 'static>(frame: &Value) -> A {
    let parsed = ParsedFrame::parse(&frame.to_string(), TABLE);
    let action: Box<dyn Any> = parsed.action.map_err(|error| error.message).unwrap();
    *action.downcast().unwrap_or_else(|_| panic!("{frame}"))
}

/// The error of a frame, and the `requestId` that its response repeats.
fn error(frame: &Value) -> (Option<String>, ErrorResponse) {
    let parsed = ParsedFrame::parse(&frame.to_string(), TABLE);
    (parsed.request_id, parsed.action.err().unwrap())
}

#[test]
fn a_query_may_be_written_in_three_ways() {
    let plain = json!({"action": "query", "kind": "finops", "query": "q", "requestId": "r1"});
    let short = json!({"action": "finops_query", "query": "q", "requestId": "r1", "timestamp": 5});
    let typed = json!({"type": "finops_query", "data": {"query": "q"}, "requestId": "r1"});
    let query: Query = action(&plain);
    for frame in [plain, short, typed] {
        assert_eq!(action::<Query>(&frame), query, "{frame}");
        let parsed = ParsedFrame::parse(&frame.to_string(), TABLE);
        assert_eq!(parsed.request_id.as_deref(), Some("r1"));
    }
}

#[test]
fn a_query_that_names_a_session_is_a_turn_and_keeps_its_key() {
    let session = "0190c6f3-0000-7000-8000-000000000001";
    let mut frame = json!({"action": "query", "kind": "chat", "query": "q", "idempotencyKey": "k",
        "sessionId": session, "supersede": true});
    let turn: QueryTurn = action(&frame);
    let session = SessionId::parse(session).unwrap();
    assert_eq!(turn.session, Some(SessionReference::Id(session)));
    assert!(turn.supersede);
    assert_eq!(turn.submission.idempotency_key.as_deref(), Some("k"));
    // Front ends without sessions send any fields.
    frame["action"] = "finops_query".into();
    action::<Query>(&frame);
}

#[test]
fn fields_decide_between_actions_that_share_a_name() {
    let job = "0190c6f3-0000-7000-8000-000000000001";
    action::<SubscribeJob>(&json!({"action": "subscribe", "jobId": job}));
    action::<SubscribeJob>(&json!({"action": "resume", "jobId": job, "topic": "t"}));
    action::<SubscribeTopic>(&json!({"action": "subscribe", "topic": "t"}));
    action::<SubscribeTopic>(&json!({"action": "subscribeToDeals"}));
    action::<UnsubscribeJob>(&json!({"action": "unsubscribe", "jobId": job}));
    action::<UnsubscribeTopic>(&json!({"action": "unsubscribe", "subscriptionId": "x"}));
    action::<ChatMessage>(&json!({"action": "sendMessage", "message": "m"}));
    action::<DirectMessage>(
        &json!({"action": "sendMessage", "recipientId": "bob", "content": "c"}),
    );
    for field in ["topic", "subscriptionId"] {
        let name = if field == "topic" {
            "subscribe"
        } else {
            "unsubscribe"
        };
        let both = json!({"action": name, "jobId": job, field: "t"});
        assert_eq!(error(&both).1.details["field"], field, "{both}");
    }
}

#[test]
fn an_unknown_action_is_told_every_action() {
    let all = json!([
        "authenticate",
        "broadcast",
        "cancel",
        "chat_message",
        "cleanupConnections",
        "closeConnection",
        "endSession",
        "finops_query",
        "getEvents",
        "getJob",
        "getSession",
        "listConnections",
        "listDeadLetters",
        "listJobs",
        "listNotifications",
        "listOpenJobs",
        "listSessions",
        "notificationAck",
        "ping",
        "query",
        "refreshToken",
        "replayJob",
        "resume",
        "sendMessage",
        "setStatus",
        "startSession",
        "subscribe",
        "subscribeToDeals",
        "text_message",
        "typing_indicator",
        "unsubscribe",
        "voice_data",
        "voice_end",
        "voice_start",
    ]);
    for frame in [json!({"action": "nope"}), json!({"action": 7}), json!({})] {
        assert_eq!(error(&frame).1.details["actions"], all, "{frame}");
    }
}

#[test]
fn only_ping_and_authenticate_are_public() {
    for row in TABLE {
        let is_public = row.is_public;
        let expected = row.names == ["ping"] || row.names == ["authenticate"];
        assert_eq!(is_public, expected, "{:?}", row.names);
    }
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
        assert_eq!(error(&frame).1.details["field"], field, "{frame}");
    }
    let (request_id, _) = error(&json!({"action": "nope", "requestId": "r"}));
    assert_eq!(request_id.as_deref(), Some("r"));
}

proptest! {
    #![proptest_config(many_cases())]

    #[test]
    fn no_text_panics(text in "\\PC*") {
        let _ = ParsedFrame::parse(&text, TABLE);
    }

    #[test]
    fn no_object_panics(action in "ping|query|subscribe|listJobs|authenticate", name in "query|kind|jobId|after|limit|data|token", value in "\\PC{0,20}", number in any::<f64>()) {
        let _ = ParsedFrame::parse(&json!({"action": action, name.clone(): value}).to_string(), TABLE);
        let _ = ParsedFrame::parse(&json!({"action": action, name: number}).to_string(), TABLE);
    }
}

/// Ten thousand cases, or more if `PROPTEST_CASES` says so.
fn many_cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig {
        cases: usual.cases.max(10_000),
        ..usual
    }
}
