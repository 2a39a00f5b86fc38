//! `longhaul doctor` on a stack that is well, and on stacks that are broken in several ways.

use crate::operators::cli_operator::operate;
use crate::support::stack::{Stack, longhaul, root};
use anyhow::{Context, Result};
use serde_json::{Value, json};

/// The names of the checks that came out so.
fn found<'r>(report: &'r Value, verdict: &str) -> Vec<&'r str> {
    let checks = report["checks"].as_array().into_iter().flatten();
    let such = checks.filter(|check| check["verdict"] == verdict);
    such.filter_map(|check| check["check"].as_str()).collect()
}

#[tokio::test]
async fn a_healthy_stack_is_well_and_a_dead_letter_is_a_warning() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let (code, report, said) = operate(&stack, &["doctor"]).await?;
    assert_eq!(
        (code, &report["verdict"]),
        (0, &json!("ok")),
        "{report} {said}"
    );
    assert_eq!(
        found(&report, "not looked at"),
        ["recovery and deletion protection"]
    );
    // Nothing that the template makes and functions read goes unseen.
    let template = std::fs::read_to_string(root().join("cloudformation/template.yaml"))?;
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
    let (seen, expected) = (found(&report, "ok"), expected.collect::<Vec<_>>());
    assert!(expected.len() >= 11, "{expected:?}");
    for check in expected {
        assert!(seen.contains(&check.as_str()), "{check}: {report}");
    }

    let dead = stack.queue("longhaul-jobs-dlq").await?;
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
    let (code, report, _) = operate(&stack, &["doctor"]).await?;
    assert_eq!(
        (code, found(&report, "warning")),
        (1, vec!["dead letters"]),
        "{report}"
    );
    Ok(())
}

#[tokio::test]
async fn what_is_broken_is_named_with_what_to_do() -> Result<()> {
    let mut stack = Stack::start(&[]).await?;
    let template = std::fs::read_to_string(root().join("cloudformation/template.yaml"))?;
    let (before, jobs) = template.split_once("  JobsTable:\n").context("no table")?;
    let (jobs, after) = jobs
        .split_once("  JobEventsTable:\n")
        .context("no next table")?;
    let open = "        - IndexName: open\n          KeySchema:\n            - {AttributeName: openShard, KeyType: HASH}\n            - {AttributeName: createdAt, KeyType: RANGE}\n          Projection: {ProjectionType: KEYS_ONLY}\n";
    let ttl = "      TimeToLiveSpecification: {AttributeName: ttl, Enabled: true}\n";
    let shard = "        - {AttributeName: openShard, AttributeType: S}\n";
    assert!(
        [open, ttl, shard].iter().all(|part| jobs.contains(part)),
        "the template is written otherwise"
    );
    let jobs = jobs.replace(open, "").replace(ttl, "").replace(shard, "");
    let changed = stack.data().join("changed.yaml");
    std::fs::write(
        &changed,
        format!("{before}  JobsTable:\n{jobs}  JobEventsTable:\n{after}"),
    )?;
    stack.kill().await?;
    stack
        .restart_with(&["--template", changed.to_str().context("a path")?])
        .await?;
    let queue = stack.queue("longhaul-jobs").await?;
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
    let queue = stack.queue("longhaul-continuations").await?;
    stack
        .aws(&["sqs", "delete-queue", "--queue-url", &queue])
        .await?;

    let (code, report, said) = operate(&stack, &["doctor"]).await?;
    assert_eq!(code, 2, "{said}");
    let broken = [
        "table longhaul-jobs",
        "expiry of longhaul-jobs",
        "redrive of longhaul-jobs",
        "visibility of longhaul-jobs",
        "queue longhaul-continuations",
        "open jobs",
    ];
    assert_eq!(found(&report, "failed"), broken, "{report}");
    let runbook = std::fs::read_to_string(root().join("docs/RUNBOOK.md"))?;
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
    let data = stack.data().to_str().context("a path")?;
    let output = longhaul(&["doctor", "--data", data]).await?;
    let shown = String::from_utf8(output.stdout)?;
    assert!(
        shown.contains("failed") && shown.contains("it lacks the index open"),
        "{shown}"
    );
    assert!(
        shown.contains(
            "table longhaul-jobs: set it back to what the template says (docs/RUNBOOK.md"
        ),
        "{shown}"
    );
    Ok(())
}

#[tokio::test]
async fn a_stack_that_is_not_there_is_said_to_be() -> Result<()> {
    let nowhere = tempfile::tempdir()?;
    let output = longhaul(&[
        "doctor",
        "--data",
        nowhere.path().to_str().context("a path")?,
    ])
    .await?;
    let shown = String::from_utf8(output.stdout)?;
    assert_eq!(output.status.code(), Some(2));
    assert!(
        shown.contains("no embedded cloud runs") && shown.contains("longhaul up"),
        "{shown}"
    );

    let stack = Stack::start(&[]).await?;
    let (code, report, _) = operate(&stack, &["doctor", "--project", "another"]).await?;
    let failed = found(&report, "failed");
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
