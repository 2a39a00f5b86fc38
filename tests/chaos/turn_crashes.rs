//! Turns of a conversation when processes are killed and sockets drop: none is lost or answered twice, and they run one
//! after the other.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::follower::Follower;
use crate::support::frames::noop_message;
use crate::support::stack::Stack;
use crate::support::transcript::Transcript;
use crate::support::wait::MAX_WAIT;
use crate::support::worker_process::WorkerProcess;

const SHORT_LEASE_AND_TICK: [&str; 5] = [
    "--leave-leases",
    "--parameter",
    "LeaseSeconds=3",
    "--tick-seconds",
    "1",
];

/// Reads an answer in the dialect `sendMessage`; pieces with a known sequence number are dropped. Returns the text and
/// the last frame.
async fn read_answer(client: &mut Client) -> Result<(String, Value)> {
    let (mut text, mut last) = (String::new(), 0);
    loop {
        let frame = client.next().await?;
        let seq = frame["seq"].as_u64().context("no number")?;
        match frame["type"].as_str() {
            Some("chunk") if seq > last => {
                last = seq;
                text.push_str(frame["content"].as_str().unwrap_or_default());
            }
            Some("chunk") => {}
            _ => return Ok((text, frame)),
        }
    }
}

#[tokio::test]
async fn a_worker_killed_while_streaming_leaves_the_answer_whole() -> Result<()> {
    let stack = Stack::start(&SHORT_LEASE_AND_TICK).await?;
    let mut alice = stack.client("alice").await?;
    let params = json!({"steps": 12, "stepMs": 300, "text": 20});
    alice
        .send(noop_message("sendMessage", "Stream", params))
        .await?;
    let first = alice.next().await?;
    let workers = WorkerProcess::all(&stack);
    assert!(!workers.is_empty());
    workers.into_iter().for_each(WorkerProcess::kill);
    let (rest, end) = read_answer(&mut alice).await?;
    assert_eq!(end["type"], "complete", "{end}");
    let job = alice
        .request(json!({"action": "getJob", "jobId": end["jobId"]}))
        .await?;
    assert_eq!(job["job"]["attempt"], 2, "{job}");
    let own = alice.request(json!({"action": "getSession"})).await?;
    let turns = alice
        .until_turns_ended(&own["session"]["sessionId"], 1)
        .await?;
    // The piece received before the kill may arrive again.
    let first_piece = first["content"].as_str().context("a piece")?;
    let rest = rest.strip_prefix(first_piece).unwrap_or(&rest);
    assert_eq!(turns[0]["answer"], format!("{first_piece}{rest}"));
    assert_eq!(turns[0]["answer"].as_str().map(str::len), Some(12 * 20));
    Ok(())
}

#[tokio::test]
async fn a_dropped_socket_receives_the_rest_by_subscribing() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    alice
        .request(json!({"action": "startSession", "keep": true}))
        .await?;
    let params = json!({"steps": 6, "stepMs": 300, "text": 20});
    alice
        .send(noop_message("text_message", "", json!({})))
        .await?;
    alice.until("error").await?;
    let mut message = noop_message("text_message", "", params);
    message["text"] = "Stream".into();
    alice.send(message).await?;
    let piece = alice.next().await?;
    drop(alice);
    let mut alice = stack.client("alice").await?;
    let job = piece["jobId"].as_str().context("no id")?;
    let mut follower = Follower::new(job);
    alice.send(follower.subscribe_frame()).await?;
    let end = follower.until_end(&mut alice, MAX_WAIT).await?;
    assert_eq!(end["type"], "job_completed", "{end}");
    let first_piece = piece["data"]["text"].as_str().context("a piece")?;
    assert!(follower.text().starts_with(first_piece));
    assert_eq!(follower.text().len(), 6 * 20);
    Ok(())
}

