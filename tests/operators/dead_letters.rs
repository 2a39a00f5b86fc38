//! Dead letters, as whoever is on call meets them: evidence, a plan, a replay that may be killed.

use std::collections::BTreeSet;
use std::process::Stdio;

use crate::support::stack::{Stack, longhaul};
use crate::{PATIENCE, until};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::process::Command;

/// One try, so that the first failure is the last.
pub const ONE_TRY: [&str; 2] = ["--parameter", "MaxAttempts=1"];
const SECRET_QUERY: &str = "what is said to nobody else";

/// A job with these parameters, which make it fail.
pub fn doomed(params: Value) -> Value {
    json!({"action": "query", "kind": "noop", "query": SECRET_QUERY, "params": params})
}

/// A `longhaul dlq` command against the stack: its exit code and what it printed, as JSON.
pub async fn dlq(stack: &Stack, arguments: &[&str]) -> Result<(i32, Value)> {
    let data = stack.data().to_str().context("a path")?;
    let more = ["--json", "--data", data];
    let output = longhaul(&[&["dlq"], arguments, &more].concat()).await?;
    let said = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| String::from_utf8_lossy(&output.stderr).into_owned().into());
    Ok((output.status.code().context("it was killed")?, said))
}

/// The dead-letter queue as a plan lists it, once it holds so many entries.
pub async fn listed(stack: &Stack, entries: usize) -> Result<Value> {
    let wait = async {
        loop {
            let (_, list) = dlq(stack, &["list"]).await?;
            if list["entries"]
                .as_array()
                .is_some_and(|found| found.len() == entries)
            {
                return Ok(list);
            }
        }
    };
    // What a crash left unsent waits for the sweep.
    let waited = tokio::time::timeout(2 * PATIENCE, wait).await;
    waited.with_context(|| format!("the dead-letter queue never held {entries} entries"))?
}

/// A plan in a file, and what it says.
pub async fn planned(stack: &Stack, name: &str) -> Result<(String, Value)> {
    let file = stack
        .data()
        .join(name)
        .to_str()
        .context("a path")?
        .to_owned();
    let (code, plan) = dlq(stack, &["plan", "--out", &file]).await?;
    ensure!(code == 0, "{code} {plan}");
    Ok((file, plan))
}

#[tokio::test]
async fn what_failed_for_good_is_planned_replayed_once_and_completes() -> Result<()> {
    let mut stack = Stack::start(&ONE_TRY).await?;
    let mut client = stack.client("alice").await?;
    let job = client
        .submit(doomed(json!({"steps": 0, "fail": "retry", "failures": 1})))
        .await?;
    let end = client.until_end().await?;
    assert_eq!(
        (&end["type"], &end["code"]),
        (&json!("job_failed"), &json!("NOOP_FAILED"))
    );

    let list = listed(&stack, 1).await?;
    let row = stack.row(&job).await?;
    let (file, plan) = planned(&stack, "plan.json").await?;
    assert_eq!(plan["entries"], list["entries"]);
    let entry = &plan["entries"][0];
    for (field, value) in [
        ("job", json!(job)),
        ("run", json!(0)),
        ("do", json!("replay")),
        ("userId", json!("alice")),
        ("kind", json!("noop")),
        ("attempts", json!(1)),
    ] {
        assert_eq!(entry[field], value, "{field}");
    }
    assert!(!std::fs::read_to_string(&file)?.contains(SECRET_QUERY));
    assert_eq!(stack.row(&job).await?, row, "a plan changes nothing");
    let attributes = stack
        .attributes(&stack.queue("longhaul-jobs-dlq").await?)
        .await?;
    assert_eq!(
        attributes["ApproximateNumberOfMessages"], "1",
        "{attributes}"
    );

    let (code, applied) = dlq(&stack, &["apply", &file]).await?;
    assert_eq!(
        (code, &applied["replayed"], &applied["lettersDeleted"]),
        (0, &json!(1), &json!(1))
    );
    // The follower, who was there all the time, hears the new run from its first moment.
    let again = client.next().await?;
    assert_eq!(
        (&again["type"], &again["status"]),
        (&json!("progress_update"), &json!("retrying"))
    );
    assert_eq!(
        again["seq"].as_u64(),
        end["seq"].as_u64().map(|seq| seq + 1)
    );
    assert_eq!(client.until_end().await?["type"], "job_failed");

    // The new run failed too, and has evidence of its own; the old plan is no concern of it.
    let second = listed(&stack, 1).await?;
    assert_eq!(second["entries"][0]["run"], 1, "{second}");
    let (code, applied) = dlq(&stack, &["apply", &file]).await?;
    assert_eq!(
        (code, &applied["replayed"], &applied["stale"]),
        (0, &json!(0), &json!(1))
    );
    assert_eq!(stack.row(&job).await?["replays"]["N"], "1");

    stack.kill().await?;
    stack
        .restart_with(&["--parameter", "MaxAttempts=2"])
        .await?;
    let (file, _) = planned(&stack, "second.json").await?;
    let (_, applied) = dlq(&stack, &["apply", &file]).await?;
    assert_eq!(applied["replayed"], 1, "{applied}");
    let mut client = stack.client("alice").await?;
    client.until_job_is(&job, "completed").await?;
    let row = stack.row(&job).await?;
    assert_eq!(
        (&row["replays"]["N"], &row["attempt"]["N"]),
        (&json!("2"), &json!("2"))
    );
    assert_eq!(row["error"], Value::Null, "{row}");
    assert_eq!(dlq(&stack, &["list"]).await?.0, 3, "nothing is left");
    Ok(())
}

