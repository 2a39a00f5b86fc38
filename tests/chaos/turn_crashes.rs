//! Turns of a conversation when processes are killed and sockets drop: none is lost, none is answered twice,
//! and they are answered one after the other.

use crate::api::dialects::noop;
use crate::api::sessions::settled;
use crate::support::client::Client;
use crate::support::stack::Stack;
use crate::support::transcript::Transcript;
use crate::support::worker_process::Worker;
use anyhow::{Context, Result};
use serde_json::{Value, json};

const QUICK: [&str; 4] = ["--parameter", "LeaseSeconds=3", "--tick-seconds", "1"];

/// An answer as a front end of `sendMessage` folds it; what it has heard already is known by its number.
async fn answer(client: &mut Client) -> Result<(String, Value)> {
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
async fn a_worker_that_dies_while_it_streams_leaves_the_answer_whole() -> Result<()> {
    let stack = Stack::start(&QUICK).await?;
    let mut alice = stack.client("alice").await?;
    let params = json!({"steps": 12, "stepMs": 300, "text": 20});
    alice.send(noop("sendMessage", "Stream", params)).await?;
    let first = alice.next().await?;
    let workers = Worker::all(&stack);
    assert!(!workers.is_empty());
    workers.into_iter().for_each(Worker::kill);
    let (rest, end) = answer(&mut alice).await?;
    assert_eq!(end["type"], "complete", "{end}");
    let job = alice
        .ask(json!({"action": "getJob", "jobId": end["jobId"]}))
        .await?;
    assert_eq!(job["job"]["attempt"], 2, "{job}");
    let own = alice.ask(json!({"action": "getSession"})).await?;
    let turns = settled(&mut alice, &own["session"]["sessionId"], 1).await?;
    // The piece that was heard before the kill may come once more, and is then in both.
    let heard = first["content"].as_str().context("a piece")?;
    let rest = rest.strip_prefix(heard).unwrap_or(&rest);
    assert_eq!(turns[0]["answer"], format!("{heard}{rest}"));
    assert_eq!(turns[0]["answer"].as_str().map(str::len), Some(12 * 20));
    Ok(())
}

#[tokio::test]
async fn a_dropped_socket_hears_the_rest_by_subscribing() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    alice
        .ask(json!({"action": "startSession", "keep": true}))
        .await?;
    let params = json!({"steps": 6, "stepMs": 300, "text": 20});
    alice.send(noop("text_message", "", json!({}))).await?;
    alice.until("error").await?;
    let mut message = noop("text_message", "", params);
    message["text"] = "Stream".into();
    alice.send(message).await?;
    let piece = alice.next().await?;
    drop(alice);
    let mut alice = stack.client("alice").await?;
    let job = piece["jobId"].as_str().context("no id")?;
    let mut follower = crate::support::follower::Follower::of(job);
    alice.send(follower.subscribe()).await?;
    let end = follower.until_end(&mut alice, crate::PATIENCE).await?;
    assert_eq!(end["type"], "job_completed", "{end}");
    let heard = piece["data"]["text"].as_str().context("a piece")?;
    assert!(follower.text().starts_with(heard));
    assert_eq!(follower.text().len(), 6 * 20);
    Ok(())
}

/// Two turns, the second behind the first, both to be answered whatever is killed meanwhile.
async fn two_turns(stack: &Stack, fault: Value) -> Result<()> {
    let mut alice = stack.client("alice").await?;
    let slow = noop(
        "sendMessage",
        "First",
        json!({"steps": 1, "stepMs": 700, "text": 8}),
    );
    alice.send(slow).await?;
    let own = loop {
        let own = alice.ask(json!({"action": "getSession"})).await?;
        if own["type"] == "session" {
            break own;
        }
    };
    stack.set_faults(json!([fault])).await?;
    alice
        .send(noop(
            "sendMessage",
            "Second",
            json!({"steps": 1, "text": 6}),
        ))
        .await?;
    let turns = settled(&mut alice, &own["session"]["sessionId"], 2).await?;
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
async fn the_next_turn_begins_whatever_dies_around_the_end_of_the_one_before() -> Result<()> {
    let options = [&QUICK[..], &["--parameter", "SubmitsPerSecond=0"]].concat();
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
    // The worker's writes after its claim: reports, the end, the turn, letting the next go, closing.
    for number in 1..=6 {
        faults.push(kill("longhaul-worker", "UpdateItem", number, "after"));
    }
    for when in ["before", "after"] {
        faults.push(kill("longhaul-worker", "SendMessage", 1, when));
        faults.push(kill("longhaul-message", "TransactWriteItems", 1, "after"));
    }
    for fault in faults {
        let shown = fault.to_string();
        two_turns(&stack, fault).await.context(shown)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_query_that_names_a_session_is_its_next_turn_once() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let mut shown = Transcript::new(
        "turn_by_query",
        "A turn by `query`: what names a session, and is heard in the words of every job.",
    );
    let start = json!({"action": "startSession", "keep": true});
    let started = shown
        .ask("alice", &mut alice, start, "sessionStarted")
        .await?;
    let session = &started["sessionId"];
    let turn = |key: &str, text: &str| {
        json!({"action": "query", "kind": "noop", "query": text, "sessionId": session,
            "idempotencyKey": key, "params": {"steps": 1, "text": 6}})
    };
    let first = shown
        .ask("alice", &mut alice, turn("one", "First"), "job_completed")
        .await?;
    shown.note("Said again under its key, from anywhere, it is the same turn.");
    let mut tab = stack.client("alice").await?;
    let again = shown
        .ask("tab", &mut tab, turn("one", "First"), "subscribed")
        .await?;
    assert_eq!(again["jobId"], first["jobId"]);
    shown
        .ask("alice", &mut alice, turn("one", "Other"), "error")
        .await?;
    shown.note("Another's session, and none, are refused in the same words as ever.");
    let mut mallory = stack.client("mallory").await?;
    shown
        .ask("mallory", &mut mallory, turn("x", "First"), "error")
        .await?;
    // Many at once, under the key of one, on both connections.
    for _ in 0..5 {
        for client in [&mut alice, &mut tab] {
            client.send(turn("two", "Second")).await?;
        }
    }
    let of_two = |frame: &Value| frame["jobId"] != first["jobId"];
    for client in [&mut alice, &mut tab] {
        let end = client.until_end().await?;
        assert!(end["type"] == "job_completed" && of_two(&end), "{end}");
    }
    let mut reader = stack.client("alice").await?;
    let turns = settled(&mut reader, session, 2).await?;
    assert_eq!(turns[1]["message"], "Second");
    // And one that supersedes what runs.
    let mut long = turn("three", "Third");
    long["params"] = json!({"steps": 600, "stepMs": 100});
    reader.submit(long).await?;
    let mut next = turn("four", "Fourth");
    next["supersede"] = true.into();
    reader.submit(next).await?;
    let turns = settled(&mut reader, session, 4).await?;
    let ends: Vec<&Value> = turns.iter().map(|turn| &turn["status"]).collect();
    assert_eq!(ends[2..], ["cancelled", "completed"]);
    shown.compare()
}
