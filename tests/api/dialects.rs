//! Front ends that were written against other back ends, each in its own words: the frames that they hear,
//! exactly, as `tests/transcripts` shows them.

use crate::support::stack::Stack;
use crate::support::transcript::Transcript;
use anyhow::Result;
use serde_json::{Value, json};

/// A message that is answered by `noop`, which does as it is told.
pub fn noop(action: &str, message: &str, params: Value) -> Value {
    json!({"action": action, "message": message, "kind": "noop", "params": params})
}

#[tokio::test]
async fn send_message() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let mut shown = Transcript::new(
        "send_message",
        "`sendMessage` with `message`: a streamed answer.",
    );
    shown.note("A question about costs is answered from the bill.");
    let asked = json!({"action": "sendMessage", "message": "What was my S3 spend in May?", "requestId": "r1"});
    shown.ask("alice", &mut alice, asked, "complete").await?;
    shown.note("Another one is not, as no language model is configured.");
    let asked = json!({"action": "sendMessage", "message": "Tell me a joke"});
    shown.ask("alice", &mut alice, asked, "complete").await?;
    shown.note("What was not streamed is shown as one piece.");
    let asked = noop("sendMessage", "Say it at once", json!({"bytes": 8}));
    shown.ask("alice", &mut alice, asked, "complete").await?;
    shown.note("A job that fails ends with an error.");
    let asked = noop("sendMessage", "Fail", json!({"fail": "reject"}));
    shown.ask("alice", &mut alice, asked, "error").await?;
    shown.note("So does a frame that asks for nothing; it starts no job.");
    shown
        .ask(
            "alice",
            &mut alice,
            json!({"action": "sendMessage", "message": " "}),
            "error",
        )
        .await?;
    shown.compare()
}

#[tokio::test]
async fn chat_message() -> Result<()> {
    let stack = Stack::start(&["--parameter", "OpenJobs=1"]).await?;
    let mut alice = stack.client("alice").await?;
    let mut shown = Transcript::new(
        "chat_message",
        "`chat_message`: an answer between two typing indicators.",
    );
    let done = |frame: &Value| frame["isTyping"] == false;
    for asked in [
        json!({"action": "chat_message", "message": "What was my S3 spend in May?"}),
        json!({"type": "chat_message", "content": "Tell me a joke", "requestId": "r2"}),
    ] {
        shown.send("alice", &mut alice, asked).await?;
        shown.until("alice", &mut alice, done).await?;
    }
    shown.note("A job that fails, and one that is cancelled.");
    let asked = noop("chat_message", "Fail", json!({"fail": "reject"}));
    shown.ask("alice", &mut alice, asked, "error").await?;
    let slow = noop(
        "chat_message",
        "Take your time",
        json!({"steps": 600, "stepMs": 100}),
    );
    let typing = shown
        .ask("alice", &mut alice, slow.clone(), "typing_indicator")
        .await?;
    shown.note("One more than may be open.");
    shown.ask("alice", &mut alice, slow, "error").await?;
    let cancel = json!({"action": "cancel", "jobId": typing["jobId"]});
    shown.ask("alice", &mut alice, cancel, "error").await?;
    shown.compare()
}

#[tokio::test]
async fn text_message() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let mut shown = Transcript::new(
        "text_message",
        "`text_message`: text in `data`, and the answer there too.",
    );
    let done = |frame: &Value| frame["data"]["done"] == true;
    let asked = json!({"type": "text_message", "data": {"text": "What was my S3 spend in May?"}, "timestamp": 1_790_000_000});
    shown.send("alice", &mut alice, asked).await?;
    shown.until("alice", &mut alice, done).await?;
    shown.note("A job that fails.");
    let asked = json!({"type": "text_message", "data": {"text": "Fail", "kind": "noop", "params": {"fail": "reject"}}});
    shown.ask("alice", &mut alice, asked, "error").await?;
    shown.compare()
}

#[tokio::test]
async fn a_retry_takes_back_what_was_shown() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let mut shown = Transcript::new(
        "stream_reset",
        "A retry that says otherwise than before: a dialect can't take back what it has shown.",
    );
    let params = json!({"steps": 1, "text": 12, "vary": true, "fail": "retry", "failures": 1});
    let asked = noop("sendMessage", "Change your mind", params);
    let error = shown.ask("alice", &mut alice, asked, "error").await?;
    shown.note("The job goes on: whoever subscribes hears it in the words of PROTOCOL 3.");
    let mut other = stack.client("alice").await?;
    other
        .until_job_is(error["jobId"].as_str().unwrap_or_default(), "completed")
        .await?;
    let subscribe = json!({"action": "subscribe", "jobId": error["jobId"], "after": 0});
    shown
        .ask("alice", &mut alice, subscribe, "subscribed")
        .await?;
    shown.compare()
}

#[tokio::test]
async fn a_dialect_turns_into_the_protocol() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let mut shown = Transcript::new(
        "subscribe",
        "`subscribe` always speaks PROTOCOL 3, on the connection that asked in a dialect too.",
    );
    let asked = noop(
        "chat_message",
        "Two pieces",
        json!({"steps": 2, "stepMs": 1500, "text": 10}),
    );
    let piece = shown
        .ask("alice", &mut alice, asked, "chat_response")
        .await?;
    let subscribe = json!({"action": "subscribe", "jobId": piece["jobId"], "after": piece["seq"]});
    shown
        .ask("alice", &mut alice, subscribe, "subscribed")
        .await?;
    shown
        .until("alice", &mut alice, |frame| {
            frame["type"] == "job_completed"
        })
        .await?;
    shown.compare()
}

#[tokio::test]
async fn turns_queue_behind_or_supersede() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let mut shown = Transcript::new("turns", "A second message while the first is answered.");
    let done = |frame: &Value| frame["isTyping"] == false;
    shown.note("It queues behind: its answer begins when the other's has ended.");
    let first = noop(
        "chat_message",
        "First",
        json!({"steps": 1, "stepMs": 6000, "text": 6}),
    );
    let second = noop("chat_message", "Second", json!({"steps": 1, "text": 8}));
    shown
        .ask("alice", &mut alice, first, "typing_indicator")
        .await?;
    shown
        .ask("alice", &mut alice, second, "typing_indicator")
        .await?;
    shown.until("alice", &mut alice, done).await?;
    shown.until("alice", &mut alice, done).await?;
    shown.note("Or it supersedes what is being answered, and what waits.");
    let slow = |message: &str| {
        noop(
            "chat_message",
            message,
            json!({"steps": 600, "stepMs": 100}),
        )
    };
    shown
        .ask("alice", &mut alice, slow("Third"), "typing_indicator")
        .await?;
    shown
        .ask("alice", &mut alice, slow("Fourth"), "typing_indicator")
        .await?;
    let mut last = noop("chat_message", "Fifth", json!({"steps": 1, "text": 6}));
    last["supersede"] = true.into();
    shown.send("alice", &mut alice, last).await?;
    shown
        .until("alice", &mut alice, |frame| {
            frame["metadata"]["done"] == true
        })
        .await?;
    shown.until("alice", &mut alice, done).await?;
    shown
        .ask(
            "alice",
            &mut alice,
            json!({"action": "getSession"}),
            "session",
        )
        .await?;
    shown.compare()
}
