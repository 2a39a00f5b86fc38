//! The crash matrix: the process that makes the n-th AWS call of a job is killed just before, and just
//! after, the call takes effect, for every n; and the same again with every message delivered twice, and
//! with one that comes late, after those that it was sent before.
//!
//! In every case: one end, the state of a clean run for whoever follows, no second attempt wasted on
//! kept steps, and nothing in the dead-letter queue.

use std::time::Duration;

use crate::support::client::Client;
use crate::support::follower::Follower;
use crate::support::stack::Stack;
use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tokio::time::timeout;

/// A kill before a worker knows of the job is mended by the sweep.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long a stack may take to come to rest after a case, before another takes its place.
const REST: Duration = Duration::from_secs(5);
/// When a late message comes, in seconds: the job takes less, and its retry a second.
const LATE: u32 = 1;
/// How often a call may not come about, as on a slow machine two reports shared a write.
const TRIES: u32 = 4;
/// Stacks that share the cases between them; most of a case is waiting for a lease.
const STACKS: usize = 6;

/// A call of a clean run, by what rules tell calls apart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Call {
    caller: String,
    service: String,
    operation: String,
    /// Among those of the same caller, service and operation, from 1.
    number: u64,
}

#[derive(Debug, Clone)]
struct Case {
    call: Call,
    moment: &'static str,
    delivery: Delivery,
}

/// How the queue delivers the job's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delivery {
    Once,
    /// Each again at once, so that two workers have it.
    Twice,
    /// One again when the job has gone on, or is over.
    Late,
}

fn job() -> Value {
    json!({"action": "query", "kind": "noop", "query": "q", "idempotencyKey": "k",
           "params": {"steps": 3, "stepMs": 50, "text": 200, "keep": true, "bytes": 5000}})
}

#[tokio::test]
async fn whichever_call_the_process_dies_at_the_job_ends_once() -> Result<()> {
    let calls = clean_run().await?;
    ensure!(calls.len() > 20, "too few calls for a job: {calls:?}");
    let mut cases = vec![];
    for delivery in [Delivery::Once, Delivery::Twice, Delivery::Late] {
        for moment in ["before", "after"] {
            for call in &calls {
                let call = call.clone();
                cases.push(Case {
                    call,
                    moment,
                    delivery,
                });
            }
        }
    }
    let total = cases.len();
    let mut shares = vec![vec![]; STACKS];
    for (number, case) in cases.into_iter().enumerate() {
        shares[number % STACKS].push(case);
    }
    let passed = try_join_all(shares.into_iter().map(run)).await?;
    assert_eq!(passed.iter().sum::<usize>(), total);
    println!("{} calls of a clean run, {total} cases", calls.len());
    Ok(())
}

/// The AWS calls of one job, from submit to the last.
async fn clean_run() -> Result<Vec<Call>> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("wire.log");
    let stack = Stack::start(&["--wire-log", log.to_str().context("a path")?]).await?;
    let mut client = stack.client("alice").await?;
    client.send(job()).await?;
    client.until("job_completed").await?;
    crate::chaos::stack_crash::queue_is_empty(&stack).await?;
    let mut calls: Vec<Call> = vec![];
    let text = std::fs::read_to_string(&log)?;
    // The last may be under way.
    for line in text.lines().filter(|line| line.ends_with('}')) {
        let line: Value = serde_json::from_str(line)?;
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        if !["longhaul-message", "longhaul-worker"].contains(&text("caller").as_str()) {
            continue;
        }
        let (caller, service, operation) = (text("caller"), text("service"), text("operation"));
        let same = |call: &&Call| {
            (&call.caller, &call.service, &call.operation) == (&caller, &service, &operation)
        };
        let number = calls.iter().filter(same).count() as u64 + 1;
        calls.push(Call {
            caller,
            service,
            operation,
            number,
        });
    }
    Ok(calls)
}

