//! Injected faults in AWS calls: jobs complete all the same, without lost or repeated events.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::support::cli::longhaul;
use crate::support::faults::SHORT_LEASE;
use crate::support::stack::Stack;
use crate::support::wait::MAX_WAIT;
use crate::support::wire_log::WireLog;

/// The number of the terminal write, for a job without progress: its worker writes claim, end and removal from the index.
const TERMINAL_WRITE: u64 = 2;

fn standard_job() -> Value {
    json!({"action": "query", "kind": "noop", "query": "q", "params": {"steps": 4}})
}

fn worker_fault(operation: &str, selection: Value, effect: Value) -> Value {
    let mut rule = json!({"service": "dynamodb", "operation": operation, "caller": "longhaul-worker", "effect": effect});
    for (field, value) in selection.as_object().into_iter().flatten() {
        rule[field] = value.clone();
    }
    rule
}

/// The sequence numbers of a job's events. Panics if one comes twice, or if there is not exactly one end.
async fn event_numbers(stack: &Stack, job: &str) -> Result<Vec<u64>> {
    let mut client = stack.client("alice").await?;
    let replay = client
        .request(json!({"action": "subscribe", "jobId": job, "after": 0}))
        .await?;
    let events = replay["events"].as_array().context("no events")?;
    let ends = events
        .iter()
        .filter(|event| event["type"] == "job_completed" || event["type"] == "job_failed");
    assert_eq!(ends.count(), 1, "{replay}");
    let report: Vec<u64> = events
        .iter()
        .filter_map(|event| event["seq"].as_u64())
        .collect();
    assert_eq!(report.last(), replay["head"].as_u64().as_ref(), "{replay}");
    assert!(report.is_sorted_by(|one, next| one < next), "{replay}");
    Ok(report)
}

#[tokio::test]
async fn a_worker_killed_before_its_claim_leaves_the_job_queued() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("faults.json");
    let kill = worker_fault(
        "UpdateItem",
        json!({"number": 1}),
        json!({"kill": "before"}),
    );
    std::fs::write(&file, json!({ "rules": [kill] }).to_string())?;
    let stack = Stack::start(&["--faults", file.to_str().context("a path")?]).await?;
    let job = stack.client("alice").await?.submit(standard_job()).await?;

    let report = stack
        .wait_for_fault_report(|report| report["kills"] == 1)
        .await?;
    assert_eq!(report["rules"][0]["fired"], 1, "{report}");
    let row = stack.job_row(&job).await?;
    assert_eq!(row["status"]["S"], "queued", "{row}");
    Ok(())
}

