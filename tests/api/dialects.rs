//! Dialects: the exact frames that front ends written for other back ends receive, as in `tests/transcripts`.

use anyhow::Result;
use serde_json::{Value, json};

use crate::support::frames::noop_message;
use crate::support::stack::Stack;
use crate::support::transcript::Transcript;

#[tokio::test]
async fn send_message() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let mut transcript = Transcript::new(
        "send_message",
        "`sendMessage` with `message`: a streamed answer.",
    );
    transcript.note("A question about costs is answered from the bill.");
    let message = json!({"action": "sendMessage", "message": "What was my S3 spend in May?", "requestId": "r1"});
    transcript
        .request("alice", &mut alice, message, "complete")
        .await?;
    transcript.note("Other questions are not, as no language model is configured.");
    let message = json!({"action": "sendMessage", "message": "Tell me a joke"});
    transcript
        .request("alice", &mut alice, message, "complete")
        .await?;
    transcript.note("A result that was not streamed is sent as one piece.");
    let message = noop_message("sendMessage", "Say it at once", json!({"bytes": 8}));
    transcript
        .request("alice", &mut alice, message, "complete")
        .await?;
    transcript.note("A job that fails ends with an error.");
    let message = noop_message("sendMessage", "Fail", json!({"fail": "reject"}));
    transcript
        .request("alice", &mut alice, message, "error")
        .await?;
    transcript.note("An invalid frame is answered with an error too, and starts no job.");
    transcript
        .request(
            "alice",
            &mut alice,
            json!({"action": "sendMessage", "message": " "}),
            "error",
        )
        .await?;
    transcript.compare()
}

#[tokio::test]
async fn chat_message() -> Result<()> {
    let stack = Stack::start(&["--parameter", "OpenJobs=1"]).await?;
    let mut alice = stack.client("alice").await?;
    let mut transcript = Transcript::new(
        "chat_message",
        "`chat_message`: an answer between two typing indicators.",
    );
    let done = |frame: &Value| frame["isTyping"] == false;
    for message in [
        json!({"action": "chat_message", "message": "What was my S3 spend in May?"}),
        json!({"type": "chat_message", "content": "Tell me a joke", "requestId": "r2"}),
    ] {
        transcript.send("alice", &mut alice, message).await?;
        transcript.until("alice", &mut alice, done).await?;
    }
    transcript.note("A job that fails, and one that is cancelled.");
    let message = noop_message("chat_message", "Fail", json!({"fail": "reject"}));
    transcript
        .request("alice", &mut alice, message, "error")
        .await?;
    let slow = noop_message(
        "chat_message",
        "Take your time",
        json!({"steps": 600, "stepMs": 100}),
    );
    let typing = transcript
        .request("alice", &mut alice, slow.clone(), "typing_indicator")
        .await?;
    transcript.note("One job more than may be open.");
    transcript
        .request("alice", &mut alice, slow, "error")
        .await?;
    let cancel = json!({"action": "cancel", "jobId": typing["jobId"]});
    transcript
        .request("alice", &mut alice, cancel, "error")
        .await?;
    transcript.compare()
}

#[tokio::test]
async fn text_message() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let mut transcript = Transcript::new(
        "text_message",
        "`text_message`: text in `data`, and the answer there too.",
    );
    let done = |frame: &Value| frame["data"]["done"] == true;
    let message = json!({"type": "text_message", "data": {"text": "What was my S3 spend in May?"}, "timestamp": 1_790_000_000});
    transcript.send("alice", &mut alice, message).await?;
    transcript.until("alice", &mut alice, done).await?;
    transcript.note("A job that fails.");
    let message = json!({"type": "text_message", "data": {"text": "Fail", "kind": "noop", "params": {"fail": "reject"}}});
    transcript
        .request("alice", &mut alice, message, "error")
        .await?;
    transcript.compare()
}

#[tokio::test]
async fn a_retry_with_other_output_is_an_error_in_a_dialect() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let mut transcript = Transcript::new(
        "stream_reset",
        "A retry with other output than before: a dialect can't take back text that it has sent.",
    );
    let params = json!({"steps": 1, "text": 12, "vary": true, "fail": "retry", "failures": 1});
    let message = noop_message("sendMessage", "Change your mind", params);
    let error = transcript
        .request("alice", &mut alice, message, "error")
        .await?;
    transcript.note("The job continues: `subscribe` follows it by the protocol.");
    let mut other = stack.client("alice").await?;
    other
        .until_job_is(error["jobId"].as_str().unwrap_or_default(), "completed")
        .await?;
    let subscribe = json!({"action": "subscribe", "jobId": error["jobId"], "after": 0});
    transcript
        .request("alice", &mut alice, subscribe, "subscribed")
        .await?;
    transcript.compare()
}

#[tokio::test]
async fn subscribe_switches_a_dialect_connection_to_the_protocol() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let mut transcript = Transcript::new(
        "subscribe",
        "`subscribe` always uses the protocol, also on a connection that submitted in a dialect.",
    );
    let message = noop_message(
        "chat_message",
        "Two pieces",
        json!({"steps": 2, "stepMs": 1500, "text": 10}),
    );
    let piece = transcript
        .request("alice", &mut alice, message, "chat_response")
        .await?;
    let subscribe = json!({"action": "subscribe", "jobId": piece["jobId"], "after": piece["seq"]});
    transcript
        .request("alice", &mut alice, subscribe, "subscribed")
        .await?;
    transcript
        .until("alice", &mut alice, |frame| {
            frame["type"] == "job_completed"
        })
        .await?;
    transcript.compare()
}

#[tokio::test]
async fn a_second_message_queues_or_supersedes() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let mut transcript = Transcript::new("turns", "A second message while the first is answered.");
    let done = |frame: &Value| frame["isTyping"] == false;
    transcript.note("It waits: its answer starts when the first has ended.");
    let first = noop_message(
        "chat_message",
        "First",
        json!({"steps": 1, "stepMs": 6000, "text": 6}),
    );
    let second = noop_message("chat_message", "Second", json!({"steps": 1, "text": 8}));
    transcript
        .request("alice", &mut alice, first, "typing_indicator")
        .await?;
    transcript
        .request("alice", &mut alice, second, "typing_indicator")
        .await?;
    transcript.until("alice", &mut alice, done).await?;
    transcript.until("alice", &mut alice, done).await?;
    transcript.note("Or it supersedes the running turn and those that wait.");
    let slow = |message: &str| {
        noop_message(
            "chat_message",
            message,
            json!({"steps": 600, "stepMs": 100}),
        )
    };
    transcript
        .request("alice", &mut alice, slow("Third"), "typing_indicator")
        .await?;
    transcript
        .request("alice", &mut alice, slow("Fourth"), "typing_indicator")
        .await?;
    let mut last = noop_message("chat_message", "Fifth", json!({"steps": 1, "text": 6}));
    last["supersede"] = true.into();
    transcript.send("alice", &mut alice, last).await?;
    transcript
        .until("alice", &mut alice, |frame| {
            frame["metadata"]["done"] == true
        })
        .await?;
    transcript.until("alice", &mut alice, done).await?;
    transcript
        .request(
            "alice",
            &mut alice,
            json!({"action": "getSession"}),
            "session",
        )
        .await?;
    transcript.compare()
}
