//! What whoever runs the stack does to jobs and connections by command, and how it is told.

use crate::operators::dead_letters::{ONE_TRY, dlq, doomed, listed};
use crate::support::stack::{Stack, longhaul};
use crate::until;
use anyhow::{Context, Result};
use serde_json::{Value, json};

/// A command against the stack: its exit code, what it printed as JSON, and what it said besides.
pub async fn operate(stack: &Stack, arguments: &[&str]) -> Result<(i32, Value, String)> {
    let data = stack.data().to_str().context("a path")?;
    let output = longhaul(&[arguments, &["--json", "--data", data]].concat()).await?;
    let said = String::from_utf8(output.stderr)?;
    let code = output.status.code().context("it was killed")?;
    let answer = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    Ok((code, answer, said))
}

/// The same for people: its exit code and what it printed.
async fn read(stack: &Stack, arguments: &[&str]) -> Result<(i32, String)> {
    let data = stack.data().to_str().context("a path")?;
    let output = longhaul(&[arguments, &["--data", data]].concat()).await?;
    let code = output.status.code().context("it was killed")?;
    Ok((code, String::from_utf8(output.stdout)?))
}

/// A job that runs until it is stopped.
fn endless() -> Value {
    json!({"action": "query", "kind": "noop", "query": "go on", "params": {"steps": 900, "stepMs": 1000}})
}

fn ids(list: &Value) -> Vec<&str> {
    let jobs = list["jobs"].as_array().into_iter().flatten();
    jobs.filter_map(|job| job["jobId"].as_str()).collect()
}

#[tokio::test]
async fn jobs_are_found_by_user_by_being_open_or_by_a_scan_that_says_its_cost() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let query = "what is said to nobody else";
    let mut alice = stack.client("alice").await?;
    let done = alice
        .submit(json!({"action": "query", "kind": "noop", "query": query, "params": {"bytes": 9000, "keep": true}}))
        .await?;
    alice.until("job_completed").await?;
    let mut bob = stack.client("bob").await?;
    let open = bob.submit(endless()).await?;

    until("only what is open is listed", async || {
        let (code, list, _) = operate(&stack, &["jobs", "list"]).await?;
        Ok(code == 0 && ids(&list) == [&open])
    })
    .await?;
    let (code, list, _) = operate(&stack, &["jobs", "list", "--user", "alice"]).await?;
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
    let (code, list, said) = operate(&stack, &scan).await?;
    assert_eq!((code, ids(&list)), (0, vec![done.as_str()]));
    assert!(
        said.contains("reading the whole table") && said.contains("were billed"),
        "{said}"
    );
    let (code, _, said) = operate(&stack, &["jobs", "list", "--status", "failed"]).await?;
    assert!(code == 2 && said.contains("--scan"), "{code} {said}");
    let (code, ..) = operate(&stack, &["jobs", "list", "--user", "nobody"]).await?;
    assert_eq!(code, 3);

    let (code, row, _) = operate(&stack, &["jobs", "show", &done]).await?;
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
    let (_, shown) = read(&stack, &["jobs", "show", &done]).await?;
    assert!(shown.contains("alice") && !shown.contains(query) && !row.to_string().contains(query));
    let (_, shown) = read(&stack, &["jobs", "show", "--with-query", &done]).await?;
    assert!(shown.contains(query));
    let (code, ..) = operate(
        &stack,
        &["jobs", "show", "0190c6f3-0000-7000-8000-000000000001"],
    )
    .await?;
    assert_eq!(code, 3);
    Ok(())
}

