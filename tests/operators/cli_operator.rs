//! The operators' commands on jobs and connections.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::cli::{longhaul_json, longhaul_text};
use crate::support::dead_letters::{ONE_ATTEMPT, dlq, failing_job, wait_for_dead_letters};
use crate::support::stack::Stack;
use crate::support::wait::wait_until;

/// A job that runs until it is stopped.
fn endless_job() -> Value {
    json!({"action": "query", "kind": "noop", "query": "go on", "params": {"steps": 900, "stepMs": 1000}})
}

fn ids(list: &Value) -> Vec<&str> {
    let jobs = list["jobs"].as_array().into_iter().flatten();
    jobs.filter_map(|job| job["jobId"].as_str()).collect()
}

#[tokio::test]
async fn jobs_are_listed_by_user_when_open_or_by_a_scan_with_its_cost() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let query = "a question that only its user may read";
    let mut alice = stack.client("alice").await?;
    let done = alice
        .submit(json!({"action": "query", "kind": "noop", "query": query, "params": {"bytes": 9000, "keep": true}}))
        .await?;
    alice.until("job_completed").await?;
    let mut bob = stack.client("bob").await?;
    let open = bob.submit(endless_job()).await?;

    wait_until("only what is open is listed", async || {
        let (code, list, _) = longhaul_json(&stack, &["jobs", "list"]).await?;
        Ok(code == 0 && ids(&list) == [&open])
    })
    .await?;
    let (code, list, _) = longhaul_json(&stack, &["jobs", "list", "--user", "alice"]).await?;
    assert_eq!((code, ids(&list)), (0, vec![done.as_str()]));
    let scan = [
        "jobs",
        "list",
        "--scan",
        "--status",
        "completed",
        "--kind",
        "noop",
    ];
    let (code, list, stderr) = longhaul_json(&stack, &scan).await?;
    assert_eq!((code, ids(&list)), (0, vec![done.as_str()]));
    assert!(
        stderr.contains("reading the whole table") && stderr.contains("were billed"),
        "{stderr}"
    );
    let (code, _, stderr) = longhaul_json(&stack, &["jobs", "list", "--status", "failed"]).await?;
    assert!(code == 2 && stderr.contains("--scan"), "{code} {stderr}");
    // An empty list is an answer.
    let (code, list, _) = longhaul_json(&stack, &["jobs", "list", "--user", "nobody"]).await?;
    assert_eq!((code, list), (0, json!({"jobs": [], "more": false})));
    let (code, text) = longhaul_text(&stack, &["jobs", "list", "--user", "nobody"]).await?;
    assert_eq!((code, text.as_str()), (0, "No job matches.\n"));
    // A status is known in any case, and what is completed is done to 100 %.
    let completed = ["jobs", "list", "--user", "alice", "--status", "Completed"];
    let (_, text) = longhaul_text(&stack, &completed).await?;
    assert!(text.contains("100%"), "{text}");
    let (_, list, _) = longhaul_json(&stack, &completed).await?;
    assert_eq!(list["jobs"][0]["progress"], 100);
    assert_ne!(stack.job_row(&done).await?["progress"]["N"], "100");

    let (code, row, _) = longhaul_json(&stack, &["jobs", "show", &done]).await?;
    assert_eq!(
        (code, &row["status"], &row["userId"]),
        (0, &json!("completed"), &json!("alice"))
    );
    assert_eq!(row["resultRef"]["in"], "log");
    let log: Vec<&str> = row["log"]
        .as_array()
        .context("no log")?
        .iter()
        .filter_map(|entry| entry["event"].as_str())
        .collect();
    assert!(
        log.iter().any(|event| event.starts_with("step#0#")),
        "{log:?}"
    );
    assert!(log.contains(&row["resultRef"]["event"].as_str().context("no event")?));
    let (_, stdout) = longhaul_text(&stack, &["jobs", "show", &done]).await?;
    assert!(
        stdout.contains("alice") && !stdout.contains(query) && !row.to_string().contains(query)
    );
    let (_, stdout) = longhaul_text(&stack, &["jobs", "show", "--with-query", &done]).await?;
    assert!(stdout.contains(query));
    let (code, ..) = longhaul_json(
        &stack,
        &["jobs", "show", "0190c6f3-0000-7000-8000-000000000001"],
    )
    .await?;
    assert_eq!(code, 3);
    Ok(())
}

