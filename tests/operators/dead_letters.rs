//! Dead letters: the evidence of failed jobs, replay plans, and a replay that is killed.

use std::collections::BTreeSet;
use std::process::Stdio;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::dead_letters::{
    ONE_ATTEMPT, SECRET_QUERY, dlq, failing_job, wait_for_dead_letters, write_plan,
};
use crate::support::stack::Stack;
use crate::support::wait::wait_until;

#[tokio::test]
async fn a_failed_job_is_planned_replayed_once_and_completes() -> Result<()> {
    let mut stack = Stack::start(&ONE_ATTEMPT).await?;
    let mut client = stack.client("alice").await?;
    let job = client
        .submit(failing_job(
            json!({"steps": 0, "fail": "retry", "failures": 1}),
        ))
        .await?;
    let end = client.until_end().await?;
    assert_eq!(
        (&end["type"], &end["code"]),
        (&json!("job_failed"), &json!("NOOP_FAILED"))
    );

    let list = wait_for_dead_letters(&stack, 1).await?;
    let row = stack.settled_job_row(&job).await?;
    let (file, plan) = write_plan(&stack, "plan.json").await?;
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
    assert_eq!(stack.job_row(&job).await?, row, "a plan changes nothing");
    let attributes = stack
        .queue_attributes(&stack.queue_url("longhaul-jobs-dlq").await?)
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
    // The follower, who stayed connected, receives the new run's events from the first.
    let retrying = client.next().await?;
    assert_eq!(
        (&retrying["type"], &retrying["status"]),
        (&json!("progress_update"), &json!("retrying"))
    );
    assert_eq!(
        retrying["seq"].as_u64(),
        end["seq"].as_u64().map(|seq| seq + 1)
    );
    assert_eq!(client.until_end().await?["type"], "job_failed");

    // The new run failed too, and has its own evidence; the old plan does not apply to it.
    let second = wait_for_dead_letters(&stack, 1).await?;
    assert_eq!(second["entries"][0]["run"], 1, "{second}");
    let (code, applied) = dlq(&stack, &["apply", &file]).await?;
    assert_eq!(
        (code, &applied["replayed"], &applied["stale"]),
        (0, &json!(0), &json!(1))
    );
    assert_eq!(stack.job_row(&job).await?["replays"]["N"], "1");

    stack.kill().await?;
    stack
        .restart_with_options(&["--parameter", "MaxAttempts=2"])
        .await?;
    let (file, _) = write_plan(&stack, "second.json").await?;
    let (_, applied) = dlq(&stack, &["apply", &file]).await?;
    assert_eq!(applied["replayed"], 1, "{applied}");
    let mut client = stack.client("alice").await?;
    client.until_job_is(&job, "completed").await?;
    let row = stack.job_row(&job).await?;
    assert_eq!(
        (&row["replays"]["N"], &row["attempt"]["N"]),
        (&json!("2"), &json!("2"))
    );
    assert_eq!(row["error"], Value::Null, "{row}");
    assert_nothing_left(&stack).await?;
    Ok(())
}

