//! The stock `aws` command line against the endpoint, as an operator uses it.

use crate::support::stack::Stack;
use crate::until;
use anyhow::{Context, Result};
use serde_json::json;

#[tokio::test]
async fn a_job_reads_like_a_job_with_the_stock_command_line() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut client = stack.client("alice").await?;
    client.send(json!({"action": "query", "kind": "noop", "query": "hello", "params": {"bytes": 10}, "requestId": "r"})).await?;
    let events = client.until("job_completed").await?;
    let job = events[0]["jobId"].as_str().context("no jobId")?;

    let row = stack.row(job).await?;
    let text = |name: &str| {
        row[name]["S"]
            .as_str()
            .unwrap_or_else(|| panic!("no text {name} in {row}"))
    };
    assert_eq!(
        (text("jobId"), text("userId"), text("kind"), text("query")),
        (job, "alice", "noop", "hello")
    );
    assert_eq!((text("status"), text("requestId")), ("completed", "r"));
    for time in ["createdAt", "updatedAt", "startedAt", "finishedAt"] {
        assert_eq!(text(time).len(), "2026-01-01T00:00:00.000Z".len(), "{time}");
    }
    for (name, value) in [
        ("seq", events.len()),
        ("progress", 80),
        ("attempt", 1),
        ("fence", 1),
    ] {
        assert_eq!(row[name]["N"], json!(value.to_string()), "{name}");
    }
    assert!(text("result").contains("xxxxxxxxxx"));

    let scan = stack
        .aws(&["dynamodb", "scan", "--table-name", "longhaul-jobs"])
        .await?;
    assert_eq!(
        (&scan["Count"], &scan["Items"][0]["jobId"]["S"]),
        (&json!(1), &json!(job))
    );
    let tables = stack.aws(&["dynamodb", "list-tables"]).await?;
    assert_eq!(
        tables["TableNames"],
        json!([
            "longhaul-connections",
            "longhaul-inbox",
            "longhaul-job-events",
            "longhaul-jobs",
            "longhaul-sessions",
            "longhaul-subscriptions"
        ])
    );
    let ttl = stack
        .aws(&[
            "dynamodb",
            "describe-time-to-live",
            "--table-name",
            "longhaul-jobs",
        ])
        .await?;
    assert_eq!(ttl["TimeToLiveDescription"]["AttributeName"], "ttl");

    let url = stack.queue("longhaul-jobs").await?;
    let attributes = stack.attributes(&url).await?;
    assert_eq!(attributes["VisibilityTimeout"], "5400");
    let redrive = attributes["RedrivePolicy"].as_str().context("no redrive")?;
    assert!(redrive.contains("longhaul-jobs-dlq"));
    Ok(())
}

#[tokio::test]
async fn what_no_worker_can_read_is_kept_and_stops_nothing() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let url = stack.queue("longhaul-jobs").await?;
    stack
        .aws(&[
            "sqs",
            "send-message",
            "--queue-url",
            &url,
            "--message-body",
            "not a job",
        ])
        .await?;
    let mut client = stack.client("alice").await?;
    client
        .send(json!({"action": "query", "kind": "noop", "query": "after it"}))
        .await?;
    client.until("job_completed").await?;
    let log = stack.data().join("logs/longhaul-worker.log");
    until("the worker has met the message", async || {
        Ok(std::fs::read_to_string(&log)?.contains("a message could not be read"))
    })
    .await?;
    until("it alone is left, and waits", async || {
        let answer = stack.attributes(&url).await?;
        let count = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        let counts = [
            count("ApproximateNumberOfMessages"),
            count("ApproximateNumberOfMessagesNotVisible"),
        ];
        Ok(counts == ["0", "1"])
    })
    .await
}

#[tokio::test]
async fn functions_are_invoked_with_the_stock_command_line() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let (asked, answer) = (stack.data().join("asked"), stack.data().join("answer"));
    let out = answer.to_str().context("a path")?;
    let invoke = async |function: &str, payload: &str| {
        std::fs::write(&asked, payload)?;
        let payload = format!("fileb://{}", asked.display());
        let invoke = ["lambda", "invoke", "--function-name", function];
        stack
            .aws(&[&invoke[..], &["--payload", &payload, out]].concat())
            .await
    };
    let swept = invoke("longhaul-sweep", "{}").await?;
    assert_eq!(
        (&swept["StatusCode"], &swept["FunctionError"]),
        (&json!(200), &json!(null))
    );
    // What is no event of the worker's fails there, and says so as Lambda does.
    let failed = invoke(
        "arn:aws:lambda:us-east-1:000000000000:function:longhaul-worker",
        "[]",
    )
    .await?;
    assert_eq!(failed["FunctionError"], "Unhandled", "{failed}");
    let told = std::fs::read_to_string(out)?;
    assert!(told.contains("errorMessage"), "{told}");
    let unknown = invoke("longhaul-nobody", "{}")
        .await
        .expect_err("there is none");
    assert!(
        unknown.to_string().contains("ResourceNotFoundException"),
        "{unknown}"
    );
    Ok(())
}
