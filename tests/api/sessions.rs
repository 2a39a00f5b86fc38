//! Conversations: whose they are, how long they last, and that every tab sees the same one.

use std::collections::BTreeMap;

use crate::api::dialects::noop;
use crate::support::client::Client;
use crate::support::stack::Stack;
use crate::support::transcript::Transcript;
use crate::until;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

#[tokio::test]
async fn a_session_begins_lasts_and_ends() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let mut shown = Transcript::new(
        "sessions",
        "Sessions: begun, gone on with on another connection, ended.",
    );
    shown.note("A connection has a session of its own, which ends with it; one that is to last is started.");
    let start = json!({"action": "startSession", "keep": true});
    let started = shown
        .ask("alice", &mut alice, start, "sessionStarted")
        .await?;
    let joke = |message: &str| json!({"action": "sendMessage", "message": message});
    shown
        .ask("alice", &mut alice, joke("Tell me a joke"), "complete")
        .await?;
    drop(alice);
    shown.note(
        "On another connection, later, it goes on. What an analysis is given, `remembered` tells.",
    );
    let mut alice = stack.client("alice").await?;
    let mut again = joke("Another one");
    again["sessionId"] = started["sessionId"].clone();
    let ended = shown
        .ask("alice", &mut alice, again.clone(), "complete")
        .await?;
    let get = json!({"action": "getJob", "jobId": ended["jobId"]});
    let job = alice.ask(get).await?;
    assert_eq!(job["job"]["result"]["remembered"], 1, "{job}");
    let get = json!({"action": "getSession", "sessionId": started["sessionId"], "limit": 1});
    settled(&mut alice, &started["sessionId"], 2).await?;
    shown
        .ask("alice", &mut alice, get.clone(), "session")
        .await?;
    let mut rest = get.clone();
    rest["cursor"] = "2".into();
    shown.ask("alice", &mut alice, rest, "session").await?;
    shown
        .ask(
            "alice",
            &mut alice,
            json!({"action": "listSessions"}),
            "sessions",
        )
        .await?;
    let end = json!({"action": "endSession", "sessionId": started["sessionId"]});
    shown.ask("alice", &mut alice, end, "sessionEnded").await?;
    shown.note("An ended session can be read, and takes no more. Another's, and none, are refused in the same words.");
    shown
        .ask("alice", &mut alice, again.clone(), "error")
        .await?;
    let refused = alice.ask(again.clone()).await?;
    let mut mallory = stack.client("mallory").await?;
    shown.ask("mallory", &mut mallory, get, "error").await?;
    for session in [again["sessionId"].clone(), json!("nonsense")] {
        again["sessionId"] = session;
        let mut error = mallory.ask(again.clone()).await?;
        error["timestamp"] = refused["timestamp"].clone();
        assert_eq!(error, refused);
    }
    ensure!(mallory.ask(json!({"action": "listSessions"})).await?["sessions"] == json!([]));
    shown.compare()
}

