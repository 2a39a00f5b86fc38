//! AWS calls to S3 that go wrong on purpose: refused, late, repeated, fatal to their caller.

use anyhow::{Context, Result};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::chaos::aws_faults::{SHORT_LEASE, logged, report};
use crate::support::bucket::Bench;

#[tokio::test]
async fn calls_to_s3_go_wrong_too() -> Result<()> {
    let log = tempfile::NamedTempFile::new()?;
    let path = log.path().to_str().context("a path")?;
    let bench = Bench::start(&["--wire-log", path]).await?;
    let s3 = |operation: &str, pick: &str, effect: Value| json!({"service": "s3", "operation": operation, pick: 1, "effect": effect});
    let slow_down = json!({"fail": {"code": "SlowDown", "status": 503}});
    let late = json!({"delayMs": 1});
    let rules = json!([
        s3("PutObject", "number", slow_down),
        s3("GetObject", "limit", late)
    ]);
    bench.stack.set_faults(rules).await?;
    let url = bench.presign("PUT", "/exports/k", SignedDuration::ZERO, 60);
    let refused = bench.http(&format!("PUT {url}"), &[], b"bytes").await?;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("content-type"), "application/xml");
    assert!(
        refused.text().contains("<Error><Code>SlowDown</Code>"),
        "{}",
        refused.text()
    );
    assert!(
        bench.get("k", &[]).await.is_err(),
        "what was refused is there"
    );

    // The command line reads the error, and tries again as it does with AWS.
    bench
        .stack
        .set_faults(json!([s3(
            "PutObject",
            "number",
            json!({"fail": {"code": "SlowDown", "status": 503}})
        )]))
        .await?;
    bench.put("k", b"bytes").await?;
    assert_eq!(bench.get("k", &[]).await?.0, b"bytes");
    let (_, told) = bench.stack.faults("GET", "", "").await?;
    assert_eq!(told["rules"][0]["matched"], 2, "{told}");

    bench
        .stack
        .set_faults(json!([s3("PutObject", "number", json!({"repeat": 1}))]))
        .await?;
    let file = bench.file("once", b"once")?;
    let once = ["--key", "once", "--body", &file, "--if-none-match", "*"];
    let second = bench
        .s3("put-object", &once)
        .await
        .err()
        .context("the repeat was not refused")?;
    assert!(
        format!("{second:#}").contains("PreconditionFailed"),
        "{second:#}"
    );
    assert_eq!(bench.get("once", &[]).await?.0, b"once");

    let puts = logged(log.path(), |calls| {
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

/// The access key that a process with this beginning of its id signs with: the log has no more of it.
#[cfg(target_os = "linux")]
fn access_key(environment: &str) -> Result<String> {
    let beginning = format!("AWS_ACCESS_KEY_ID=local-{environment}");
    for process in std::fs::read_dir("/proc")? {
        // Most are no processes, or not ours to read.
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
async fn a_call_to_s3_kills_its_caller() -> Result<()> {
    let bench = Bench::start(&SHORT_LEASE).await?;
    let stack = &bench.stack;
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
            answer = bench.http(&path, &headers, b"bytes") => {
                anyhow::bail!("the dead got an answer: {}", answer?.status);
            }
            died = report(stack, |report| report["kills"] == 1) => died?,
        };
        assert_eq!(bench.get(moment, &[]).await.is_ok(), put, "{moment}");
        let ended = client.until_job_is(&job, "completed").await?;
        assert_eq!(ended["attempt"], 2, "{moment}: {ended}");
    }
    Ok(())
}
