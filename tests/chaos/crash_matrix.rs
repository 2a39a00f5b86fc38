//! The crash matrix: for every n, the process that makes the n-th AWS call of a job is killed just before and just after
//! the call takes effect; and all again with every message delivered twice, and with one delivered late.
//!
//! In every case there is one terminal event, followers have the state of a run without a crash, checkpointed steps are
//! not repeated, and the dead-letter queue is empty.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::client::Client;
use crate::support::follower::Follower;
use crate::support::stack::Stack;
use crate::support::wait::wait_until;
use crate::support::wire_log::WireLog;

/// Long, since after a kill before the message is sent only the sweep sends it.
const JOB_TIMEOUT: Duration = Duration::from_secs(180);
/// A stack whose queue is not empty so long after a case is replaced.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);
/// The delay of a late message, in seconds: a job takes less, and its retry waits a second.
const LATE_SECONDS: u32 = 1;
/// How often a case is tried: on a slow machine two progress events may share a write, so that a call is never made.
const MAX_TRIES: u32 = 4;
/// The number of stacks that run cases in parallel; most of a case is waiting for a lease.
const STACKS: usize = 6;

/// An AWS call, as fault rules select it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CallSelector {
    caller: String,
    service: String,
    operation: String,
    /// Counted from 1 among calls of the same caller, service and operation.
    number: u64,
}

#[derive(Debug, Clone)]
struct CrashCase {
    call: CallSelector,
    moment: &'static str,
    delivery: Delivery,
}

/// How the queue delivers the job's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delivery {
    Once,
    /// Each message is delivered again at once, so that two workers have it.
    Twice,
    /// One message is delivered again when the job is running elsewhere or has ended.
    Late,
}

fn job() -> Value {
    json!({"action": "query", "kind": "noop", "query": "q", "idempotencyKey": "k",
           "params": {"steps": 3, "stepMs": 50, "text": 200, "keep": true, "bytes": 5000}})
}

#[tokio::test]
async fn a_kill_at_any_call_ends_the_job_exactly_once() -> Result<()> {
    let calls = clean_run().await?;
    ensure!(calls.len() > 20, "too few calls for a job: {calls:?}");
    let mut cases = vec![];
    for delivery in [Delivery::Once, Delivery::Twice, Delivery::Late] {
        for moment in ["before", "after"] {
            for call in &calls {
                let call = call.clone();
                cases.push(CrashCase {
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
    let passed = try_join_all(shares.into_iter().map(run_cases)).await?;
    assert_eq!(passed.iter().sum::<usize>(), total);
    println!("{} calls of a clean run, {total} cases", calls.len());
    Ok(())
}

/// All AWS calls of one job that no fault disturbs.
async fn clean_run() -> Result<Vec<CallSelector>> {
    let wire_log = WireLog::new()?;
    let stack = Stack::start(&wire_log.options()?).await?;
    let mut client = stack.client("alice").await?;
    client.send(job()).await?;
    client.until("job_completed").await?;
    stack.wait_for_empty_queue().await?;
    let mut calls: Vec<CallSelector> = vec![];
    for line in wire_log.calls()? {
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        if !["longhaul-message", "longhaul-worker"].contains(&text("caller").as_str()) {
            continue;
        }
        let (caller, service, operation) = (text("caller"), text("service"), text("operation"));
        let same = |call: &&CallSelector| {
            (&call.caller, &call.service, &call.operation) == (&caller, &service, &operation)
        };
        let number = calls.iter().filter(same).count() as u64 + 1;
        calls.push(CallSelector {
            caller,
            service,
            operation,
            number,
        });
    }
    Ok(calls)
}

/// Runs cases one after the other; returns the number that passed.
async fn run_cases(cases: Vec<CrashCase>) -> Result<usize> {
    let mut stack = start_stack().await?;
    for (number, case) in cases.iter().enumerate() {
        // A user for each case, so that the same idempotency key is another job.
        let user = format!("user-{number}");
        let mut tries = 0;
        while !run_case(&stack, &format!("{user}-{tries}"), case)
            .await
            .with_context(|| format!("{case:?}"))?
        {
            tries += 1;
            ensure!(tries < MAX_TRIES, "the call of {case:?} was never made");
        }
        // Calls that this case left behind would count for the next one. A message becomes visible only much later
        // where its worker was killed before it had shortened the visibility timeout.
        match timeout(IDLE_TIMEOUT, stack.wait_for_empty_queue()).await {
            Ok(idle) => idle?,
            Err(_) => stack = start_stack().await?,
        }
    }
    Ok(cases.len())
}

async fn start_stack() -> Result<Stack> {
    Stack::start(&[
        "--leave-leases",
        "--parameter",
        "LeaseSeconds=1",
        "--parameter",
        "MaxAttempts=10",
        "--tick-seconds",
        "2",
    ])
    .await
}

/// Returns whether the call was made and the process killed.
async fn run_case(stack: &Stack, user: &str, case: &CrashCase) -> Result<bool> {
    let mut client = stack.client(user).await?;
    let CallSelector {
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

    let mut follower = submit(&mut client).await?;
    if case.delivery == Delivery::Late {
        stack
            .send_delayed(
                "longhaul-jobs",
                &json!({"v": 1, "job": follower.job}),
                LATE_SECONDS,
            )
            .await?;
    }
    let end = follower.until_end(&mut client, JOB_TIMEOUT).await?;
    ensure!(end["type"] == "job_completed", "{end}");
    // The job's last call follows the push of its end.
    let killed = async || {
        let report = stack.fault_report().await?;
        anyhow::Ok(report["kills"] == 1)
    };
    wait_until("the process is killed, or the job is done", async || {
        let row = stack.job_row(&follower.job).await?;
        Ok(killed().await? || row["openShard"].is_null())
    })
    .await?;
    if !killed().await? {
        // The process may still be killed after the job's last call.
        stack.wait_for_empty_queue().await?;
    }
    let killed = killed().await?;
    stack.set_faults(json!([])).await?;

    if case.delivery == Delivery::Late {
        wait_until("the late message is delivered", async || {
            Ok(stack.delayed_count("longhaul-jobs").await? == 0)
        })
        .await?;
    }
    let afresh = Follower::catch_up(stack, user, &follower.job).await?;
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
    let dead = stack.message_count("longhaul-jobs-dlq").await?;
    ensure!(dead == 0, "{dead} dead letters");
    Ok(killed)
}

/// Submits like a client library: again under the same idempotency key where the answer is an error.
async fn submit(client: &mut Client) -> Result<Follower> {
    loop {
        client.send(job()).await?;
        loop {
            let frame = client.next().await?;
            if let Some(id) = frame["jobId"].as_str() {
                let mut follower = Follower::new(id);
                let request = follower.receive(&frame);
                if let Some(request) = request {
                    client.send(request).await?;
                }
                return Ok(follower);
            }
            // API Gateway's error for a killed function.
            if frame["message"] == "Internal server error" {
                break;
            }
        }
    }
}