#[tokio::test]
async fn a_killed_apply_loses_and_duplicates_nothing() -> Result<()> {
    let jobs = 24;
    let unlimited = ["--parameter", "SubmitsPerSecond=0"];
    let stack = Stack::start(&[ONE_ATTEMPT, unlimited].concat()).await?;
    let mut client = stack.client("alice").await?;
    for _ in 0..jobs {
        client
            .send(failing_job(json!({"steps": 0, "fail": "retry"})))
            .await?;
        client.until_end().await?;
    }
    wait_for_dead_letters(&stack, jobs).await?;
    let (file, plan) = write_plan(&stack, "plan.json").await?;
    let planned_jobs = ids(&plan);
    assert_eq!(planned_jobs.len(), jobs);

    // Every third send hangs: by then some jobs are replayed and sent, one is replayed and not sent, and the others
    // wait.
    let hanging_send = json!({"service": "sqs", "operation": "SendMessage", "caller": "longhaul-dlq", "every": 3, "effect": {"delayMs": 600_000}});
    stack.set_faults(json!([hanging_send])).await?;
    let data = stack.data_path()?;
    let mut apply = Command::new(env!("CARGO_BIN_EXE_longhaul"))
        .args(["dlq", "apply", &file, "--rate", "10", "--data", data])
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    wait_until("a send hangs", async || {
        Ok(stack.fault_report().await?["rules"][0]["fired"] != 0)
    })
    .await?;
    apply.kill().await?;
    stack.set_faults(json!([])).await?;
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
    // Every job ran and failed once more, with one letter.
    let second = wait_for_dead_letters(&stack, jobs).await?;
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

/// The number of replayed jobs. Panics if one was replayed more than once.
async fn replayed(stack: &Stack) -> Result<usize> {
    let table = ["dynamodb", "scan", "--table-name", "longhaul-jobs"];
    let answer = stack.aws(&table).await?;
    let rows = answer["Items"].as_array().context("no rows")?;
    let replays = rows.iter().filter_map(|row| row["replays"]["N"].as_str());
    Ok(replays.inspect(|replays| assert_eq!(*replays, "1")).count())
}

async fn assert_nothing_left(stack: &Stack) -> Result<()> {
    let (code, list) = dlq(stack, &["list"]).await?;
    let (entries, unreadable) = (&list["entries"], &list["unreadable"]);
    assert_eq!((code, entries, unreadable), (0, &json!([]), &json!([])));
    Ok(())
}

#[tokio::test]
async fn a_job_that_crashes_its_workers_leaves_evidence_until_purged() -> Result<()> {
    let stack =
        Stack::start(&[&ONE_ATTEMPT[..], &["--parameter", "LeaseSeconds=2"]].concat()).await?;
    let mut client = stack.client("alice").await?;
    client
        .send(failing_job(json!({"steps": 0, "fail": "reject"})))
        .await?;
    assert_eq!(client.until_end().await?["code"], "NOOP_REJECTED");
    let job = client
        .submit(failing_job(json!({"steps": 0, "crash": true})))
        .await?;
    let end = client.until_end().await?;
    assert_eq!(
        (&end["type"], &end["code"]),
        (&json!("job_failed"), &json!("POISON"))
    );
    let list = wait_for_dead_letters(&stack, 1).await?;
    assert_eq!(
        (&list["entries"][0]["job"], &list["entries"][0]["code"]),
        (&json!(job), &json!("POISON"))
    );
    // The claim that ended it was no attempt.
    assert_eq!(list["entries"][0]["attempts"], 1);
    assert_eq!(stack.job_row(&job).await?["attempt"]["N"], "1");

    for (filter, matches) in [
        (["--code", "POISON"], true),
        (["--code", "poison"], true),
        (["--user", "alice"], true),
        (["--kind", "noop"], true),
        (["--text", "CRASHED its worker"], true),
        (["--newer-than", "1h"], true),
        (["--older-than", "1h"], false),
        (["--user", "bob"], false),
        (["--code", "NOOP_REJECTED"], false),
    ] {
        let (code, list) = dlq(&stack, &[&["list"], &filter[..]].concat()).await?;
        assert_eq!(
            (code, ids(&list).len()),
            (0, usize::from(matches)),
            "{filter:?}"
        );
    }
    let (code, output) = dlq(&stack, &["purge", "--code", "POISON"]).await?;
    assert!(
        code == 2
            && output
                .as_str()
                .is_some_and(|output| output.contains("--yes")),
        "{output}"
    );
    let (code, purged) = dlq(&stack, &["purge", "--code", "POISON", "--yes"]).await?;
    assert_eq!((code, &purged["deleted"]), (0, &json!(1)));
    assert_nothing_left(&stack).await?;
    Ok(())
}

#[tokio::test]
async fn the_sweep_sends_evidence_that_a_killed_worker_did_not() -> Result<()> {
    let stack = Stack::start(
        &[
            &ONE_ATTEMPT[..],
            &["--parameter", "LeaseSeconds=2", "--tick-seconds", "2"],
        ]
        .concat(),
    )
    .await?;
    let kill = json!({"service": "sqs", "operation": "SendMessage", "caller": "longhaul-worker", "number": 1, "effect": {"kill": "before"}});
    stack.set_faults(json!([kill])).await?;
    let mut client = stack.client("alice").await?;
    let job = client
        .submit(failing_job(json!({"steps": 0, "fail": "retry"})))
        .await?;
    client.until_job_is(&job, "failed").await?;
    let list = wait_for_dead_letters(&stack, 1).await?;
    assert_eq!(list["entries"][0]["job"], job, "{list}");
    let report = stack.fault_report().await?;
    assert_eq!(
        report["kills"], 1,
        "the worker was killed, so the sweep has sent the evidence"
    );
    stack.settled_job_row(&job).await.map(drop)
}
