//! AWS calls that go wrong on purpose, and jobs that complete all the same: nothing lost, nothing
//! said twice.

use std::collections::BTreeSet;

use crate::chaos::stack_crash::queue_is_empty;
use crate::support::stack::{Stack, longhaul};
use anyhow::{Context, Result};
use serde_json::{Value, json};

pub const SHORT_LEASE: [&str; 2] = ["--parameter", "LeaseSeconds=2"];
/// Of a job without a report, whose worker changes the row three times: claim, end, closing.
const END: u64 = 2;

fn standard_job() -> Value {
    json!({"action": "query", "kind": "noop", "query": "q", "params": {"steps": 4}})
}

fn worker(operation: &str, pick: Value, effect: Value) -> Value {
    let mut rule = json!({"service": "dynamodb", "operation": operation, "caller": "longhaul-worker", "effect": effect});
    for (field, value) in pick.as_object().into_iter().flatten() {
        rule[field] = value.clone();
    }
    rule
}

/// The report, once it is as wanted.
pub async fn report(stack: &Stack, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    let wait = async {
        loop {
            let (_, report) = stack.faults("GET", "", "").await?;
            if wanted(&report) {
                return Ok(report);
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::PATIENCE, wait)
        .await
        .context("the faults did not come about")?
}

/// The numbers of a job's whole story, after checking that each comes once, and one end.
async fn told_once(stack: &Stack, job: &str) -> Result<Vec<u64>> {
    let mut client = stack.client("alice").await?;
    let replay = client
        .ask(json!({"action": "subscribe", "jobId": job, "after": 0}))
        .await?;
    let events = replay["events"].as_array().context("no events")?;
    let ends = events
        .iter()
        .filter(|event| event["type"] == "job_completed" || event["type"] == "job_failed");
    assert_eq!(ends.count(), 1, "{replay}");
    let told: Vec<u64> = events
        .iter()
        .filter_map(|event| event["seq"].as_u64())
        .collect();
    assert_eq!(told.last(), replay["head"].as_u64().as_ref(), "{replay}");
    assert!(told.is_sorted_by(|one, next| one < next), "{replay}");
    Ok(told)
}

#[tokio::test]
async fn a_worker_killed_before_its_claim_leaves_the_job_queued() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("faults.json");
    let kill = worker(
        "UpdateItem",
        json!({"number": 1}),
        json!({"kill": "before"}),
    );
    std::fs::write(&file, json!({ "rules": [kill] }).to_string())?;
    let stack = Stack::start(&["--faults", file.to_str().context("a path")?]).await?;
    let job = stack.client("alice").await?.submit(standard_job()).await?;

    let told = report(&stack, |report| report["kills"] == 1).await?;
    assert_eq!(told["rules"][0]["fired"], 1, "{told}");
    let row = stack.row(&job).await?;
    assert_eq!(row["status"]["S"], "queued", "{row}");
    Ok(())
}

#[tokio::test]
async fn a_worker_killed_around_a_report_is_followed_by_another() -> Result<()> {
    let stack = Stack::start(&SHORT_LEASE).await?;
    let mut client = stack.client("alice").await?;
    // So far apart that no two reports share a write.
    let slow = json!({"action": "query", "kind": "noop", "query": "q", "params": {"steps": 2, "stepMs": 1000}});
    for moment in ["before", "after"] {
        let kill = worker("UpdateItem", json!({"number": 2}), json!({"kill": moment}));
        stack.set_faults(json!([kill])).await?;
        let job = client.submit(slow.clone()).await?;
        let ended = client.until_job_is(&job, "completed").await?;
        assert_eq!(ended["attempt"], 2, "{moment}: {ended}");
        report(&stack, |report| report["kills"] == 1).await?;
        told_once(&stack, &job).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_worker_killed_after_its_end_has_ended_the_job() -> Result<()> {
    let stack = Stack::start(&SHORT_LEASE).await?;
    let kill = worker(
        "UpdateItem",
        json!({"number": END}),
        json!({"kill": "after"}),
    );
    stack.set_faults(json!([kill])).await?;
    let mut client = stack.client("alice").await?;
    let silent = json!({"action": "query", "kind": "noop", "query": "q", "params": {"steps": 0}});
    let job = client.submit(silent).await?;
    let ended = client.until_job_is(&job, "completed").await?;
    assert_eq!(ended["attempt"], 1, "{ended}");
    report(&stack, |report| report["kills"] == 1).await?;
    // The message came back with the lease, and another worker found nothing to do.
    queue_is_empty(&stack).await?;
    assert_eq!(told_once(&stack, &job).await?.last(), Some(&3));
    assert_eq!(stack.row(&job).await?["attempt"]["N"], "1");
    Ok(())
}

#[tokio::test]
async fn only_the_process_that_calls_is_killed() -> Result<()> {
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
    let kill = worker(
        "UpdateItem",
        json!({"number": 1}),
        json!({"kill": "before"}),
    );
    stack.set_faults(json!([kill])).await?;
    let mut attempts = BTreeSet::new();
    for job in &jobs {
        let ended = watcher.until_job_is(job, "completed").await?;
        attempts.insert(ended["attempt"].as_u64());
        told_once(&stack, job).await?;
    }
    assert_eq!(attempts, BTreeSet::from([Some(1), Some(2)]));
    Ok(())
}

#[tokio::test]
async fn throttles_are_waited_out() -> Result<()> {
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
    let (_, told) = stack.faults("GET", "", "").await?;
    let rules = told["rules"].as_array().context("no rules")?;
    assert!(rules.iter().all(|rule| rule["fired"] == 3), "{told}");
    Ok(())
}

#[tokio::test]
async fn a_push_that_finds_nobody_removes_that_connection_and_no_other() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut stays = stack.client("alice").await?;
    let kept = connections(&stack, |ids| ids.len() == 1).await?;
    let mut goes = stack.client("alice").await?;
    connections(&stack, |ids| ids.len() == 2).await?;
    let gone = json!({"fail": {"code": "GoneException", "status": 410}});
    let rule = json!({"service": "execute-api", "operation": "PostToConnection", "caller": "longhaul-worker", "number": 1, "effect": gone});
    stack.set_faults(json!([rule])).await?;

    let job = goes.submit(standard_job()).await?;
    stays.until_job_is(&job, "completed").await?;
    let left = connections(&stack, |ids| ids.len() == 1).await?;
    assert_eq!(left, kept);
    let job = stays.submit(standard_job()).await?;
    let end = stays.until("job_completed").await?.pop();
    assert_eq!(end.context("no end")?["jobId"], job.as_str());
    Ok(())
}

/// The ids of the connections' rows, once they are as wanted.
async fn connections(
    stack: &Stack,
    wanted: impl Fn(&BTreeSet<String>) -> bool,
) -> Result<BTreeSet<String>> {
    let wait = async {
        loop {
            let table = ["dynamodb", "scan", "--table-name", "longhaul-connections"];
            let answer = stack.aws(&table).await?;
            let rows = answer["Items"].as_array().context("no rows")?;
            // A user's row has no such time.
            let ids = rows
                .iter()
                .filter(|row| row["connectedAt"].is_object())
                .filter_map(|row| row["connectionId"]["S"].as_str().map(str::to_owned))
                .collect();
            if wanted(&ids) {
                return Ok(ids);
            }
        }
    };
    tokio::time::timeout(crate::PATIENCE, wait)
        .await
        .context("the connections' rows did not come about")?
}

#[tokio::test]
async fn messages_delivered_twice_are_told_of_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("wire.log");
    let stack = Stack::start(&["--wire-log", log.to_str().context("a path")?]).await?;
    let twice =
        json!({"service": "sqs", "operation": "ReceiveMessage", "effect": {"deliverTwice": true}});
    stack.set_faults(json!([twice])).await?;
    let mut client = stack.client("alice").await?;
    let mut told = vec![];
    for _ in 0..3 {
        client.send(standard_job()).await?;
        let events = client.until("job_completed").await?;
        told.push(
            events
                .iter()
                .map(|event| event["seq"].as_u64())
                .collect::<Vec<_>>(),
        );
    }
    // A batch is one message, so each receive that brought one makes two invocations.
    let calls = logged(&log, |calls| invocations(calls) == 6).await?;
    assert_eq!(told, vec![(1..=7).map(Some).collect::<Vec<_>>(); 3]);
    let pong = client.ask(json!({"action": "ping"})).await?;
    assert_eq!(pong["type"], "pong", "nothing is said after the end");
    let (_, report) = stack.faults("GET", "", "").await?;
    assert_eq!(report["rules"][0]["fired"], 3, "{report}");

    let own: BTreeSet<String> = calls
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
        assert!(own.contains(call), "{call} is not in {own:?}");
    }
    Ok(())
}

