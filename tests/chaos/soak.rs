//! Many jobs while workers die at random and while AWS refuses: every job completes, each once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::support::client::Client;
use crate::support::stack::Stack;
use crate::support::worker_process::Worker;
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// As many as a run by hand wants: the suite runs fewer than the 2,000, which `LONGHAUL_SOAK`
/// sets.
fn jobs() -> usize {
    let wanted = std::env::var("LONGHAUL_SOAK").ok();
    wanted.and_then(|jobs| jobs.parse().ok()).unwrap_or(200)
}

/// Submits whose `job_queued` has not come yet: a front end sends on without waiting for each.
const UNDER_WAY: usize = 8;

/// Some of each sort: quick, slow, streaming, in kept steps, with a large answer; slower by `slowness`.
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
async fn no_job_is_lost_while_workers_die_at_random() -> Result<()> {
    let stack = stack().await?;
    let work = Submitted::run(&stack, jobs(), 1);
    tokio::pin!(work);
    let mut deaths = interval(Duration::from_secs(1));
    deaths.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut kills, mut random) = (0, 7u64);
    let submitted = loop {
        tokio::select! {
            submitted = &mut work => break submitted?,
            _ = deaths.tick() => {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) % (1 << 32);
                let workers = Worker::all(&stack);
                if let Some(worker) = workers.get(random as usize % workers.len().max(1)) {
                    worker.kill();
                    kills += 1;
                }
            }
        }
    };
    let retried = submitted.finished(&stack).await?;
    ensure!(kills > 0 && retried > 0, "no worker was killed at its work");
    let total = submitted.jobs.len();
    println!(
        "{total} jobs, {kills} workers killed, {retried} jobs tried again, all completed once"
    );
    Ok(())
}

#[tokio::test]
async fn no_job_is_lost_while_aws_refuses() -> Result<()> {
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
    ensure!(!submitted.open.is_empty(), "nothing is left to refuse");
    let (status, answer) = stack.faults("POST", "", &rules.to_string()).await?;
    ensure!(status == 200, "{answer}");
    let minute = Duration::from_secs(15);
    if let Ok(heard) = timeout(minute, submitted.listen(&mut client)).await {
        heard?;
    }
    stack.set_faults(json!([])).await?;
    submitted.listen(&mut client).await?;
    submitted.finished(&stack).await.map(drop)
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

/// Jobs as their submitter knows them.
#[derive(Default)]
struct Submitted {
    /// Their numbers, by id.
    jobs: BTreeMap<String, usize>,
    /// Those whose end has not been heard.
    open: BTreeSet<String>,
}

impl Submitted {
    /// So many jobs, from submit to end.
    async fn run(stack: &Stack, jobs: usize, slowness: usize) -> Result<Self> {
        let mut client = stack.client("alice").await?;
        let mut submitted = Self::default();
        submitted.submit(&mut client, jobs, slowness).await?;
        submitted.listen(&mut client).await?;
        Ok(submitted)
    }

    /// Submits so many; what is heard meanwhile counts. Frames are independent, so answers come in any order.
    async fn submit(&mut self, client: &mut Client, jobs: usize, slowness: usize) -> Result<()> {
        for number in 0..jobs {
            client.send(job(number, slowness)).await?;
            while number + 1 - self.jobs.len() >= UNDER_WAY {
                let frame = client.next().await?;
                self.hear(&frame)?;
            }
        }
        while self.jobs.len() < jobs {
            let frame = client.next().await?;
            self.hear(&frame)?;
        }
        Ok(())
    }

    /// Until every job has ended. A push that was lost is healed by asking, as a client's silence does.
    async fn listen(&mut self, client: &mut Client) -> Result<()> {
        while !self.open.is_empty() {
            match timeout(Duration::from_secs(1), client.next()).await {
                Ok(frame) => self.hear(&frame?)?,
                Err(_) => {
                    for id in self.open.iter().take(20) {
                        let question = json!({"action": "getJob", "jobId": id});
                        client.send(question).await?;
                    }
                }
            }
        }
        Ok(())
    }

    fn hear(&mut self, frame: &Value) -> Result<()> {
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

    /// Every job has completed, with one end and the text that it should have; how many took several attempts.
    async fn finished(&self, stack: &Stack) -> Result<usize> {
        let mut client = stack.client("alice").await?;
        let mut retried = 0;
        for (id, number) in &self.jobs {
            let question = json!({"action": "subscribe", "jobId": id, "after": 0});
            let replay = client.ask(question).await?;
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
            stack.messages("longhaul-jobs-dlq").await? == 0,
            "dead letters"
        );
        Ok(retried)
    }
}
