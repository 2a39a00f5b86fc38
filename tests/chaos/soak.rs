//! Many jobs while workers are killed at random and while AWS calls fail: every job completes exactly once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::support::client::Client;
use crate::support::stack::Stack;
use crate::support::worker_process::WorkerProcess;

/// The number of jobs: `LONGHAUL_SOAK`, else 200. A long run has 2,000.
fn jobs() -> usize {
    let wanted = std::env::var("LONGHAUL_SOAK").ok();
    wanted.and_then(|jobs| jobs.parse().ok()).unwrap_or(200)
}

/// The number of submits that are sent before the first `job_queued` arrives.
const MAX_UNCONFIRMED: usize = 8;

/// One of five sorts: quick, slow, streaming, with checkpoints, with a large result. `slowness` multiplies the time of a
/// step.
fn job(number: usize, slowness: usize) -> Value {
    let params = match number % 5 {
        0 => json!({}),
        1 => json!({"steps": 5, "stepMs": 60 * slowness}),
        2 => json!({"steps": 6, "stepMs": 30 * slowness, "text": 300}),
        3 => json!({"steps": 3, "stepMs": 50 * slowness, "text": 20, "keep": true}),
        _ => json!({"steps": 1, "bytes": 20_000}),
    };
    json!({"action": "query", "kind": "noop", "query": "q", "params": params, "requestId": number.to_string()})
}

#[tokio::test]
async fn no_job_is_lost_while_workers_are_killed_at_random() -> Result<()> {
    let stack = stack().await?;
    let run = Submitted::run(&stack, jobs(), 1);
    tokio::pin!(run);
    let mut kill_interval = interval(Duration::from_secs(1));
    kill_interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut kills, mut random) = (0, 7u64);
    let submitted = loop {
        tokio::select! {
            submitted = &mut run => break submitted?,
            _ = kill_interval.tick() => {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) % (1 << 32);
                let workers = WorkerProcess::all(&stack);
                if let Some(worker) = workers.get(random as usize % workers.len().max(1)) {
                    worker.kill();
                    kills += 1;
                }
            }
        }
    };
    let retried = submitted.check_outcomes(&stack).await?;
    ensure!(
        kills > 0 && retried > 0,
        "no worker was killed while it ran a job"
    );
    let total = submitted.jobs.len();
    println!("{total} jobs, {kills} workers killed, {retried} jobs retried, all completed once");
    Ok(())
}

#[tokio::test]
async fn no_job_is_lost_while_aws_calls_fail() -> Result<()> {
    let stack = stack().await?;
    let fail = |service: &str, status: u16, code: &str| json!({"service": service, "probability": 0.25, "effect": {"fail": {"status": status, "code": code}}});
    let rules = json!({"seed": 5, "rules": [
        fail("execute-api", 429, "LimitExceededException"),
        fail("execute-api", 500, "InternalServerError"),
        fail("dynamodb", 400, "ProvisionedThroughputExceededException"),
        fail("sqs", 500, "InternalError"),
    ]});
    let mut client = stack.client("alice").await?;
    let mut submitted = Submitted::default();
    submitted.submit(&mut client, jobs() / 5, 10).await?;
    ensure!(
        !submitted.open.is_empty(),
        "all jobs have ended before the faults"
    );
    stack.set_fault_plan(rules).await?;
    let fault_period = Duration::from_secs(15);
    if let Ok(received) = timeout(fault_period, submitted.wait_for_ends(&mut client)).await {
        received?;
    }
    stack.set_faults(json!([])).await?;
    submitted.wait_for_ends(&mut client).await?;
    submitted.check_outcomes(&stack).await.map(drop)
}

async fn stack() -> Result<Stack> {
    Stack::start(&[
        "--tick-seconds",
        "10",
        "--no-throttle",
        "--parameter",
        "LeaseSeconds=5",
        "--parameter",
        "MaxAttempts=10",
        "--parameter",
        "SubmitsPerSecond=0",
        "--parameter",
        "OpenJobs=0",
    ])
    .await
}

/// The submitted jobs, as the client knows them.
#[derive(Default)]
struct Submitted {
    /// Job numbers by id.
    jobs: BTreeMap<String, usize>,
    /// Jobs whose end has not been received.
    open: BTreeSet<String>,
}

impl Submitted {
    /// Submits `jobs` jobs and waits for their ends.
    async fn run(stack: &Stack, jobs: usize, slowness: usize) -> Result<Self> {
        let mut client = stack.client("alice").await?;
        let mut submitted = Self::default();
        submitted.submit(&mut client, jobs, slowness).await?;
        submitted.wait_for_ends(&mut client).await?;
        Ok(submitted)
    }

    /// Submits `jobs` jobs. Answers arrive in any order, and ends meanwhile count.
    async fn submit(&mut self, client: &mut Client, jobs: usize, slowness: usize) -> Result<()> {
        for number in 0..jobs {
            client.send(job(number, slowness)).await?;
            while number + 1 - self.jobs.len() >= MAX_UNCONFIRMED {
                let frame = client.next().await?;
                self.receive(&frame)?;
            }
        }
        while self.jobs.len() < jobs {
            let frame = client.next().await?;
            self.receive(&frame)?;
        }
        Ok(())
    }

    /// Waits until every job has ended. After a second of silence it asks for open jobs, in case a push was lost.
    async fn wait_for_ends(&mut self, client: &mut Client) -> Result<()> {
        while !self.open.is_empty() {
            match timeout(Duration::from_secs(1), client.next()).await {
                Ok(frame) => self.receive(&frame?)?,
                Err(_) => {
                    for id in self.open.iter().take(20) {
                        let request = json!({"action": "getJob", "jobId": id});
                        client.send(request).await?;
                    }
                }
            }
        }
        Ok(())
    }

    fn receive(&mut self, frame: &Value) -> Result<()> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match frame["type"].as_str() {
            Some("job_queued") => {
                let id = text(&frame["jobId"]);
                self.jobs
                    .insert(id.clone(), text(&frame["requestId"]).parse()?);
                self.open.insert(id);
            }
            Some("job_completed") => drop(self.open.remove(&text(&frame["jobId"]))),
            Some("job") if frame["job"]["status"] == "completed" => {
                self.open.remove(&text(&frame["job"]["jobId"]));
            }
            Some("job") => ensure!(frame["job"]["status"] != "failed", "{frame}"),
            Some("job_failed" | "job_cancelled") => bail!("{frame}"),
            _ => {}
        }
        Ok(())
    }

    /// Checks that every job has completed once, with its text; returns the number of jobs with several attempts.
    async fn check_outcomes(&self, stack: &Stack) -> Result<usize> {
        let mut client = stack.client("alice").await?;
        let mut retried = 0;
        for (id, number) in &self.jobs {
            let request = json!({"action": "subscribe", "jobId": id, "after": 0});
            let replay = client.request(request).await?;
            let events = replay["events"].as_array().context("no events")?;
            let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
            ensure!(
                of("job_completed") == 1 && replay["more"] == false,
                "{replay}"
            );
            let ends = |event: &&Value| event["type"] == "job_completed";
            let attempts = events
                .iter()
                .find(ends)
                .map(|end| &end["usage"]["attempts"]);
            retried += usize::from(attempts.and_then(Value::as_u64) > Some(1));
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
            stack.message_count("longhaul-jobs-dlq").await? == 0,
            "dead letters"
        );
        Ok(retried)
    }
}
