//! `longhaul doctor` on a healthy stack, on broken ones, and on one that is missing.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::support::cli::{longhaul, longhaul_json, repository_root};
use crate::support::stack::Stack;

/// The names of the checks with this verdict.
fn checks_with<'r>(report: &'r Value, verdict: &str) -> Vec<&'r str> {
    let checks = report["checks"].as_array().into_iter().flatten();
    let matching = checks.filter(|check| check["verdict"] == verdict);
    matching
        .filter_map(|check| check["check"].as_str())
        .collect()
}

#[tokio::test]
async fn a_healthy_stack_is_ok_and_a_dead_letter_is_a_warning() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let (code, report, stderr) = longhaul_json(&stack, &["doctor"]).await?;
    assert_eq!(
        (code, &report["verdict"]),
        (0, &json!("ok")),
        "{report} {stderr}"
    );
    assert_eq!(
        checks_with(&report, "not looked at"),
        ["recovery and deletion protection"]
    );
    // Every table and every queue that functions read is checked.
    let template = std::fs::read_to_string(repository_root().join("cloudformation/template.yaml"))?;
    let named = |what: &str| {
        let what = format!("{what}: !Sub \"${{ProjectName}}-");
        let rests = template.split(what.as_str()).skip(1);
        let names: Vec<&str> = rests.filter_map(|rest| rest.split('"').next()).collect();
        names
    };
    let queues = named("QueueName");
    let read = queues.iter().filter(|name| !name.ends_with("-dlq"));
    let tables = named("TableName");
    let expected = tables.iter().map(|name| format!("table longhaul-{name}"));
    let expected = expected.chain(read.map(|name| format!("event source of longhaul-{name}")));
    let (seen, expected) = (checks_with(&report, "ok"), expected.collect::<Vec<_>>());
    assert!(expected.len() >= 11, "{expected:?}");
    for check in expected {
        assert!(seen.contains(&check.as_str()), "{check}: {report}");
    }

    let dead = stack.queue_url("longhaul-jobs-dlq").await?;
    stack
        .aws(&[
            "sqs",
            "send-message",
            "--queue-url",
            &dead,
            "--message-body",
            "no job",
        ])
        .await?;
    let (code, report, _) = longhaul_json(&stack, &["doctor"]).await?;
    assert_eq!(
        (code, checks_with(&report, "warning")),
        (1, vec!["dead letters"]),
        "{report}"
    );
    Ok(())
}

#[tokio::test]
async fn broken_parts_are_named_with_advice() -> Result<()> {
    let mut stack = Stack::start(&[]).await?;
    let template = std::fs::read_to_string(repository_root().join("cloudformation/template.yaml"))?;
    let (before, jobs) = template.split_once("  JobsTable:\n").context("no table")?;
    let (jobs, after) = jobs
        .split_once("  JobEventsTable:\n")
        .context("no next table")?;
    let open_index = "        - IndexName: open\n          KeySchema:\n            - {AttributeName: openShard, KeyType: HASH}\n            - {AttributeName: createdAt, KeyType: RANGE}\n          Projection: {ProjectionType: KEYS_ONLY}\n";
    let ttl = "      TimeToLiveSpecification: {AttributeName: ttl, Enabled: true}\n";
    let shard = "        - {AttributeName: openShard, AttributeType: S}\n";
    assert!(
        [open_index, ttl, shard]
            .iter()
            .all(|part| jobs.contains(part)),
        "the template has changed, and this test must follow"
    );
    let jobs = jobs
        .replace(open_index, "")
        .replace(ttl, "")
        .replace(shard, "");
    let changed = stack.data().join("changed.yaml");
    std::fs::write(
        &changed,
        format!("{before}  JobsTable:\n{jobs}  JobEventsTable:\n{after}"),
    )?;
    stack.kill().await?;
    stack
        .restart_with_options(&["--template", changed.to_str().context("a path")?])
        .await?;
    let queue = stack.queue_url("longhaul-jobs").await?;
    let attributes = json!({"RedrivePolicy": "", "VisibilityTimeout": "60"}).to_string();
    stack
        .aws(&[
            "sqs",
            "set-queue-attributes",
            "--queue-url",
            &queue,
            "--attributes",
            &attributes,
        ])
        .await?;
    let queue = stack.queue_url("longhaul-continuations").await?;
    stack
        .aws(&["sqs", "delete-queue", "--queue-url", &queue])
        .await?;

    let (code, report, stderr) = longhaul_json(&stack, &["doctor"]).await?;
    assert_eq!(code, 2, "{stderr}");
    let broken = [
        "table longhaul-jobs",
        "expiry of longhaul-jobs",
        "redrive of longhaul-jobs",
        "visibility of longhaul-jobs",
        "queue longhaul-continuations",
        "open jobs",
    ];
    assert_eq!(checks_with(&report, "failed"), broken, "{report}");
    let runbook = std::fs::read_to_string(repository_root().join("docs/RUNBOOK.md"))?;
    for check in report["checks"].as_array().into_iter().flatten() {
        let (advice, section) = (check["do"].as_str(), check["runbook"].as_str());
        let section = section.context("no section")?;
        assert!(
            section.is_empty() || runbook.contains(&format!("## {section}\n")),
            "{check}"
        );
        let failed = check["verdict"] == "failed";
        assert!(
            !failed || advice.is_some_and(|advice| !advice.is_empty()),
            "{check}"
        );
    }
    let data = stack.data_path()?;
    let output = longhaul(&["doctor", "--data", data]).await?;
    let stdout = String::from_utf8(output.stdout)?;
    assert!(
        stdout.contains("failed") && stdout.contains("it lacks the index open"),
        "{stdout}"
    );
    assert!(
        stdout.contains("table longhaul-jobs: restore what the template says (docs/RUNBOOK.md"),
        "{stdout}"
    );
    Ok(())
}

#[tokio::test]
async fn a_missing_stack_is_reported() -> Result<()> {
    let empty_folder = tempfile::tempdir()?;
    let output = longhaul(&[
        "doctor",
        "--data",
        empty_folder.path().to_str().context("a path")?,
    ])
    .await?;
    let stdout = String::from_utf8(output.stdout)?;
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stdout.contains("no embedded cloud runs") && stdout.contains("longhaul up"),
        "{stdout}"
    );

    let stack = Stack::start(&[]).await?;
    let (code, report, _) = longhaul_json(&stack, &["doctor", "--project", "another"]).await?;
    let failed = checks_with(&report, "failed");
    assert_eq!(code, 2);
    for check in [
        "table another-jobs",
        "queue another-jobs",
        "worker",
        "schedule",
    ] {
        assert!(failed.contains(&check), "{check}: {report}");
    }
    Ok(())
}