#[tokio::test]
async fn an_operators_cancel_ends_a_job_and_reaches_its_followers() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut client = stack.client("alice").await?;
    let job = client.submit(endless_job()).await?;
    client.until_job_is(&job, "processing").await?;
    let (code, cancelled, stderr) = longhaul_json(&stack, &["jobs", "cancel", &job]).await?;
    assert_eq!(
        (code, &cancelled["announced"]),
        (0, &json!(true)),
        "{stderr}"
    );
    let end = client.until_end().await?;
    assert_eq!(
        (&end["type"], &end["by"]),
        (&json!("job_cancelled"), &json!("operator"))
    );
    let (code, again, _) = longhaul_json(&stack, &["jobs", "cancel", &job]).await?;
    assert_eq!(
        (code, &again["changed"], &again["status"]),
        (1, &json!(false), &json!("cancelled"))
    );
    let (code, watched) = longhaul_text(&stack, &["jobs", "watch", &job]).await?;
    assert!(
        code == 1 && watched.contains("cancelled by operator"),
        "{watched}"
    );
    let row = stack.job_row(&job).await?;
    let text_of = |name: &str| {
        row[name]["S"]
            .as_str()
            .or(row[name]["N"].as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let ended: jiff::Timestamp = text_of("finishedAt").parse()?;
    assert_eq!(
        text_of("ttl"),
        (ended.as_second() + 30 * 86_400).to_string(),
        "retained as long as any job"
    );
    Ok(())
}

#[tokio::test]
async fn a_failed_job_is_retried_once_and_watched_to_its_end() -> Result<()> {
    let mut stack = Stack::start(&ONE_ATTEMPT).await?;
    let mut client = stack.client("alice").await?;
    let job = client
        .submit(failing_job(
            json!({"steps": 1, "fail": "retry", "failures": 1}),
        ))
        .await?;
    client.until("job_failed").await?;
    let (code, watched) = longhaul_text(&stack, &["jobs", "watch", &job]).await?;
    assert!(code == 1 && watched.contains("NOOP_FAILED"), "{watched}");
    wait_for_dead_letters(&stack, 1).await?;
    // With more attempts the next run gets past its first failure.
    stack.kill().await?;
    stack.restart_with_options(&[]).await?;
    let (code, retried) = longhaul_text(&stack, &["jobs", "retry", &job]).await?;
    assert!(code == 0 && retried.contains("as run 1."), "{retried}");
    // It prints the commands that delete the dead letter, and they do when pasted.
    let (_, commands) = retried.split_once("To delete it: ").context("no command")?;
    let (code, watched) = longhaul_text(&stack, &["jobs", "watch", "--json", &job]).await?;
    let last: Value = serde_json::from_str(watched.lines().last().context("it printed nothing")?)?;
    assert_eq!(
        (code, &last["status"], &last["attempt"]),
        (0, &json!("completed"), &json!(2))
    );
    let (_, list) = dlq(&stack, &["list"]).await?;
    let stale = list["entries"].as_array().into_iter().flatten();
    assert!(
        stale
            .filter(|entry| entry["run"] == 0)
            .all(|entry| entry["do"] == "delete"),
        "{list}"
    );
    let folder = tempfile::tempdir()?;
    let binary = Path::new(env!("CARGO_BIN_EXE_longhaul")).parent();
    let pasted = Command::new("/bin/sh")
        .args(["-c", commands])
        .env("PATH", binary.context("its folder")?)
        .current_dir(folder.path())
        .output()
        .await?;
    assert!(pasted.status.success(), "{pasted:?}");
    assert_eq!(dlq(&stack, &["list"]).await?.1["entries"], json!([]));

    let mut other = stack.client("bob").await?;
    let done = other
        .submit(json!({"action": "query", "kind": "noop", "query": "x"}))
        .await?;
    let (code, watched) = longhaul_text(&stack, &["jobs", "watch", &done]).await?;
    assert!(
        code == 0 && watched.contains("completed: a result of"),
        "{watched}"
    );
    let (code, unchanged, _) = longhaul_json(&stack, &["jobs", "retry", &done]).await?;
    assert_eq!((code, &unchanged["changed"]), (1, &json!(false)));
    Ok(())
}

#[tokio::test]
async fn connections_are_listed_broadcast_to_and_closed() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let (mut one, mut two) = (stack.client("alice").await?, stack.client("alice").await?);
    let mut bob = stack.client("bob").await?;
    let count = |list: &Value| list["connections"].as_array().map_or(0, Vec::len);
    let (code, list, _) =
        longhaul_json(&stack, &["connections", "list", "--user", "alice"]).await?;
    assert_eq!((code, count(&list)), (0, 2), "{list}");
    let (_, page, _) = longhaul_json(&stack, &["connections", "list", "--limit", "2"]).await?;
    let after = page["more"].as_str().context("no more")?;
    let (_, rest, _) = longhaul_json(&stack, &["connections", "list", "--after", after]).await?;
    assert_eq!(
        (count(&page), count(&rest), &rest["more"]),
        (2, 1, &Value::Null)
    );

    let broadcast = [
        "connections",
        "broadcast",
        "Back in five minutes.",
        "--user",
        "alice",
    ];
    let (code, sent, stderr) = longhaul_json(&stack, &broadcast).await?;
    assert_eq!(
        (code, sent),
        (0, json!({"sent": 2, "gone": 0, "lost": 0})),
        "{stderr}"
    );
    for client in [&mut one, &mut two] {
        let frame = client.next().await?;
        assert_eq!(
            (&frame["type"], &frame["content"]),
            (&json!("system"), &json!("Back in five minutes."))
        );
        assert!(frame["timestamp"].is_u64());
    }
    let (_, sent, _) =
        longhaul_json(&stack, &["connections", "broadcast", "Hello", "--all"]).await?;
    assert_eq!(sent["sent"], 3);
    assert_eq!(bob.next().await?["content"], "Hello");
    let (code, ..) = longhaul_json(&stack, &["connections", "broadcast", "Hello"]).await?;
    assert_eq!(code, 2, "a recipient is required");

    let (_, list, _) = longhaul_json(&stack, &["connections", "list", "--user", "bob"]).await?;
    let id = list["connections"][0]["connectionId"]
        .as_str()
        .context("no id")?;
    let (code, ..) = longhaul_json(&stack, &["connections", "close", id]).await?;
    assert_eq!(code, 0);
    let closed = bob.next().await;
    assert!(closed.is_err_and(|error| error.to_string().contains("closed")));
    wait_until("its row says so", async || {
        let (code, list, _) =
            longhaul_json(&stack, &["connections", "list", "--user", "bob"]).await?;
        Ok(code == 0 && count(&list) == 0)
    })
    .await?;
    let (code, list, _) = longhaul_json(
        &stack,
        &["connections", "list", "--user", "bob", "--closed"],
    )
    .await?;
    assert_eq!(
        (code, &list["connections"][0]["status"]),
        (0, &json!("DISCONNECTED"))
    );
    // What was not open is not closed, and a row is removed only where there was one.
    for (id, is_removed) in [(id, true), (id, false), ("nope", false)] {
        let close = ["connections", "close", id];
        let (code, closed, _) = longhaul_json(&stack, &close).await?;
        let expected = json!({"connectionId": id, "closed": false, "rowRemoved": is_removed});
        assert_eq!((code, closed), (3, expected));
    }
    let (_, _, stderr) = longhaul_json(&stack, &["connections", "close", "nope"]).await?;
    assert!(!stderr.contains("removed"), "{stderr}");
    Ok(())
}