/// Runs cases one after the other; how many passed.
async fn run(cases: Vec<Case>) -> Result<usize> {
    let mut stack = start().await?;
    for (number, case) in cases.iter().enumerate() {
        // Each its own user, so that each has its own job under the same key.
        let user = format!("user-{number}");
        let mut tries = 0;
        while !survive(&stack, &format!("{user}-{tries}"), case)
            .await
            .with_context(|| format!("{case:?}"))?
        {
            tries += 1;
            ensure!(tries < TRIES, "{case:?} never came about");
        }
        // What this case left under way would be counted with the next one's calls. A message of a worker
        // that died before it had shortened the visibility timeout comes back only long after.
        match timeout(REST, crate::chaos::stack_crash::queue_is_empty(&stack)).await {
            Ok(rested) => rested?,
            Err(_) => stack = start().await?,
        }
    }
    Ok(cases.len())
}

async fn start() -> Result<Stack> {
    Stack::start(&[
        "--parameter",
        "LeaseSeconds=1",
        "--parameter",
        "MaxAttempts=10",
        "--tick-seconds",
        "2",
    ])
    .await
}

/// Whether the call came about, at which the process died.
async fn survive(stack: &Stack, user: &str, case: &Case) -> Result<bool> {
    let mut client = stack.client(user).await?;
    let Call {
        caller,
        service,
        operation,
        number,
    } = &case.call;
    let mut rules = vec![
        json!({"caller": caller, "service": service, "operation": operation,
        "number": number, "effect": {"kill": case.moment}}),
    ];
    if case.delivery == Delivery::Twice {
        rules.push(
            json!({"caller": "event-source", "service": "sqs", "operation": "ReceiveMessage",
            "effect": {"deliverTwice": true}}),
        );
    }
    stack.set_faults(rules.into()).await?;

    let mut follower = submitted(&mut client).await?;
    if case.delivery == Delivery::Late {
        stack
            .send_late("longhaul-jobs", &json!({"v": 1, "job": follower.job}), LATE)
            .await?;
    }
    let end = follower.until_end(&mut client, PATIENCE).await?;
    ensure!(end["type"] == "job_completed", "{end}");
    // The last call comes after the end was pushed.
    let killed = async || {
        let (_, report) = stack.faults("GET", "", "").await?;
        anyhow::Ok(report["kills"] == 1)
    };
    crate::until("the process is killed, or done", async || {
        let row = stack.row(&follower.job).await?;
        Ok(killed().await? || row["openShard"].is_null())
    })
    .await?;
    if !killed().await? {
        // Unless it is the last call that it dies after, nothing is left to be done.
        crate::chaos::stack_crash::queue_is_empty(stack).await?;
    }
    let killed = killed().await?;
    stack.set_faults(json!([])).await?;

    if case.delivery == Delivery::Late {
        crate::until("the late message has come", async || {
            Ok(stack.delayed("longhaul-jobs").await? == 0)
        })
        .await?;
    }
    let afresh = Follower::afresh(stack, user, &follower.job).await?;
    for state in [&follower, &afresh] {
        ensure!(state.ends.len() == 1, "{state:?}");
        let end = state.ends.values().next().context("no end")?;
        let length = end["result"]["response"].as_str().map(str::len);
        ensure!(length == Some(5000), "{length:?}");
        let lines: Vec<_> = state
            .text()
            .lines()
            .map(|line| line.chars().next())
            .collect();
        ensure!(
            lines == [Some('1'), Some('2'), Some('3')],
            "{:?}",
            state.text()
        );
        ensure!(state.resets == 0, "{state:?}");
    }
    let dead = stack.messages("longhaul-jobs-dlq").await?;
    ensure!(dead == 0, "{dead} dead letters");
    Ok(killed)
}

/// Submits as a client library does: again, under the same key, when the answer was an error.
async fn submitted(client: &mut Client) -> Result<Follower> {
    loop {
        client.send(job()).await?;
        loop {
            let frame = client.next().await?;
            if let Some(id) = frame["jobId"].as_str() {
                let mut follower = Follower::of(id);
                let question = follower.take(&frame);
                if let Some(question) = question {
                    client.send(question).await?;
                }
                return Ok(follower);
            }
            // API Gateway's own error, when the function died.
            if frame["message"] == "Internal server error" {
                break;
            }
        }
    }
}
