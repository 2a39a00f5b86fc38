//! Injected faults in S3 calls: failed, delayed, repeated, and kills of the caller.

use anyhow::{Context, Result};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::bucket::BucketStack;
use crate::support::faults::SHORT_LEASE;
use crate::support::wire_log::WireLog;

#[tokio::test]
async fn s3_calls_fail_are_delayed_and_repeat() -> Result<()> {
    let wire_log = WireLog::new()?;
    let bucket = BucketStack::start(&wire_log.options()?).await?;
    let s3 = |operation: &str, selection: &str, effect: Value| json!({"service": "s3", "operation": operation, selection: 1, "effect": effect});
    let slow_down = json!({"fail": {"code": "SlowDown", "status": 503}});
    let delay = json!({"delayMs": 1});
    let rules = json!([
        s3("PutObject", "number", slow_down),
        s3("GetObject", "limit", delay)
    ]);
    bucket.stack.set_faults(rules).await?;
    let url = bucket.presign("PUT", "/exports/k", SignedDuration::ZERO, 60);
    let throttled = bucket.http(&format!("PUT {url}"), &[], b"bytes").await?;
    assert_eq!(throttled.status, 503);
    assert_eq!(throttled.header("content-type"), "application/xml");
    assert!(
        throttled.text().contains("<Error><Code>SlowDown</Code>"),
        "{}",
        throttled.text()
    );
    assert!(
        bucket.get_object("k", &[]).await.is_err(),
        "the refused object exists"
    );

    // The command line retries the error as it does with AWS.
    bucket
        .stack
        .set_faults(json!([s3(
            "PutObject",
            "number",
            json!({"fail": {"code": "SlowDown", "status": 503}})
        )]))
        .await?;
    bucket.put_object("k", b"bytes").await?;
    assert_eq!(bucket.get_object("k", &[]).await?.0, b"bytes");
    let report = bucket.stack.fault_report().await?;
    assert_eq!(report["rules"][0]["matched"], 2, "{report}");

    bucket
        .stack
        .set_faults(json!([s3("PutObject", "number", json!({"repeat": 1}))]))
        .await?;
    let file = bucket.file("once", b"once")?;
    let create_once = ["--key", "once", "--body", &file, "--if-none-match", "*"];
    let second = bucket
        .s3api("put-object", &create_once)
        .await
        .err()
        .context("the repeat was not refused")?;
    assert!(
        format!("{second:#}").contains("PreconditionFailed"),
        "{second:#}"
    );
    assert_eq!(bucket.get_object("once", &[]).await?.0, b"once");

    let puts = wire_log
        .wait_for_calls(|calls| {
            calls
                .iter()
                .filter(|call| call["operation"] == "PutObject")
                .count()
                == 5
        })
        .await?;
    let puts: Vec<_> = puts
        .iter()
        .filter(|call| call["operation"] == "PutObject")
        .map(|call| (call["status"].as_u64(), call["requestBytes"].as_u64()))
        .collect();
    assert_eq!(
        puts.iter()
            .map(|(status, _)| status.unwrap_or(0))
            .collect::<Vec<_>>(),
        [503, 503, 200, 200, 412]
    );
    assert_eq!(puts[0].1, Some(5));
    Ok(())
}

/// The access key of the process whose environment id begins so. The log has only this prefix of the id.
#[cfg(target_os = "linux")]
fn access_key(environment: &str) -> Result<String> {
    let beginning = format!("AWS_ACCESS_KEY_ID=local-{environment}");
    for process in std::fs::read_dir("/proc")? {
        // Most entries are not processes, or not readable.
        let Ok(variables) = std::fs::read_to_string(process?.path().join("environ")) else {
            continue;
        };
        let found = variables
            .split('\0')
            .find(|text| text.starts_with(&beginning));
        if let Some((_, key)) = found.and_then(|text| text.split_once('=')) {
            return Ok(key.to_owned());
        }
    }
    anyhow::bail!("no process has the environment {environment}")
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_s3_call_kills_its_caller() -> Result<()> {
    let bucket = BucketStack::start(&SHORT_LEASE).await?;
    let stack = &bucket.stack;
    for (moment, put) in [("before", false), ("after", true)] {
        let slow = json!({"action": "query", "kind": "noop", "query": "q", "params": {"steps": 4, "stepMs": 1000}});
        let mut client = stack.client("alice").await?;
        let job = client.submit(slow).await?;
        client.until_job_is(&job, "processing").await?;
        let kill = json!({"service": "s3", "operation": "PutObject", "effect": {"kill": moment}});
        stack.set_faults(json!([kill])).await?;
        // The log has `<time> <environment> <line>`.
        let log = std::fs::read_to_string(stack.data().join("logs/longhaul-worker.log"))?;
        let last = log.lines().rfind(|line| line.contains(" START "));
        let environment = last
            .and_then(|line| line.split(' ').nth(1))
            .context("no worker")?;
        let key = access_key(environment)?;
        let signature =
            format!("AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/s3/aws4_request");
        let path = format!("PUT /exports/{moment}");
        let headers = [("Authorization", signature.as_str())];
        tokio::select! {
            answer = bucket.http(&path, &headers, b"bytes") => {
                anyhow::bail!("the killed caller got a response: {}", answer?.status);
            }
            killed = stack.wait_for_fault_report(|report| report["kills"] == 1) => killed?,
        };
        assert_eq!(
            bucket.get_object(moment, &[]).await.is_ok(),
            put,
            "{moment}"
        );
        let ended = client.until_job_is(&job, "completed").await?;
        assert_eq!(ended["attempt"], 2, "{moment}: {ended}");
    }
    Ok(())
}
