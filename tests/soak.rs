//! Many jobs while workers die at random and while AWS refuses: every job completes, each once.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::client::Client;
use crate::processes::Worker;
use crate::stack::Stack;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

/// As many as a run by hand wants: the suite runs fewer than the issue's 2,000, which `LONGHAUL_SOAK`
/// sets.
fn jobs() -> usize {
    let wanted = std::env::var("LONGHAUL_SOAK").ok();
    wanted.and_then(|jobs| jobs.parse().ok()).unwrap_or(200)
}

/// Some of each sort: quick, slow, streaming, in kept steps, with a large answer.
fn job(number: usize) -> Value {
    let params = match number % 5 {
        0 => json!({}),
        1 => json!({"steps": 5, "stepMs": 60}),
        2 => json!({"steps": 6, "stepMs": 30, "text": 300}),
        3 => json!({"steps": 3, "stepMs": 50, "text": 20, "keep": true}),
        _ => json!({"steps": 1, "bytes": 20_000}),
    };
    json!({"action": "query", "kind": "noop", "query": "q", "params": params, "requestId": number.to_string()})
}

#[tokio::test]
async fn no_job_is_lost_while_workers_die_at_random() -> Result<()> {
    let stack = Stack::start(&[
        "--tick-seconds",
        "5",
        "--parameter",
        "LeaseSeconds=2",
        "--parameter",
        "MaxAttempts=10",
        "--parameter",
        "SubmitsPerSecond=0",
        "--parameter",
        "OpenJobs=0",
    ])
    .await?;
    let mut client = stack.client("alice").await?;
    let submitted = submit(&mut client, jobs()).await?;
    let mut kills = 0;
    let mut random = 7u64;
    let mut open = submitted.clone();
    let mut next = Instant::now() + Duration::from_secs(1);
    while !open.is_empty() {
        if Instant::now() >= next {
            next = Instant::now() + Duration::from_secs(1);
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) % (1 << 32);
            let workers = Worker::all(&stack);
            if let Some(worker) = workers.get(random as usize % workers.len().max(1)) {
                worker.kill();
                kills += 1;
            }
        }
        listen(&mut client, &mut open).await?;
    }
    finished(&stack, &submitted).await?;
    ensure!(kills > 0, "no worker was killed");
    println!(
        "{} jobs, {kills} workers killed, all completed once",
        submitted.len()
    );
    Ok(())
}

#[tokio::test]
async fn no_job_is_lost_while_aws_refuses() -> Result<()> {
    let stack = Stack::start(&[
        "--tick-seconds",
        "5",
        "--parameter",
        "LeaseSeconds=2",
        "--parameter",
        "MaxAttempts=10",
        "--parameter",
        "SubmitsPerSecond=0",
        "--parameter",
        "OpenJobs=0",
    ])
    .await?;
    let fail = |service: &str, status: u16, code: &str| json!({"service": service, "probability": 0.25, "effect": {"fail": {"status": status, "code": code}}});
    let rules = json!({"seed": 5, "rules": [
        fail("execute-api", 429, "LimitExceededException"),
        fail("execute-api", 500, "InternalServerError"),
        fail("dynamodb", 400, "ProvisionedThroughputExceededException"),
        fail("sqs", 500, "InternalError"),
    ]});
    let mut client = stack.client("alice").await?;
    let submitted = submit(&mut client, jobs() / 5).await?;
    let (status, answer) = stack.faults("POST", "", &rules.to_string()).await?;
    ensure!(status == 200, "{answer}");
    let mut open = submitted.clone();
    let throttled = Instant::now() + Duration::from_secs(15);
    while !open.is_empty() && Instant::now() < throttled {
        listen(&mut client, &mut open).await?;
    }
    stack.faults("POST", "", r#"{"rules": []}"#).await?;
    while !open.is_empty() {
        listen(&mut client, &mut open).await?;
    }
    finished(&stack, &submitted).await
}

/// Submits so many jobs; their ids by number. Frames are independent, so answers come in any order.
async fn submit(client: &mut Client, jobs: usize) -> Result<BTreeMap<String, usize>> {
    let mut submitted = BTreeMap::new();
    for number in 0..jobs {
        let id = client.submit(job(number)).await?;
        submitted.insert(id, number);
    }
    Ok(submitted)
}

/// Takes the ends that come within a moment off the list, and asks after the others.
async fn listen(client: &mut Client, open: &mut BTreeMap<String, usize>) -> Result<()> {
    let pause = Instant::now() + Duration::from_millis(500);
    let mut seen = |frame: &Value| -> Result<()> {
        let (id, status) = match frame["type"].as_str() {
            Some("job_completed") => (&frame["jobId"], "completed"),
            Some("job_failed" | "job_cancelled") => anyhow::bail!("{frame}"),
            Some("job") => (
                &frame["job"]["jobId"],
                frame["job"]["status"].as_str().unwrap_or_default(),
            ),
            _ => return Ok(()),
        };
        ensure!(status != "failed", "{frame}");
        if status == "completed" {
            open.remove(id.as_str().unwrap_or_default());
        }
        Ok(())
    };
    while let Ok(frame) = timeout(
        pause.saturating_duration_since(Instant::now()),
        client.next(),
    )
    .await
    {
        seen(&frame?)?;
    }
    // A push that was lost is healed by asking, as a client's silence does.
    if let Some((id, _)) = open.first_key_value() {
        client
            .send(json!({"action": "getJob", "jobId": id}))
            .await?;
    }
    Ok(())
}

/// Every job has completed, with one end and the text that it should have.
async fn finished(stack: &Stack, submitted: &BTreeMap<String, usize>) -> Result<()> {
    let mut client = stack.client("alice").await?;
    for (id, number) in submitted {
        let question = json!({"action": "subscribe", "jobId": id, "after": 0});
        let replay = client.ask(question).await?;
        let events = replay["events"].as_array().context("no events")?;
        let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
        ensure!(
            of("job_completed") == 1 && replay["more"] == false,
            "{replay}"
        );
        let text: String = events
            .iter()
            .filter_map(|event| event["content"].as_str())
            .collect();
        let lines = match number % 5 {
            2 => 6,
            3 => 3,
            _ => 0,
        };
        ensure!(text.lines().count() == lines, "job {number}: {text}");
    }
    ensure!(
        stack.messages("longhaul-jobs-dlq").await? == 0,
        "dead letters"
    );
    Ok(())
}
