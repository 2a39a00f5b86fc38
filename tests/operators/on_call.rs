//! What on-call's commands leave alone, and how they are called: by script, and against AWS's settings.

use crate::operators::dead_letters::{ONE_TRY, dlq, doomed, listed, planned};
use crate::support::stack::{Stack, root};
use anyhow::{Context, Result};
use serde_json::json;
use tokio::process::Command;

/// Sends a message to a queue; its id.
async fn send(stack: &Stack, queue: &str, body: &str) -> Result<String> {
    let url = stack.queue(queue).await?;
    let send = [
        "sqs",
        "send-message",
        "--queue-url",
        &url,
        "--message-body",
        body,
    ];
    let sent = stack.aws(&send).await?;
    Ok(sent["MessageId"].as_str().context("no id")?.to_owned())
}

#[tokio::test]
async fn what_needs_a_person_is_left_and_what_was_only_lost_is_queued_again() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let unreadable = send(&stack, "longhaul-jobs-dlq", "not a job").await?;
    let nobody = "0190c6f3-0000-7000-8000-000000000001";
    send(
        &stack,
        "longhaul-jobs-dlq",
        &format!(r#"{{"v":1,"job":"{nobody}"}}"#),
    )
    .await?;
    // A job whose message died before any claim: written, and then only on the dead-letter queue.
    let refuse = json!({"service": "sqs", "operation": "SendMessage", "caller": "longhaul-message", "effect": {"fail": {"code": "InternalError", "status": 500}}});
    stack.set_faults(json!([refuse])).await?;
    let mut client = stack.client("alice").await?;
    client.send(doomed(json!({}))).await?;
    let queued = client
        .until("job_queued")
        .await?
        .pop()
        .context("no event")?;
    let job = queued["jobId"].as_str().context("no id")?.to_owned();
    let redriven = format!(r#"{{"v":1,"job":"{job}"}}"#);
    send(&stack, "longhaul-jobs-dlq", &redriven).await?;
    send(&stack, "longhaul-jobs-dlq", &redriven).await?;

    let (code, list) = dlq(&stack, &["show", &job]).await?;
    assert_eq!(
        (code, &list["entries"][0]["do"]),
        (0, &json!("send")),
        "{list}"
    );
    let (file, plan) = planned(&stack, "plan.json").await?;
    assert_eq!(
        (&plan["letters"], plan["entries"].as_array().map(Vec::len)),
        (&json!(3), Some(2))
    );
    assert_eq!(plan["unreadable"][0]["body"], "not a job");
    let (code, applied) = dlq(&stack, &["apply", &file]).await?;
    assert_eq!(
        (code, &applied["sent"], &applied["left"]),
        (1, &json!(1), &json!([nobody]))
    );
    assert_eq!(applied["lettersDeleted"], 2);
    client.until_job_is(&job, "completed").await?;

    // Neither is dropped but by its name.
    let (code, _) = dlq(&stack, &["purge", "--text", "not a job", "--yes"]).await?;
    assert_eq!(code, 3);
    let (_, list) = dlq(&stack, &["list"]).await?;
    assert_eq!(
        (&list["letters"], &list["unreadable"][0]["message"]),
        (&json!(1), &json!(unreadable))
    );
    let (code, _) = dlq(&stack, &["purge", "--message", &unreadable]).await?;
    assert_eq!(code, 0);
    let (_, list) = dlq(&stack, &["list"]).await?;
    assert_eq!(
        (&list["letters"], &list["unreadable"]),
        (&json!(1), &json!([]))
    );
    Ok(())
}

#[tokio::test]
async fn the_script_plans_by_default_and_speaks_to_aws_as_the_environment_says() -> Result<()> {
    let stack = Stack::start(&ONE_TRY).await?;
    let mut client = stack.client("alice").await?;
    let job = client
        .submit(doomed(json!({"steps": 0, "fail": "retry"})))
        .await?;
    client.until_end().await?;
    listed(&stack, 1).await?;

    let plan = stack.data().join("plan.json");
    let plan = plan.to_str().context("a path")?;
    let out = ["--aws", "--out", plan];
    assert_eq!(script(&stack, &out).await?, (0, true));
    assert_eq!(stack.row(&job).await?["status"]["S"], "failed");
    assert_eq!(
        script(&stack, &["--apply", plan, "--aws"]).await?,
        (0, false)
    );
    // Nobody said where connections are, so the follower hears of it from the worker.
    assert_eq!(client.until_end().await?["type"], "job_failed");
    assert_eq!(stack.row(&job).await?["replays"]["N"], "1");
    assert_eq!(script(&stack, &["--apply"]).await?.0, 2);

    let elsewhere = std::fs::read_to_string(plan)?.replace("000000000000", "111111111111");
    let other = stack.data().join("other.json");
    std::fs::write(&other, elsewhere)?;
    let (code, said) = dlq(&stack, &["apply", other.to_str().context("a path")?]).await?;
    assert!(
        code == 2
            && said
                .as_str()
                .is_some_and(|said| said.contains("was made for")),
        "{said}"
    );
    Ok(())
}

/// A run of `scripts/replay-dlq` with AWS's own settings: its exit code, and whether it said that it
/// has changed nothing.
async fn script(stack: &Stack, arguments: &[&str]) -> Result<(i32, bool)> {
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_longhaul"));
    let folder = binary.parent().context("its folder")?;
    let run = Command::new(root().join("scripts/replay-dlq"))
        .args(arguments)
        .env(
            "PATH",
            format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display()),
        )
        .env("AWS_ENDPOINT_URL", &stack.aws)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .output();
    let output = tokio::time::timeout(crate::PATIENCE, run).await??;
    let said = String::from_utf8(output.stdout)?;
    let code = output.status.code().context("it was killed")?;
    Ok((code, said.contains("nothing was changed")))
}
