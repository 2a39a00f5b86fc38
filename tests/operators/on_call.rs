//! Dead letters that a replay leaves for a person, and `scripts/replay-dlq` with AWS's settings.

use anyhow::{Context, Result};
use serde_json::json;
use tokio::process::Command;

use crate::support::cli::repository_root;
use crate::support::dead_letters::{
    ONE_ATTEMPT, dlq, failing_job, wait_for_dead_letters, write_plan,
};
use crate::support::stack::Stack;
use crate::support::wait::MAX_WAIT;

/// Sends a message to a queue; its id.
async fn send(stack: &Stack, queue: &str, body: &str) -> Result<String> {
    let url = stack.queue_url(queue).await?;
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
async fn unreadable_letters_stay_and_lost_messages_are_queued_again() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let unreadable = send(&stack, "longhaul-jobs-dlq", "not a job").await?;
    let unknown_job = "0190c6f3-0000-7000-8000-000000000001";
    send(
        &stack,
        "longhaul-jobs-dlq",
        &format!(r#"{{"v":1,"job":"{unknown_job}"}}"#),
    )
    .await?;
    // A job whose message reached the dead-letter queue before any claim.
    let refuse = json!({"service": "sqs", "operation": "SendMessage", "caller": "longhaul-message", "effect": {"fail": {"code": "InternalError", "status": 500}}});
    stack.set_faults(json!([refuse])).await?;
    let mut client = stack.client("alice").await?;
    client.send(failing_job(json!({}))).await?;
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
    let (file, plan) = write_plan(&stack, "plan.json").await?;
    assert_eq!(
        (&plan["letters"], plan["entries"].as_array().map(Vec::len)),
        (&json!(3), Some(2))
    );
    assert_eq!(plan["unreadable"][0]["body"], "not a job");
    let (code, applied) = dlq(&stack, &["apply", &file]).await?;
    assert_eq!(
        (code, &applied["sent"], &applied["left"]),
        (1, &json!(1), &json!([unknown_job]))
    );
    assert_eq!(applied["lettersDeleted"], 2);
    client.until_job_is(&job, "completed").await?;

    // Unreadable messages are deleted by their id only.
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
async fn the_script_plans_by_default_and_uses_the_environments_aws_settings() -> Result<()> {
    let stack = Stack::start(&ONE_ATTEMPT).await?;
    let mut client = stack.client("alice").await?;
    let job = client
        .submit(failing_job(json!({"steps": 0, "fail": "retry"})))
        .await?;
    client.until_end().await?;
    wait_for_dead_letters(&stack, 1).await?;

    let plan = stack.data().join("plan.json");
    let plan = plan.to_str().context("a path")?;
    let out = ["--aws", "--out", plan];
    assert_eq!(run_script(&stack, &out).await?, (0, true));
    assert_eq!(stack.job_row(&job).await?["status"]["S"], "failed");
    assert_eq!(
        run_script(&stack, &["--apply", plan, "--aws"]).await?,
        (0, false)
    );
    // Without a management endpoint the replay is not pushed, so the follower's next event comes from the worker.
    assert_eq!(client.until_end().await?["type"], "job_failed");
    assert_eq!(stack.job_row(&job).await?["replays"]["N"], "1");
    assert_eq!(run_script(&stack, &["--apply"]).await?.0, 2);

    let other_account = std::fs::read_to_string(plan)?.replace("000000000000", "111111111111");
    let other = stack.data().join("other.json");
    std::fs::write(&other, other_account)?;
    let (code, output) = dlq(&stack, &["apply", other.to_str().context("a path")?]).await?;
    assert!(
        code == 2
            && output
                .as_str()
                .is_some_and(|output| output.contains("was made for")),
        "{output}"
    );
    Ok(())
}

/// Runs `scripts/replay-dlq` with AWS's variables: exit code, and whether it prints that nothing was changed.
async fn run_script(stack: &Stack, arguments: &[&str]) -> Result<(i32, bool)> {
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_longhaul"));
    let folder = binary.parent().context("its folder")?;
    let run = Command::new(repository_root().join("scripts/replay-dlq"))
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
    let output = tokio::time::timeout(MAX_WAIT, run).await??;
    let code = output.status.code().context("it was killed")?;
    let stdout = String::from_utf8(output.stdout)?;
    Ok((code, stdout.contains("nothing was changed")))
}
