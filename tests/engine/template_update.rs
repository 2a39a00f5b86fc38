//! A changed template on the data of the one before: it takes effect, and nothing is lost.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::support::stack::{Stack, longhaul, root};

/// The project's template with texts replaced, in the stack's own folder.
fn changed(stack: &Stack, changes: &[(&str, &str)]) -> Result<String> {
    let mut text = std::fs::read_to_string(root().join("cloudformation/template.yaml"))?;
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
    let dead = stack.queue("longhaul-jobs-dlq").await?;
    let message = ["--message-body", "evidence"];
    stack
        .aws(&[&["sqs", "send-message", "--queue-url", &dead], &message[..]].concat())
        .await?;
    stack.kill().await?;

    let template = changed(
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
    stack.restart_with(&["--template", &template]).await?;

    assert!(
        stack.said.iter().any(|line| line
            == "Kept, but not in the template: the table longhaul-job-events, the queue longhaul-jobs-dlq"),
        "{:?}",
        stack.said
    );
    let url = stack.queue("longhaul-jobs").await?;
    let attributes = stack.attributes(&url).await?;
    assert_eq!(attributes["VisibilityTimeout"], "5460");
    let redrive = attributes["RedrivePolicy"].as_str().context("no redrive")?;
    assert!(redrive.contains("longhaul-jobs-dead"));
    let dead = stack.queue("longhaul-jobs-dlq").await?;
    let attributes = stack.attributes(&dead).await?;
    assert_eq!(attributes["ApproximateNumberOfMessages"], "1");

    assert_eq!(stack.row(&job).await?["query"]["S"], "before");
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
async fn a_change_of_a_route_alone_is_served_from_the_next_start_on() -> Result<()> {
    let mut stack = Stack::start(&[]).await?;
    // What a ping and a list of jobs are answered with.
    let answers = async |stack: &Stack| -> Result<(String, String)> {
        let mut client = stack.client("alice").await?;
        let said = |answer: Value| {
            let said = answer["type"].as_str().or(answer["message"].as_str());
            said.map(str::to_owned).context("neither type nor message")
        };
        let ping = said(client.ask(json!({"action": "ping"})).await?)?;
        let list = said(client.ask(json!({"action": "listJobs"})).await?)?;
        Ok((ping, list))
    };
    let both = ("pong".to_owned(), "jobs".to_owned());
    assert_eq!(answers(&stack).await?, both);
    stack.kill().await?;

    let route = (
        "RouteKey: $default\n      Target",
        "RouteKey: ping\n      Target",
    );
    let template = changed(&stack, &[route])?;
    stack.restart_with(&["--template", &template]).await?;
    // As API Gateway refuses a frame that no route is for.
    let one = ("pong".to_owned(), "Forbidden".to_owned());
    assert_eq!(answers(&stack).await?, one);
    stack.kill().await?;

    stack.restart_with(&[]).await?;
    assert_eq!(answers(&stack).await?, both);
    Ok(())
}

#[tokio::test]
async fn a_change_that_would_lose_items_is_refused_and_they_stay() -> Result<()> {
    let mut stack = Stack::start(&[]).await?;
    let mut client = stack.client("alice").await?;
    let job = client
        .submit(json!({"action": "query", "kind": "noop", "query": "stays"}))
        .await?;
    client.until("job_completed").await?;
    stack.kill().await?;

    let data = stack.data().to_str().context("a path")?.to_owned();
    for (from, to, said) in [
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
        let template = changed(&stack, &[(from, to)])?;
        let place = ["up", "--data", &data, "--port", "0", "--aws-port", "0"];
        let output = longhaul(&[&place[..], &["--template", &template]].concat()).await?;
        let complaint = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(2), "{complaint}");
        assert!(complaint.contains(said), "{complaint}");
    }
    stack.restart().await?;
    assert_eq!(stack.row(&job).await?["query"]["S"], "stays");
    Ok(())
}