#[tokio::test]
async fn a_session_ends_with_its_connection_unless_it_is_to_last() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut watcher = stack.client("alice").await?;
    for keep in [false, true] {
        let mut alice = stack.client("alice").await?;
        if keep {
            // At once, or once it has begun.
            let started = alice.ask(json!({"action": "startSession"})).await?;
            let keep =
                json!({"action": "startSession", "sessionId": started["sessionId"], "keep": true});
            ensure!(alice.ask(keep).await?["keep"] == true);
        }
        alice
            .send(json!({"action": "sendMessage", "message": "Tell me a joke"}))
            .await?;
        alice.until("complete").await?;
        let own = alice.ask(json!({"action": "getSession"})).await?;
        let id = own["session"]["sessionId"].clone();
        drop(alice);
        until("the connection's row is closed", async || {
            let rows = stack
                .aws(&["dynamodb", "scan", "--table-name", "longhaul-connections"])
                .await?;
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
            .ask(json!({"action": "startSession", "keep": true}))
            .await?;
        sessions.push(started["sessionId"].clone());
    }
    let mut tabs = vec![];
    for tab in 0..10 {
        let (mut client, session) = (stack.client("alice").await?, sessions[tab % 2].clone());
        tabs.push(tokio::spawn(async move {
            let heard = chatter(&mut client, tab, &session).await?;
            anyhow::Ok((client, session, heard))
        }));
    }
    let mut seen: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for tab in tabs {
        let (mut client, session, heard) = tab.await??;
        let turns = settled(&mut client, &session, 15).await?;
        for (number, turn) in turns.iter().enumerate() {
            assert_eq!(turn["turn"], number + 1, "{turn}");
            assert_eq!(turn["status"], "completed", "{turn}");
            if let Some(text) = heard.get(turn["jobId"].as_str().context("no id")?) {
                assert_eq!(turn["answer"], *text, "{turn}");
            }
        }
        assert!(
            heard
                .keys()
                .all(|job| turns.iter().any(|turn| turn["jobId"] == *job))
        );
        let same = seen
            .entry(session.to_string())
            .or_insert_with(|| turns.clone());
        assert_eq!(*same, turns, "every tab is told the same");
    }
    // One after the other: none was claimed before the last had ended.
    for turns in seen.values() {
        let mut ended = String::new();
        for turn in turns {
            let job = starter
                .ask(json!({"action": "getJob", "jobId": turn["jobId"]}))
                .await?;
            let at = |name: &str| job["job"][name].as_str().unwrap_or_default().to_owned();
            ensure!(ended <= at("startedAt"), "{job}");
            ended = at("finishedAt");
        }
    }
    Ok(())
}

/// Three messages at once; what was answered, by job.
async fn chatter(
    client: &mut Client,
    tab: usize,
    session: &Value,
) -> Result<BTreeMap<String, String>> {
    for n in 0..3 {
        let mut message = noop(
            "chat_message",
            &format!("{n} of tab {tab}"),
            json!({"steps": 2, "stepMs": 20, "text": 10 + 2 * n}),
        );
        message["sessionId"] = session.clone();
        client.send(message).await?;
    }
    let (mut heard, mut ended) = (BTreeMap::<String, String>::new(), 0);
    while ended < 3 {
        let frame = client.next().await?;
        let job = frame["jobId"].as_str().context("no id")?.to_owned();
        match frame["type"].as_str() {
            Some("chat_response") => heard
                .entry(job)
                .or_default()
                .push_str(frame["content"].as_str().unwrap_or_default()),
            Some("typing_indicator") => ended += usize::from(frame["isTyping"] == false),
            _ => anyhow::bail!("{frame}"),
        }
    }
    Ok(heard)
}

/// A session's turns, once there are so many and each has ended.
pub async fn settled(client: &mut Client, session: &Value, turns: usize) -> Result<Vec<Value>> {
    let wait = async {
        loop {
            client
                .send(json!({"action": "getSession", "sessionId": session}))
                .await?;
            let answer = client.until("session").await?.pop().context("no answer")?;
            let shown = answer["turns"].as_array().cloned().unwrap_or_default();
            if shown.len() == turns && shown.iter().all(|turn| turn["status"] != "open") {
                return Ok(shown);
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(crate::PATIENCE, wait)
        .await
        .context("the turns do not end")?
}

#[tokio::test]
async fn a_conversation_that_outgrows_what_is_remembered_says_so_once() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let mut shown = Transcript::new(
        "long_conversation",
        "A conversation of more than 64 KiB: its oldest turns are no longer given to the analysis.",
    );
    let done = |frame: &Value| frame["isTyping"] == false;
    for (turn, remembered) in [0, 1, 2, 2, 2].into_iter().enumerate() {
        let message = json!({"action": "chat_message", "message": format!("{turn} {}", "lorem ".repeat(3900))});
        shown.send("alice", &mut alice, message).await?;
        let last = shown.until("alice", &mut alice, done).await?;
        let job = alice
            .ask(json!({"action": "getJob", "jobId": last["jobId"]}))
            .await?;
        assert_eq!(
            job["job"]["result"]["remembered"], remembered,
            "turn {turn}"
        );
    }
    shown.compare()
}