#[tokio::test]
async fn cleanup_removes_only_connections_unknown_to_the_gateway() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alive = stack.client("alice").await?;
    for id in ["AAAAAAAAAAAAAAA=", "BAAAAAAAAAAAAAA="] {
        let row = json!({"connectionId": {"S": id}, "userId": {"S": "alice"}, "username": {"S": "alice"},
            "status": {"S": "CONNECTED"}, "connectedAt": {"S": "2026-01-01T00:00:00.000Z"},
            "expiresAt": {"S": "2036-01-01T00:00:00.000Z"}, "ttl": {"N": "4000000000"}});
        let put = [
            "dynamodb",
            "put-item",
            "--table-name",
            "longhaul-connections",
            "--item",
        ];
        stack.aws(&[&put[..], &[&row.to_string()]].concat()).await?;
        if id.starts_with('A') {
            let broadcast = ["connections", "broadcast", "x", "--user", "alice"];
            let (code, sent, _) = longhaul_json(&stack, &broadcast).await?;
            assert_eq!((code, sent), (0, json!({"sent": 1, "gone": 1, "lost": 0})));
            alive.until("system").await?;
        }
    }
    let (code, result, stderr) = longhaul_json(&stack, &["connections", "cleanup"]).await?;
    assert_eq!(
        (code, result),
        (0, json!({"idle": 1, "removed": 1, "closed": 0, "kept": 0})),
        "{stderr}"
    );
    let (_, list, _) = longhaul_json(&stack, &["connections", "list", "--closed"]).await?;
    // Alice's, and the one that the push found closed.
    assert_eq!(list["connections"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        alive.request(json!({"action": "ping"})).await?["type"],
        "pong"
    );
    // An idle connection is closed although the gateway knows it.
    let (_, result, _) = longhaul_json(&stack, &["connections", "cleanup", "--idle", "0s"]).await?;
    assert_eq!(
        result,
        json!({"idle": 1, "removed": 0, "closed": 1, "kept": 0})
    );
    assert!(alive.next().await.is_err());
    Ok(())
}