#[tokio::test]
async fn an_apply_killed_in_the_middle_loses_nothing_and_doubles_nothing() -> Result<()> {
    let jobs = 24;
    let unlimited = ["--parameter", "SubmitsPerSecond=0"];
    let stack = Stack::start(&[ONE_TRY, unlimited].concat()).await?;
    let mut client = stack.client("alice").await?;
    for _ in 0..jobs {
        client
            .send(doomed(json!({"steps": 0, "fail": "retry"})))
            .await?;
        client.until_end().await?;
    }
    listed(&stack, jobs).await?;
    let (file, plan) = planned(&stack, "plan.json").await?;
    let planned_jobs = ids(&plan);
    assert_eq!(planned_jobs.len(), jobs);

    // Each third send hangs: when the first does, some jobs are replayed and sent, one is replayed
    // and not yet sent, and the others wait.
    let held = json!({"service": "sqs", "operation": "SendMessage", "caller": "longhaul-dlq", "every": 3, "effect": {"delayMs": 600_000}});
    stack.set_faults(json!([held])).await?;
    let data = stack.data().to_str().context("a path")?;
    let mut apply = Command::new(env!("CARGO_BIN_EXE_longhaul"))
        .args(["dlq", "apply", &file, "--rate", "10", "--data", data])
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    until("a send hangs", async || {
        Ok(stack.faults("GET", "", "").await?.1["rules"][0]["fired"] != 0)
    })
    .await?;
    apply.kill().await?;
    stack.faults("DELETE", "", "").await?;
    let replayed_by_the_first = replayed(&stack).await?;
    assert!(
        (3..jobs).contains(&replayed_by_the_first),
        "{replayed_by_the_first}"
    );

    let (code, applied) = dlq(&stack, &["apply", &file, "--rate", "1000"]).await?;
    assert_eq!(code, 0, "{applied}");
    assert_eq!(
        applied["replayed"],
        jobs - replayed_by_the_first,
        "{applied}"
    );
    assert_eq!(applied["lettersDeleted"], jobs, "{applied}");
    // Every job ran once more, failed once more, and says so once.
    let second = listed(&stack, jobs).await?;
    assert_eq!(
        (ids(&second), &second["letters"]),
        (planned_jobs, &json!(jobs))
    );
    for entry in second["entries"].as_array().context("no entries")? {
        assert_eq!(
            (&entry["run"], &entry["attempts"]),
            (&json!(1), &json!(1)),
            "{entry}"
        );
    }
    assert_eq!(replayed(&stack).await?, jobs);
    Ok(())
}

