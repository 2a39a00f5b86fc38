//! Sessions: ownership, lifetime, history limit, and that every tab sees the same conversation.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::frames::noop_message;
use crate::support::stack::Stack;
use crate::support::transcript::Transcript;
use crate::support::wait::wait_until;

#[tokio::test]
async fn a_session_starts_continues_and_ends() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let mut transcript = Transcript::new(
        "sessions",
        "Sessions: started, continued on another connection, ended.",
    );
    transcript.note("A connection has a session of its own, which ends with it. `startSession` with `keep` starts one that lasts.");
    let start = json!({"action": "startSession", "keep": true});
    let started = transcript
        .request("alice", &mut alice, start, "sessionStarted")
        .await?;
    let joke = |message: &str| json!({"action": "sendMessage", "message": message});
    transcript
        .request("alice", &mut alice, joke("Tell me a joke"), "complete")
        .await?;
    drop(alice);
    transcript.note(
        "It continues on another connection. `remembered` in the result is the number of turns that the analysis received.",
    );
    let mut alice = stack.client("alice").await?;
    let mut message = joke("Another one");
    message["sessionId"] = started["sessionId"].clone();
    let ended = transcript
        .request("alice", &mut alice, message.clone(), "complete")
        .await?;
    let get = json!({"action": "getJob", "jobId": ended["jobId"]});
    let job = alice.request(get).await?;
    assert_eq!(job["job"]["result"]["remembered"], 1, "{job}");
    let get = json!({"action": "getSession", "sessionId": started["sessionId"], "limit": 1});
    alice.until_turns_ended(&started["sessionId"], 2).await?;
    transcript
        .request("alice", &mut alice, get.clone(), "session")
        .await?;
    let mut rest = get.clone();
    rest["cursor"] = "2".into();
    transcript
        .request("alice", &mut alice, rest, "session")
        .await?;
    transcript
        .request(
            "alice",
            &mut alice,
            json!({"action": "listSessions"}),
            "sessions",
        )
        .await?;
    let end = json!({"action": "endSession", "sessionId": started["sessionId"]});
    transcript
        .request("alice", &mut alice, end, "sessionEnded")
        .await?;
    transcript.note("An ended session can be read, and accepts no more messages. Another user's session is refused like an unknown one.");
    transcript
        .request("alice", &mut alice, message.clone(), "error")
        .await?;
    let refused = alice.request(message.clone()).await?;
    let mut mallory = stack.client("mallory").await?;
    transcript
        .request("mallory", &mut mallory, get, "error")
        .await?;
    for session in [message["sessionId"].clone(), json!("nonsense")] {
        message["sessionId"] = session;
        let mut error = mallory.request(message.clone()).await?;
        error["timestamp"] = refused["timestamp"].clone();
        assert_eq!(error, refused);
    }
    ensure!(mallory.request(json!({"action": "listSessions"})).await?["sessions"] == json!([]));
    transcript.compare()
}