#[tokio::test]
async fn a_worker_killed_around_a_progress_write_is_replaced() -> Result<()> {
    let stack = Stack::start(&SHORT_LEASE).await?;
    let mut client = stack.client("alice").await?;
    // So far apart that no two progress events share a write.
    let slow = json!({"action": "query", "kind": "noop", "query": "q", "params": {"steps": 2, "stepMs": 1000}});
    for moment in ["before", "after"] {
        let kill = worker_fault("UpdateItem", json!({"number": 2}), json!({"kill": moment}));
        stack.set_faults(json!([kill])).await?;
        let job = client.submit(slow.clone()).await?;
        let ended = client.until_job_is(&job, "completed").await?;
        assert_eq!(ended["attempt"], 2, "{moment}: {ended}");
        stack
            .wait_for_fault_report(|report| report["kills"] == 1)
            .await?;
        event_numbers(&stack, &job).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_worker_killed_after_the_terminal_write_has_ended_the_job() -> Result<()> {
    let stack = Stack::start(&SHORT_LEASE).await?;
    let kill = worker_fault(
        "UpdateItem",
        json!({"number": TERMINAL_WRITE}),
        json!({"kill": "after"}),
    );
    stack.set_faults(json!([kill])).await?;
    let mut client = stack.client("alice").await?;
    let silent = json!({"action": "query", "kind": "noop", "query": "q", "params": {"steps": 0}});
    let job = client.submit(silent).await?;
    let ended = client.until_job_is(&job, "completed").await?;
    assert_eq!(ended["attempt"], 1, "{ended}");
    stack
        .wait_for_fault_report(|report| report["kills"] == 1)
        .await?;
    // The message became visible when the lease lapsed, and another worker found nothing to do.
    stack.wait_for_empty_queue().await?;
    assert_eq!(event_numbers(&stack, &job).await?.last(), Some(&3));
    assert_eq!(stack.job_row(&job).await?["attempt"]["N"], "1");
    Ok(())
}

#[tokio::test]
async fn only_the_calling_process_is_killed() -> Result<()> {
    let stack = Stack::start(&SHORT_LEASE).await?;
    let slow = json!({"action": "query", "kind": "noop", "query": "q", "params": {"steps": 4, "stepMs": 1500}});
    let mut client = stack.client("alice").await?;
    let mut watcher = stack.client("alice").await?;
    let mut jobs = vec![];
    for _ in 0..2 {
        let job = client.submit(slow.clone()).await?;
        watcher.until_job_is(&job, "processing").await?;
        jobs.push(job);
    }
    let kill = worker_fault(
        "UpdateItem",
        json!({"number": 1}),
        json!({"kill": "before"}),
    );
    stack.set_faults(json!([kill])).await?;
    let mut attempts = BTreeSet::new();
    for job in &jobs {
        let ended = watcher.until_job_is(job, "completed").await?;
        attempts.insert(ended["attempt"].as_u64());
        event_numbers(&stack, job).await?;
    }
    assert_eq!(attempts, BTreeSet::from([Some(1), Some(2)]));
    Ok(())
}

#[tokio::test]
async fn throttled_calls_are_retried() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let throttle = |service: &str, operation: &str, caller: &str, code: &str| json!({"service": service, "operation": operation, "caller": caller, "limit": 3, "effect": {"fail": {"code": code}}});
    let dynamo = "ProvisionedThroughputExceededException";
    stack
        .set_faults(json!([
            throttle("dynamodb", "PutItem", "longhaul-message", dynamo),
            throttle("sqs", "SendMessage", "longhaul-message", "RequestThrottled"),
            throttle("dynamodb", "UpdateItem", "longhaul-worker", dynamo),
        ]))
        .await?;
    let mut client = stack.client("alice").await?;
    client.send(standard_job()).await?;
    let events = client.until("job_completed").await?;
    let end = events.last().context("no end")?;
    assert_eq!(end["usage"]["attempts"], 1, "{end}");
    let report = stack.fault_report().await?;
    let rules = report["rules"].as_array().context("no rules")?;
    assert!(rules.iter().all(|rule| rule["fired"] == 3), "{report}");
    Ok(())
}

#[tokio::test]
async fn a_push_answered_with_410_marks_only_that_connection() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut open_client = stack.client("alice").await?;
    let open_id = connections(&stack, |ids| ids.len() == 1).await?;
    let mut closed_client = stack.client("alice").await?;
    connections(&stack, |ids| ids.len() == 2).await?;
    let gone = json!({"fail": {"code": "GoneException", "status": 410}});
    let rule = json!({"service": "execute-api", "operation": "PostToConnection", "caller": "longhaul-worker", "number": 1, "effect": gone});
    stack.set_faults(json!([rule])).await?;

    let job = closed_client.submit(standard_job()).await?;
    open_client.until_job_is(&job, "completed").await?;
    let left = connections(&stack, |ids| ids.len() == 1).await?;
    assert_eq!(left, open_id);
    let job = open_client.submit(standard_job()).await?;
    let end = open_client.until("job_completed").await?.pop();
    assert_eq!(end.context("no end")?["jobId"], job.as_str());
    Ok(())
}

/// Polls the connections table until the ids of the open ones meet the condition; returns these.
async fn connections(
    stack: &Stack,
    condition: impl Fn(&BTreeSet<String>) -> bool,
) -> Result<BTreeSet<String>> {
    let wait = async {
        loop {
            let scan = json!({"TableName": "longhaul-connections"});
            let answer = stack.dynamodb("Scan", scan).await?;
            let rows = answer["Items"].as_array().context("no rows")?;
            let ids = rows
                .iter()
                .filter(|row| row["status"]["S"] == "CONNECTED")
                .filter_map(|row| row["connectionId"]["S"].as_str().map(str::to_owned))
                .collect();
            if condition(&ids) {
                return Ok(ids);
            }
        }
    };
    tokio::time::timeout(MAX_WAIT, wait)
        .await
        .context("the rows never met the condition")?
}