/// Sends two turns and waits for both answers, while this fault is set for the second.
async fn two_turns(stack: &Stack, fault: Value) -> Result<()> {
    let mut alice = stack.client("alice").await?;
    let slow = noop_message(
        "sendMessage",
        "First",
        json!({"steps": 1, "stepMs": 700, "text": 8}),
    );
    alice.send(slow).await?;
    let own = loop {
        let own = alice.request(json!({"action": "getSession"})).await?;
        if own["type"] == "session" {
            break own;
        }
    };
    stack.set_faults(json!([fault])).await?;
    alice
        .send(noop_message(
            "sendMessage",
            "Second",
            json!({"steps": 1, "text": 6}),
        ))
        .await?;
    let turns = alice
        .until_turns_ended(&own["session"]["sessionId"], 2)
        .await?;
    let answers: Vec<&Value> = turns.iter().map(|turn| &turn["answer"]).collect();
    assert_eq!(answers, [&json!("1 1 1 1\n"), &json!("1 1 1\n")], "{fault}");
    let mut ended = String::new();
    for turn in &turns {
        alice
            .send(json!({"action": "getJob", "jobId": turn["jobId"]}))
            .await?;
        let job = alice.until("job").await?.pop().context("no answer")?["job"].clone();
        let at = |name: &str| job[name].as_str().unwrap_or_default().to_owned();
        assert!(ended <= at("startedAt"), "{fault}: {job}");
        ended = at("finishedAt");
    }
    stack.set_faults(json!([])).await
}

#[tokio::test]
async fn the_next_turn_starts_whatever_is_killed_around_the_previous_end() -> Result<()> {
    let options = [
        &SHORT_LEASE_AND_TICK[..],
        &["--parameter", "SubmitsPerSecond=0"],
    ]
    .concat();
    let stack = Stack::start(&options).await?;
    let kill = |caller: &str, operation: &str, number: u32, when: &str| {
        let service = if operation == "SendMessage" {
            "sqs"
        } else {
            "dynamodb"
        };
        json!({"caller": caller, "service": service, "operation": operation, "number": number, "effect": {"kill": when}})
    };
    let mut faults = vec![];
    // The worker's writes after its claim: progress, the end, the turn, the release of the next turn, the index.
    for number in 1..=6 {
        faults.push(kill("longhaul-worker", "UpdateItem", number, "after"));
    }
    for when in ["before", "after"] {
        faults.push(kill("longhaul-worker", "SendMessage", 1, when));
        faults.push(kill("longhaul-message", "TransactWriteItems", 1, "after"));
    }
    for fault in faults {
        let transcript = fault.to_string();
        two_turns(&stack, fault).await.context(transcript)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_query_with_a_session_is_its_next_turn_once() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let mut transcript = Transcript::new(
        "turn_by_query",
        "A turn by `query`: it names a session, and its events are those of any job.",
    );
    let start = json!({"action": "startSession", "keep": true});
    let started = transcript
        .request("alice", &mut alice, start, "sessionStarted")
        .await?;
    let session = &started["sessionId"];
    let turn = |key: &str, text: &str| {
        json!({"action": "query", "kind": "noop", "query": text, "sessionId": session,
            "idempotencyKey": key, "params": {"steps": 1, "text": 6}})
    };
    let first = transcript
        .request("alice", &mut alice, turn("one", "First"), "job_completed")
        .await?;
    transcript
        .note("Sent again under its idempotency key, from any connection, it is the same turn.");
    let mut tab = stack.client("alice").await?;
    let again = transcript
        .request("tab", &mut tab, turn("one", "First"), "subscribed")
        .await?;
    assert_eq!(again["jobId"], first["jobId"]);
    transcript
        .request("alice", &mut alice, turn("one", "Other"), "error")
        .await?;
    transcript.note("Another user's session is refused like an unknown one.");
    let mut mallory = stack.client("mallory").await?;
    transcript
        .request("mallory", &mut mallory, turn("x", "First"), "error")
        .await?;
    // Many at once under one idempotency key, on both connections.
    for _ in 0..5 {
        for client in [&mut alice, &mut tab] {
            client.send(turn("two", "Second")).await?;
        }
    }
    let is_second_turn = |frame: &Value| frame["jobId"] != first["jobId"];
    for client in [&mut alice, &mut tab] {
        let end = client.until_end().await?;
        assert!(
            end["type"] == "job_completed" && is_second_turn(&end),
            "{end}"
        );
    }
    let mut reader = stack.client("alice").await?;
    let turns = reader.until_turns_ended(session, 2).await?;
    assert_eq!(turns[1]["message"], "Second");
    // A turn that supersedes the running one.
    let mut long = turn("three", "Third");
    long["params"] = json!({"steps": 600, "stepMs": 100});
    reader.submit(long).await?;
    let mut next = turn("four", "Fourth");
    next["supersede"] = true.into();
    reader.submit(next).await?;
    let turns = reader.until_turns_ended(session, 4).await?;
    let ends: Vec<&Value> = turns.iter().map(|turn| &turn["status"]).collect();
    assert_eq!(ends[2..], ["cancelled", "completed"]);
    transcript.compare()
}