fn invocations(calls: &[Value]) -> usize {
    let worker =
        |call: &&Value| call["operation"] == "Invoke" && call["function"] == "longhaul-worker";
    calls.iter().filter(worker).count()
}

/// The calls on the wire log, once they are as wanted.
pub async fn logged(
    log: &std::path::Path,
    wanted: impl Fn(&[Value]) -> bool,
) -> Result<Vec<Value>> {
    let wait = async {
        loop {
            let text = std::fs::read_to_string(log)?;
            // The last line may still be on its way.
            let whole = text.lines().filter(|line| line.ends_with('}'));
            let calls = whole
                .map(serde_json::from_str)
                .collect::<Result<Vec<Value>, _>>()?;
            if wanted(&calls) {
                return anyhow::Ok(calls);
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::PATIENCE, wait)
        .await
        .context("the calls did not come about")?
}

#[tokio::test]
async fn a_claim_whose_answer_is_lost_is_made_again() -> Result<()> {
    let stack = Stack::start(&SHORT_LEASE).await?;
    let again = worker("UpdateItem", json!({"number": 1}), json!({"repeat": 1}));
    stack.set_faults(json!([again])).await?;
    let mut client = stack.client("alice").await?;
    let job = client.submit(standard_job()).await?;
    client.until_job_is(&job, "completed").await?;
    told_once(&stack, &job).await?;
    Ok(())
}

#[tokio::test]
async fn faults_are_set_shown_and_cleared_but_not_by_a_browser() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let rule = r#"{"service":"sqs","every":2,"effect":{"delayMs":1}}"#;
    let plan = format!(r#"{{"seed":7,"rules":[{rule}]}}"#);
    let (status, told) = stack.faults("POST", "", &plan).await?;
    assert_eq!(status, 200, "{told}");

    let page = "origin: http://localhost:8000\r\n";
    for method in ["GET", "POST", "DELETE"] {
        let (status, _) = stack.faults(method, page, r#"{"rules":[]}"#).await?;
        assert_eq!(status, 403, "{method}");
    }
    let bad = r#"{"rules":[{"service":"sqs","effect":{"repeat":0}}]}"#;
    let (status, said) = stack.faults("POST", "", bad).await?;
    assert_eq!(status, 400);
    let said = said["message"].as_str().context("no message")?;
    assert!(said.contains("rules[0]: effect.repeat"), "{said}");
    let told = report(&stack, |_| true).await?;
    assert_eq!(told["seed"], 7);
    let rule: Value = serde_json::from_str(rule)?;
    for (field, value) in rule.as_object().context("a rule")? {
        assert_eq!(&told["rules"][0][field], value, "{told}");
    }

    let (status, told) = stack.faults("DELETE", "", "").await?;
    assert_eq!(
        (status, told),
        (200, json!({"seed": 0, "kills": 0, "rules": []}))
    );
    Ok(())
}

#[tokio::test]
async fn a_faults_file_that_says_nothing_sensible_starts_nothing() -> Result<()> {
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
    let said = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains(&file) && said.contains("unknown variant `s4`"),
        "{said}"
    );
    Ok(())
}
