//! The stock `aws` command line on the embedded cloud, as an operator uses it.

use anyhow::{Context, Result};
use serde_json::json;

use crate::support::stack::Stack;
use crate::support::wait::wait_until;

#[tokio::test]
async fn a_jobs_row_and_queue_are_read_with_the_stock_command_line() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut client = stack.client("alice").await?;
    client.send(json!({"action": "query", "kind": "noop", "query": "hello", "params": {"bytes": 10}, "requestId": "r"})).await?;
    let events = client.until("job_completed").await?;
    let job = events[0]["jobId"].as_str().context("no jobId")?;

    let key = json!({"jobId": {"S": job}}).to_string();
    let get = ["dynamodb", "get-item", "--table-name", "longhaul-jobs"];
    let row = stack.aws(&[&get[..], &["--key", &key]].concat()).await?["Item"].clone();
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

    let url = stack.queue_url("longhaul-jobs").await?;
    let attributes = stack.queue_attributes(&url).await?;
    assert_eq!(attributes["VisibilityTimeout"], "5400");
    let redrive = attributes["RedrivePolicy"].as_str().context("no redrive")?;
    assert!(redrive.contains("longhaul-jobs-dlq"));
    Ok(())
}

#[tokio::test]
async fn an_unreadable_message_is_kept_and_blocks_nothing() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let url = stack.queue_url("longhaul-jobs").await?;
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
    wait_until("the worker has received the message", async || {
        Ok(std::fs::read_to_string(&log)?.contains("a message could not be read"))
    })
    .await?;
    wait_until("only this message is left, in flight", async || {
        let answer = stack.queue_attributes(&url).await?;
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
    let (request_file, answer) = (stack.data().join("asked"), stack.data().join("answer"));
    let out = answer.to_str().context("a path")?;
    let invoke = async |function: &str, payload: &str| {
        std::fs::write(&request_file, payload)?;
        let payload = format!("fileb://{}", request_file.display());
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
    // An event that the worker can't parse fails in the function, and is answered as Lambda does.
    let failed = invoke(
        "arn:aws:lambda:us-east-1:000000000000:function:longhaul-worker",
        "[]",
    )
    .await?;
    assert_eq!(failed["FunctionError"], "Unhandled", "{failed}");
    let payload = std::fs::read_to_string(out)?;
    assert!(payload.contains("errorMessage"), "{payload}");
    let unknown = invoke("longhaul-nobody", "{}")
        .await
        .expect_err("an unknown function was invoked");
    assert!(
        unknown.to_string().contains("ResourceNotFoundException"),
        "{unknown}"
    );
    Ok(())
}