#[tokio::test]
async fn an_operators_cancel_ends_a_running_job_and_its_followers_hear_it() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut client = stack.client("alice").await?;
    let job = client.submit(endless()).await?;
    client.until_job_is(&job, "processing").await?;
    let (code, cancelled, said) = operate(&stack, &["jobs", "cancel", &job]).await?;
    assert_eq!((code, &cancelled["announced"]), (0, &json!(true)), "{said}");
    let end = client.until_end().await?;
    assert_eq!(
        (&end["type"], &end["by"]),
        (&json!("job_cancelled"), &json!("operator"))
    );
    let (code, again, _) = operate(&stack, &["jobs", "cancel", &job]).await?;
    assert_eq!(
        (code, &again["changed"], &again["status"]),
        (1, &json!(false), &json!("cancelled"))
    );
    let (code, watched) = read(&stack, &["jobs", "watch", &job]).await?;
    assert!(
        code == 1 && watched.contains("cancelled by operator"),
        "{watched}"
    );
    let row = stack.row(&job).await?;
    let kept = |name: &str| {
        row[name]["S"]
            .as_str()
            .or(row[name]["N"].as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let ended: jiff::Timestamp = kept("finishedAt").parse()?;
    assert_eq!(
        kept("ttl"),
        (ended.as_second() + 30 * 86_400).to_string(),
        "kept as long as any job"
    );
    Ok(())
}

#[tokio::test]
async fn a_failed_job_is_retried_once_and_watched_to_its_end() -> Result<()> {
    let mut stack = Stack::start(&ONE_TRY).await?;
    let mut client = stack.client("alice").await?;
    let job = client
        .submit(doomed(json!({"steps": 1, "fail": "retry", "failures": 1})))
        .await?;
    client.until("job_failed").await?;
    let (code, watched) = read(&stack, &["jobs", "watch", &job]).await?;
    assert!(code == 1 && watched.contains("NOOP_FAILED"), "{watched}");
    listed(&stack, 1).await?;
    // With attempts to spare the next run gets past its first failure.
    stack.kill().await?;
    stack.restart_with(&[]).await?;
    let (code, retried, said) = operate(&stack, &["jobs", "retry", &job]).await?;
    assert_eq!((code, &retried["run"]), (0, &json!(1)), "{said}");
    let (code, watched) = read(&stack, &["jobs", "watch", "--json", &job]).await?;
    let last: Value = serde_json::from_str(watched.lines().last().context("it said nothing")?)?;
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

    let mut other = stack.client("bob").await?;
    let done = other
        .submit(json!({"action": "query", "kind": "noop", "query": "x"}))
        .await?;
    let (code, seen) = read(&stack, &["jobs", "watch", &done]).await?;
    assert!(
        code == 0 && seen.contains("completed: a result of"),
        "{seen}"
    );
    let (code, unchanged, _) = operate(&stack, &["jobs", "retry", &done]).await?;
    assert_eq!((code, &unchanged["changed"]), (1, &json!(false)));
    Ok(())
}

#[tokio::test]
async fn connections_are_listed_told_and_closed() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let (mut one, mut two) = (stack.client("alice").await?, stack.client("alice").await?);
    let mut bob = stack.client("bob").await?;
    let count = |list: &Value| list["connections"].as_array().map_or(0, Vec::len);
    let (code, list, _) = operate(&stack, &["connections", "list", "--user", "alice"]).await?;
    assert_eq!((code, count(&list)), (0, 2), "{list}");
    let (_, page, _) = operate(&stack, &["connections", "list", "--limit", "2"]).await?;
    let after = page["more"].as_str().context("no more")?;
    let (_, rest, _) = operate(&stack, &["connections", "list", "--after", after]).await?;
    assert_eq!(
        (count(&page), count(&rest), &rest["more"]),
        (2, 1, &Value::Null)
    );

    let tell = [
        "connections",
        "broadcast",
        "Back in five minutes.",
        "--user",
        "alice",
    ];
    let (code, told, said) = operate(&stack, &tell).await?;
    assert_eq!(
        (code, told),
        (0, json!({"sent": 2, "gone": 0, "lost": 0})),
        "{said}"
    );
    for client in [&mut one, &mut two] {
        let heard = client.next().await?;
        assert_eq!(
            (&heard["type"], &heard["content"]),
            (&json!("system"), &json!("Back in five minutes."))
        );
        assert!(heard["timestamp"].is_u64());
    }
    let (_, told, _) = operate(&stack, &["connections", "broadcast", "Hello", "--all"]).await?;
    assert_eq!(told["sent"], 3);
    assert_eq!(bob.next().await?["content"], "Hello");
    let (code, ..) = operate(&stack, &["connections", "broadcast", "Hello"]).await?;
    assert_eq!(code, 2, "to whom, must be said");

    let (_, list, _) = operate(&stack, &["connections", "list", "--user", "bob"]).await?;
    let id = list["connections"][0]["connectionId"]
        .as_str()
        .context("no id")?;
    let (code, ..) = operate(&stack, &["connections", "close", id]).await?;
    assert_eq!(code, 0);
    let closed = bob.next().await;
    assert!(closed.is_err_and(|error| error.to_string().contains("closed")));
    until("its row says so", async || {
        let (code, ..) = operate(&stack, &["connections", "list", "--user", "bob"]).await?;
        Ok(code == 3)
    })
    .await?;
    let (code, list, _) = operate(
        &stack,
        &["connections", "list", "--user", "bob", "--closed"],
    )
    .await?;
    assert_eq!(
        (code, &list["connections"][0]["status"]),
        (0, &json!("DISCONNECTED"))
    );
    let (code, ..) = operate(&stack, &["connections", "close", id]).await?;
    assert_eq!(code, 3);
    Ok(())
}

#[tokio::test]
async fn cleanup_removes_what_the_gateway_no_longer_knows_and_nothing_else() -> Result<()> {
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
            let tell = ["connections", "broadcast", "x", "--user", "alice"];
            let (code, told, _) = operate(&stack, &tell).await?;
            assert_eq!((code, told), (0, json!({"sent": 1, "gone": 1, "lost": 0})));
            alive.until("system").await?;
        }
    }
    let (code, cleaned, said) = operate(&stack, &["connections", "cleanup"]).await?;
    assert_eq!(
        (code, cleaned),
        (0, json!({"idle": 1, "removed": 1, "closed": 0, "kept": 0})),
        "{said}"
    );
    let (_, list, _) = operate(&stack, &["connections", "list", "--closed"]).await?;
    assert_eq!(list["connections"].as_array().map(Vec::len), Some(1));
    assert_eq!(alive.ask(json!({"action": "ping"})).await?["type"], "pong");
    // What has said nothing for so long is closed, although the gateway knows it.
    let (_, cleaned, _) = operate(&stack, &["connections", "cleanup", "--idle", "0s"]).await?;
    assert_eq!(
        cleaned,
        json!({"idle": 1, "removed": 0, "closed": 1, "kept": 0})
    );
    assert!(alive.next().await.is_err());
    Ok(())
}
