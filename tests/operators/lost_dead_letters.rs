//! Dead letters that were redriven with SQS's own means, and the way back for their jobs.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::support::cli::{longhaul_json, longhaul_text};
use crate::support::dead_letters::{ONE_ATTEMPT, dlq, failing_job, wait_for_dead_letters};
use crate::support::stack::Stack;
use crate::support::wait::wait_until;

/// Moves the dead letters with these options, and returns the task once it has ended.
async fn move_dead_letters(stack: &Stack, options: &[&str]) -> Result<Value> {
    let source = [
        "--source-arn",
        "arn:aws:sqs:us-east-1:000000000000:longhaul-jobs-dlq",
    ];
    let start = ["sqs", "start-message-move-task"];
    stack.aws(&[&start[..], &source, options].concat()).await?;
    let list = [&["sqs", "list-message-move-tasks"][..], &source].concat();
    wait_until("the task has ended", async || {
        Ok(stack.aws(&list).await?["Results"][0]["Status"] != "RUNNING")
    })
    .await?;
    Ok(stack.aws(&list).await?["Results"][0].take())
}

#[tokio::test]
async fn jobs_whose_dead_letters_are_lost_are_retried_by_their_rows() -> Result<()> {
    let stack = Stack::start(&ONE_ATTEMPT).await?;
    let mut failed = vec![];
    for user in ["alice", "bob"] {
        let mut client = stack.client(user).await?;
        let job = client
            .submit(failing_job(json!({"steps": 0, "fail": "retry"})))
            .await?;
        client.until("job_failed").await?;
        failed.push(job);
    }
    let mut client = stack.client("alice").await?;
    let rejected = client
        .submit(failing_job(json!({"steps": 0, "fail": "reject"})))
        .await?;
    client.until("job_failed").await?;
    wait_for_dead_letters(&stack, 2).await?;

    // Longhaul itself has sent them, so they have no source to be moved to. Nothing is lost.
    let task = move_dead_letters(&stack, &[]).await?;
    assert_eq!(
        (&task["Status"], &task["FailureReason"]),
        (&json!("FAILED"), &json!("CouldNotDetermineMessageSource"))
    );
    wait_for_dead_letters(&stack, 2).await?;

    // To the queue of jobs they can be moved. The workers find those jobs ended, and the dead letters are gone.
    let jobs = "arn:aws:sqs:us-east-1:000000000000:longhaul-jobs";
    let task = move_dead_letters(&stack, &["--destination-arn", jobs]).await?;
    assert_eq!(task["Status"], "COMPLETED", "{task}");
    let url = stack.queue_url("longhaul-jobs").await?;
    wait_until("the workers have taken them", async || {
        let attributes = stack.queue_attributes(&url).await?;
        let mut counts = attributes.as_object().into_iter().flatten();
        Ok(counts.all(|(name, count)| !name.starts_with("ApproximateNumber") || count == "0"))
    })
    .await?;
    let (_, list) = dlq(&stack, &["list"]).await?;
    assert_eq!(list["entries"], json!([]));
    for job in &failed {
        assert_eq!(stack.job_row(job).await?["status"]["S"], "failed");
    }

    let retry = [
        "jobs",
        "retry",
        "--scan",
        "--code",
        "noop_failed",
        "--newer-than",
        "1h",
    ];
    let (code, _, stderr) = longhaul_json(&stack, &retry).await?;
    assert!(
        code == 2 && stderr.contains("2 jobs") && stderr.contains("--yes"),
        "{stderr}"
    );
    let (code, retried, stderr) = longhaul_json(&stack, &[&retry[..], &["--yes"]].concat()).await?;
    let expected = json!({"retried": 2, "superseded": 0});
    assert_eq!((code, retried), (0, expected), "{stderr}");
    wait_for_dead_letters(&stack, 2).await?;
    for job in &failed {
        assert_eq!(stack.job_row(job).await?["replays"]["N"], "1");
    }
    let of_user = ["jobs", "retry", "--user", "alice", "--yes"];
    let (code, text) = longhaul_text(&stack, &of_user).await?;
    assert_eq!(
        (code, text.as_str()),
        (0, "1 queued again, 0 changed meanwhile.\n")
    );
    wait_until("only alice's job has a third run", async || {
        let row = stack.job_row(&failed[0]).await?;
        Ok(row["replays"]["N"] == "2" && row["status"]["S"] == "failed")
    })
    .await?;
    assert_eq!(stack.job_row(&failed[1]).await?["replays"]["N"], "1");
    // What was rejected has no dead letter, and is not retried.
    assert_eq!(stack.job_row(&rejected).await?["replays"], Value::Null);
    let none = ["jobs", "retry", "--user", "nobody", "--yes"];
    assert_eq!(longhaul_json(&stack, &none).await?.0, 3);
    let id = failed.first().context("a job")?;
    let both = ["jobs", "retry", id.as_str(), "--user", "alice"];
    assert_eq!(longhaul_json(&stack, &both).await?.0, 2);
    Ok(())
}