#[tokio::test]
async fn messages_delivered_twice_cause_each_event_once() -> Result<()> {
    let wire_log = WireLog::new()?;
    let stack = Stack::start(&wire_log.options()?).await?;
    let twice =
        json!({"service": "sqs", "operation": "ReceiveMessage", "effect": {"deliverTwice": true}});
    stack.set_faults(json!([twice])).await?;
    let mut client = stack.client("alice").await?;
    let mut report = vec![];
    for _ in 0..3 {
        client.send(standard_job()).await?;
        let events = client.until("job_completed").await?;
        report.push(
            events
                .iter()
                .map(|event| event["seq"].as_u64())
                .collect::<Vec<_>>(),
        );
    }
    // A batch is one message, so each message that is delivered twice makes two invocations.
    let calls = wire_log
        .wait_for_calls(|calls| invocations(calls) == 6)
        .await?;
    assert_eq!(report, vec![(1..=7).map(Some).collect::<Vec<_>>(); 3]);
    let pong = client.request(json!({"action": "ping"})).await?;
    assert_eq!(pong["type"], "pong", "no event follows the end");
    let report = stack.fault_report().await?;
    assert_eq!(report["rules"][0]["fired"], 3, "{report}");

    let call_names: BTreeSet<String> = calls
        .iter()
        .map(|call| {
            format!(
                "{} {} {}",
                call["caller"], call["service"], call["operation"]
            )
        })
        .map(|call| call.replace('"', ""))
        .collect();
    for call in [
        "event-source sqs ReceiveMessage",
        "event-source sqs DeleteMessageBatch",
        "event-source lambda Invoke",
        "execute-api lambda Invoke",
    ] {
        assert!(call_names.contains(call), "{call} is not in {call_names:?}");
    }
    Ok(())
}

fn invocations(calls: &[Value]) -> usize {
    let worker_fault =
        |call: &&Value| call["operation"] == "Invoke" && call["function"] == "longhaul-worker";
    calls.iter().filter(worker_fault).count()
}

#[tokio::test]
async fn a_claim_whose_response_is_lost_is_recognised() -> Result<()> {
    let stack = Stack::start(&SHORT_LEASE).await?;
    let repeat = worker_fault("UpdateItem", json!({"number": 1}), json!({"repeat": 1}));
    stack.set_faults(json!([repeat])).await?;
    let mut client = stack.client("alice").await?;
    let job = client.submit(standard_job()).await?;
    client.until_job_is(&job, "completed").await?;
    event_numbers(&stack, &job).await?;
    Ok(())
}

#[tokio::test]
async fn faults_are_set_read_and_cleared_but_not_from_another_origin() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let rule = r#"{"service":"sqs","every":2,"effect":{"delayMs":1}}"#;
    let plan = format!(r#"{{"seed":7,"rules":[{rule}]}}"#);
    let (status, report) = stack.faults_api("POST", &[], &plan).await?;
    assert_eq!(status, 200, "{report}");

    let page = [("Origin", "http://localhost:8000")];
    for method in ["GET", "POST", "DELETE"] {
        let (status, _) = stack.faults_api(method, &page, r#"{"rules":[]}"#).await?;
        assert_eq!(status, 403, "{method}");
    }
    let bad = r#"{"rules":[{"service":"sqs","effect":{"repeat":0}}]}"#;
    let (status, message) = stack.faults_api("POST", &[], bad).await?;
    assert_eq!(status, 400);
    let message = message["message"].as_str().context("no message")?;
    assert!(message.contains("rules[0]: effect.repeat"), "{message}");
    let report = stack.wait_for_fault_report(|_| true).await?;
    assert_eq!(report["seed"], 7);
    let rule: Value = serde_json::from_str(rule)?;
    for (field, value) in rule.as_object().context("a rule")? {
        assert_eq!(&report["rules"][0][field], value, "{report}");
    }

    let (status, report) = stack.faults_api("DELETE", &[], "").await?;
    assert_eq!(
        (status, report),
        (200, json!({"seed": 0, "kills": 0, "rules": []}))
    );
    Ok(())
}

#[tokio::test]
async fn an_invalid_faults_file_is_refused_at_start() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("faults.json");
    std::fs::write(
        &file,
        r#"{"rules":[{"service":"s4","effect":{"delayMs":1}}]}"#,
    )?;
    let (data, file) = (
        folder.path().join("data"),
        file.to_str().context("a path")?.to_owned(),
    );
    let data = data.to_str().context("a path")?;
    let output = longhaul(&[
        "up",
        "--port",
        "0",
        "--aws-port",
        "0",
        "--data",
        data,
        "--faults",
        &file,
    ])
    .await?;
    let message = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(
        message.contains(&file) && message.contains("unknown variant `s4`"),
        "{message}"
    );
    Ok(())
}
