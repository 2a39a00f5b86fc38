//! A changed template on existing data: it takes effect at the next start, and nothing is lost.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::support::cli::{longhaul, repository_root};
use crate::support::stack::Stack;

/// Writes the project's template with replaced texts; returns its path.
fn write_changed_template(stack: &Stack, changes: &[(&str, &str)]) -> Result<String> {
    let mut text = std::fs::read_to_string(repository_root().join("cloudformation/template.yaml"))?;
    for (from, to) in changes {
        assert!(text.contains(from), "the template has no {from}");
        text = text.replace(from, to);
    }
    let path = stack.data().join("changed.yaml");
    std::fs::write(&path, text)?;
    Ok(path.to_str().context("a path")?.to_owned())
}

#[tokio::test]
async fn a_changed_template_takes_effect_at_the_next_start() -> Result<()> {
    let mut stack = Stack::start(&[]).await?;
    let mut client = stack.client("alice").await?;
    let job = client
        .submit(json!({"action": "query", "kind": "noop", "query": "before"}))
        .await?;
    client.until("job_completed").await?;
    let dead = stack.queue_url("longhaul-jobs-dlq").await?;
    let message = ["--message-body", "evidence"];
    stack
        .aws(&[&["sqs", "send-message", "--queue-url", &dead], &message[..]].concat())
        .await?;
    stack.kill().await?;

    let template = write_changed_template(
        &stack,
        &[
            ("{Seconds: 5400}", "{Seconds: 5460}"),
            ("${ProjectName}-jobs-dlq", "${ProjectName}-jobs-dead"),
            ("${ProjectName}-job-events", "${ProjectName}-happenings"),
            ("AttributeName: openShard", "AttributeName: status"),
            ("IndexName: open\n", "IndexName: by-status\n"),
            ("AttributeName: ttl", "AttributeName: until"),
        ],
    )?;
    stack
        .restart_with_options(&["--template", &template])
        .await?;

    assert!(
        stack.startup_lines.iter().any(|line| line
            == "In the data folder, but not in the template: the table longhaul-job-events, the queue longhaul-jobs-dlq"),
        "{:?}",
        stack.startup_lines
    );
    let url = stack.queue_url("longhaul-jobs").await?;
    let attributes = stack.queue_attributes(&url).await?;
    assert_eq!(attributes["VisibilityTimeout"], "5460");
    let redrive = attributes["RedrivePolicy"].as_str().context("no redrive")?;
    assert!(redrive.contains("longhaul-jobs-dead"));
    let dead = stack.queue_url("longhaul-jobs-dlq").await?;
    let attributes = stack.queue_attributes(&dead).await?;
    assert_eq!(attributes["ApproximateNumberOfMessages"], "1");

    assert_eq!(stack.job_row(&job).await?["query"]["S"], "before");
    let values = json!({":s": {"S": "completed"}}).to_string();
    let found = stack
        .aws(&[
            "dynamodb",
            "query",
            "--table-name",
            "longhaul-jobs",
            "--index-name",
            "by-status",
            "--key-condition-expression",
            "#s = :s",
            "--expression-attribute-names",
            r##"{"#s": "status"}"##,
            "--expression-attribute-values",
            &values,
        ])
        .await?;
    assert_eq!(found["Items"][0]["jobId"]["S"], json!(job), "the new index");
    for (table, attribute) in [("longhaul-jobs", "until"), ("longhaul-happenings", "until")] {
        let ttl = stack
            .aws(&["dynamodb", "describe-time-to-live", "--table-name", table])
            .await?;
        assert_eq!(ttl["TimeToLiveDescription"]["AttributeName"], attribute);
    }
    Ok(())
}

#[tokio::test]
async fn a_changed_route_is_served_from_the_next_start() -> Result<()> {
    let mut stack = Stack::start(&[]).await?;
    // The answers to `ping` and to `listJobs`.
    let answer_types = async |stack: &Stack| -> Result<(String, String)> {
        let mut client = stack.client("alice").await?;
        let expected = |answer: Value| {
            let expected = answer["type"].as_str().or(answer["message"].as_str());
            expected
                .map(str::to_owned)
                .context("neither type nor message")
        };
        let ping = expected(client.request(json!({"action": "ping"})).await?)?;
        let list = expected(client.request(json!({"action": "listJobs"})).await?)?;
        Ok((ping, list))
    };
    let both_answers = ("pong".to_owned(), "jobs".to_owned());
    assert_eq!(answer_types(&stack).await?, both_answers);
    stack.kill().await?;

    let route = (
        "RouteKey: $default\n      Target",
        "RouteKey: ping\n      Target",
    );
    let template = write_changed_template(&stack, &[route])?;
    stack
        .restart_with_options(&["--template", &template])
        .await?;
    // API Gateway's answer to a frame without a route.
    let ping_only = ("pong".to_owned(), "Forbidden".to_owned());
    assert_eq!(answer_types(&stack).await?, ping_only);
    stack.kill().await?;

    stack.restart_with_options(&[]).await?;
    assert_eq!(answer_types(&stack).await?, both_answers);
    Ok(())
}

#[tokio::test]
async fn a_change_that_would_lose_items_is_refused() -> Result<()> {
    let mut stack = Stack::start(&[]).await?;
    let mut client = stack.client("alice").await?;
    let job = client
        .submit(json!({"action": "query", "kind": "noop", "query": "stays"}))
        .await?;
    client.until("job_completed").await?;
    stack.kill().await?;

    let data = stack.data().to_str().context("a path")?.to_owned();
    for (from, to, expected) in [
        (
            "AttributeName: event,",
            "AttributeName: moment,",
            "the table longhaul-job-events: KeySchema can't change",
        ),
        (
            "Projection: {ProjectionType: KEYS_ONLY}",
            "Projection: {ProjectionType: ALL}",
            "the table longhaul-connections: the index \"by-user\" can't change",
        ),
    ] {
        let template = write_changed_template(&stack, &[(from, to)])?;
        let options = ["up", "--data", &data, "--port", "0", "--aws-port", "0"];
        let output = longhaul(&[&options[..], &["--template", &template]].concat()).await?;
        let stderr = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    }
    stack.restart().await?;
    assert_eq!(stack.job_row(&job).await?["query"]["S"], "stays");
    Ok(())
}