fn ids(plan: &Value) -> BTreeSet<String> {
    let entries = plan["entries"].as_array().into_iter().flatten();
    entries
        .filter_map(|entry| entry["job"].as_str().map(str::to_owned))
        .collect()
}

/// How many jobs have been replayed, each once.
async fn replayed(stack: &Stack) -> Result<usize> {
    let table = ["dynamodb", "scan", "--table-name", "longhaul-jobs"];
    let answer = stack.aws(&table).await?;
    let rows = answer["Items"].as_array().context("no rows")?;
    let replays = rows.iter().filter_map(|row| row["replays"]["N"].as_str());
    Ok(replays.inspect(|replays| assert_eq!(*replays, "1")).count())
}

#[tokio::test]
async fn a_job_that_kills_its_workers_leaves_evidence_until_it_is_purged() -> Result<()> {
    let stack = Stack::start(&[&ONE_TRY[..], &["--parameter", "LeaseSeconds=2"]].concat()).await?;
    let mut client = stack.client("alice").await?;
    client
        .send(doomed(json!({"steps": 0, "fail": "reject"})))
        .await?;
    assert_eq!(client.until_end().await?["code"], "NOOP_REJECTED");
    let job = client
        .submit(doomed(json!({"steps": 0, "crash": true})))
        .await?;
    let end = client.until_end().await?;
    assert_eq!(
        (&end["type"], &end["code"]),
        (&json!("job_failed"), &json!("POISON"))
    );
    let list = listed(&stack, 1).await?;
    assert_eq!(
        (&list["entries"][0]["job"], &list["entries"][0]["code"]),
        (&json!(job), &json!("POISON"))
    );

    for (filter, meant) in [
        (["--code", "POISON"], true),
        (["--user", "alice"], true),
        (["--kind", "noop"], true),
        (["--text", "ENDED its worker"], true),
        (["--newer-than", "1h"], true),
        (["--older-than", "1h"], false),
        (["--user", "bob"], false),
        (["--code", "NOOP_REJECTED"], false),
    ] {
        let (code, list) = dlq(&stack, &[&["list"], &filter[..]].concat()).await?;
        assert_eq!(
            (code, ids(&list).len()),
            if meant { (0, 1) } else { (3, 0) },
            "{filter:?}"
        );
    }
    let (code, said) = dlq(&stack, &["purge", "--code", "POISON"]).await?;
    assert!(
        code == 2 && said.as_str().is_some_and(|said| said.contains("--yes")),
        "{said}"
    );
    let (code, purged) = dlq(&stack, &["purge", "--code", "POISON", "--yes"]).await?;
    assert_eq!((code, &purged["deleted"]), (0, &json!(1)));
    assert_eq!(dlq(&stack, &["list"]).await?.0, 3);
    Ok(())
}

#[tokio::test]
async fn a_worker_killed_before_it_sends_evidence_is_stood_in_for() -> Result<()> {
    let stack = Stack::start(
        &[
            &ONE_TRY[..],
            &["--parameter", "LeaseSeconds=2", "--tick-seconds", "2"],
        ]
        .concat(),
    )
    .await?;
    let kill = json!({"service": "sqs", "operation": "SendMessage", "caller": "longhaul-worker", "number": 1, "effect": {"kill": "before"}});
    stack.set_faults(json!([kill])).await?;
    let mut client = stack.client("alice").await?;
    let job = client
        .submit(doomed(json!({"steps": 0, "fail": "retry"})))
        .await?;
    client.until_job_is(&job, "failed").await?;
    let list = listed(&stack, 1).await?;
    assert_eq!(list["entries"][0]["job"], job, "{list}");
    let (_, told) = stack.faults("GET", "", "").await?;
    assert_eq!(
        told["kills"], 1,
        "the evidence is of somebody else's sending"
    );
    until("the job is closed", async || {
        Ok(stack.row(&job).await?["openShard"].is_null())
    })
    .await
}