#[tokio::test]
async fn a_session_ends_with_its_connection_unless_kept() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut watcher = stack.client("alice").await?;
    for keep in [false, true] {
        let mut alice = stack.client("alice").await?;
        if keep {
            // At the start, or later.
            let started = alice.request(json!({"action": "startSession"})).await?;
            let keep =
                json!({"action": "startSession", "sessionId": started["sessionId"], "keep": true});
            ensure!(alice.request(keep).await?["keep"] == true);
        }
        alice
            .send(json!({"action": "sendMessage", "message": "Tell me a joke"}))
            .await?;
        alice.until("complete").await?;
        let own = alice.request(json!({"action": "getSession"})).await?;
        let id = own["session"]["sessionId"].clone();
        drop(alice);
        wait_until("the connection's row is closed", async || {
            let scan = json!({"TableName": "longhaul-connections"});
            let rows = stack.dynamodb("Scan", scan).await?;
            let rows = rows["Items"].as_array().cloned().unwrap_or_default();
            Ok(rows
                .iter()
                .any(|row| row["sessionId"]["S"] == id && row["status"]["S"] == "DISCONNECTED"))
        })
        .await?;
        let message =
            json!({"action": "sendMessage", "message": "Tell me a joke", "sessionId": id});
        if keep {
            watcher.send(message).await?;
            watcher.until("complete").await?;
        } else {
            // The row is closed first, then the session.
            loop {
                watcher.send(message.clone()).await?;
                let answer = watcher.next().await?;
                if answer["type"] == "error" {
                    assert_eq!(answer["data"]["code"], "NOT_FOUND", "{answer}");
                    break;
                }
                watcher.until("complete").await?;
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn every_tab_of_a_session_sees_the_same() -> Result<()> {
    let options = ["SubmitsPerSecond=0", "OpenJobs=0"];
    let options = options.map(|option| ["--parameter", option]);
    let stack = Stack::start(&options.concat()).await?;
    let mut starter = stack.client("alice").await?;
    let mut sessions = vec![];
    for _ in 0..2 {
        let started = starter
            .request(json!({"action": "startSession", "keep": true}))
            .await?;
        sessions.push(started["sessionId"].clone());
    }
    let mut tabs = vec![];
    for tab in 0..10 {
        let (mut client, session) = (stack.client("alice").await?, sessions[tab % 2].clone());
        tabs.push(tokio::spawn(async move {
            let answers = send_three_messages(&mut client, tab, &session).await?;
            anyhow::Ok((client, session, answers))
        }));
    }
    let mut seen: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for tab in tabs {
        let (mut client, session, answers) = tab.await??;
        let turns = client.until_turns_ended(&session, 15).await?;
        for (number, turn) in turns.iter().enumerate() {
            assert_eq!(turn["turn"], number + 1, "{turn}");
            assert_eq!(turn["status"], "completed", "{turn}");
            if let Some(text) = answers.get(turn["jobId"].as_str().context("no id")?) {
                assert_eq!(turn["answer"], *text, "{turn}");
            }
        }
        assert!(
            answers
                .keys()
                .all(|job| turns.iter().any(|turn| turn["jobId"] == *job))
        );
        let same = seen
            .entry(session.to_string())
            .or_insert_with(|| turns.clone());
        assert_eq!(*same, turns, "every tab receives the same");
    }
    // Turns ran one after the other: none started before the previous had ended.
    for turns in seen.values() {
        let mut ended = String::new();
        for turn in turns {
            let job = starter
                .request(json!({"action": "getJob", "jobId": turn["jobId"]}))
                .await?;
            let at = |name: &str| job["job"][name].as_str().unwrap_or_default().to_owned();
            ensure!(ended <= at("startedAt"), "{job}");
            ended = at("finishedAt");
        }
    }
    Ok(())
}

/// Sends three messages at once; returns the answers by job.
async fn send_three_messages(
    client: &mut Client,
    tab: usize,
    session: &Value,
) -> Result<BTreeMap<String, String>> {
    for n in 0..3 {
        let mut message = noop_message(
            "chat_message",
            &format!("{n} of tab {tab}"),
            json!({"steps": 2, "stepMs": 20, "text": 10 + 2 * n}),
        );
        message["sessionId"] = session.clone();
        client.send(message).await?;
    }
    let (mut answers, mut ended) = (BTreeMap::<String, String>::new(), 0);
    while ended < 3 {
        let frame = client.next().await?;
        let job = frame["jobId"].as_str().context("no id")?.to_owned();
        match frame["type"].as_str() {
            Some("chat_response") => answers
                .entry(job)
                .or_default()
                .push_str(frame["content"].as_str().unwrap_or_default()),
            Some("typing_indicator") => ended += usize::from(frame["isTyping"] == false),
            _ => anyhow::bail!("{frame}"),
        }
    }
    Ok(answers)
}

#[tokio::test]
async fn a_conversation_past_the_history_limit_says_so_once() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let mut transcript = Transcript::new(
        "long_conversation",
        "A conversation of more than 64 KiB: its oldest turns are no longer given to the analysis.",
    );
    let done = |frame: &Value| frame["isTyping"] == false;
    for (turn, remembered) in [0, 1, 2, 2, 2].into_iter().enumerate() {
        let message = json!({"action": "chat_message", "message": format!("{turn} {}", "lorem ".repeat(3900))});
        transcript.send("alice", &mut alice, message).await?;
        let last = transcript.until("alice", &mut alice, done).await?;
        let job = alice
            .request(json!({"action": "getJob", "jobId": last["jobId"]}))
            .await?;
        assert_eq!(
            job["job"]["result"]["remembered"], remembered,
            "turn {turn}"
        );
    }
    transcript.compare()
}
