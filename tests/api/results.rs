//! Results by size: in the row, in the event log, in the bucket, and too large.

use std::io::Read;

use anyhow::{Context, Result};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::cli::longhaul;
use crate::support::client::Client;
use crate::support::http::{HttpResponse, http};
use crate::support::stack::Stack;
use crate::support::wait::wait_until;
use crate::support::wire_log::WireLog;

const BUCKET: &str = "longhaul-results-000000000000-us-east-1";
/// The largest result, in bytes, that a frame holds.
const MAX_INLINE: usize = 100 * 1024;

/// A job whose result as JSON has exactly this size.
fn job_with_result(bytes: usize) -> Value {
    let around = r#"{"agent":"noop","query":"q","response":""}"#.len();
    json!({"action": "query", "kind": "noop", "query": "q", "params": {"steps": 0, "bytes": bytes - around}})
}

/// Submits the job; returns its terminal event.
async fn run(client: &mut Client, job: Value) -> Result<Value> {
    client.send(job).await?;
    client.until_end().await
}

/// The response to a GET of this URL.
async fn fetch(stack: &Stack, url: &Value, headers: &[(&str, &str)]) -> Result<HttpResponse> {
    let url = url.as_str().context("no url")?;
    let path = url
        .strip_prefix(&stack.aws)
        .context("a URL of this stack")?;
    http(&stack.aws, &format!("GET {path}"), headers, b"").await
}

fn gunzip(answer: &HttpResponse) -> Result<Vec<u8>> {
    let mut text = vec![];
    GzDecoder::new(&answer.body[..]).read_to_end(&mut text)?;
    Ok(text)
}

#[tokio::test]
async fn a_megabyte_is_fetched_from_the_events_url() -> Result<()> {
    let wire_log = WireLog::new()?;
    let origin = "AllowedOrigins=https://app.example.com,https://www.example.com";
    let options = wire_log.options()?;
    let stack = Stack::start(&[&options[..], &["--parameter", origin]].concat()).await?;
    let mut alice = stack.client("alice").await?;
    let end = run(&mut alice, job_with_result(1_000_000)).await?;
    assert_eq!(
        (&end["type"], end.get("result")),
        (&json!("job_completed"), None)
    );
    let reference = &end["resultRef"];
    let size_and_type = (&reference["bytes"], &reference["contentType"]);
    assert_eq!(
        size_and_type,
        (&json!(1_000_000), &json!("application/json"))
    );

    let page = [("Origin", "https://www.example.com")];
    let answer = fetch(&stack, &reference["url"], &page).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let headers = [
        "content-type",
        "content-encoding",
        "access-control-allow-origin",
    ];
    let values = headers.map(|name| answer.header(name));
    assert_eq!(values, ["application/json", "gzip", page[0].1]);
    let text = gunzip(&answer)?;
    assert_eq!(text.len(), 1_000_000);
    assert_eq!(reference["sha256"], format!("{:x}", Sha256::digest(&text)));
    let result: Value = serde_json::from_slice(&text)?;
    assert_eq!(
        (&result["agent"], &result["query"]),
        (&json!("noop"), &json!("q"))
    );

    // Later answers have a new URL, and are otherwise the same.
    let job = end["jobId"].as_str().context("no jobId")?;
    let read = alice
        .request(json!({"action": "getJob", "jobId": job}))
        .await?;
    let replay = alice
        .request(json!({"action": "subscribe", "jobId": job}))
        .await?;
    let replayed = replay["events"].as_array().and_then(|events| events.last());
    let replayed = replayed.context("no events")?;
    for later in [&read["job"]["resultRef"], &replayed["resultRef"]] {
        let answer = fetch(&stack, &later["url"], &[]).await?;
        assert_eq!((answer.status, gunzip(&answer)?), (200, text.clone()));
        let mut same = later.clone();
        same["url"] = reference["url"].clone();
        assert_eq!(same, *reference);
    }

    // Another user gets neither the job nor, without a signature, the object.
    let mut mallory = stack.client("mallory").await?;
    let gone = mallory
        .request(json!({"action": "getJob", "jobId": job}))
        .await?;
    assert_eq!(gone["job"], json!({"jobId": job, "status": "gone"}));
    let gone = mallory
        .request(json!({"action": "subscribe", "jobId": job}))
        .await?;
    assert_eq!(
        (&gone["mode"], &gone["events"]),
        (&json!("gone"), &json!([]))
    );
    let url = reference["url"].as_str().context("no url")?;
    let (unsigned, _) = url.split_once('?').context("no signature")?;
    let key = format!("/{BUCKET}/results/{job}/0-1.json.gz");
    assert_eq!(unsigned, format!("{}{key}", stack.aws));
    assert_eq!(fetch(&stack, &json!(unsigned), &[]).await?.status, 403);
    let row = stack.job_row(job).await?["resultRef"].to_string();
    assert!(!row.contains("Signature"), "a row with a URL: {row}");

    let calls = wire_log.text()?;
    let by_worker = |line: &&str| line.contains(r#""caller":"longhaul-worker","service":"s3""#);
    let calls: Vec<&str> = calls.lines().filter(by_worker).collect();
    assert!(
        calls.len() == 1 && calls[0].contains("PutObject"),
        "{calls:?}"
    );
    Ok(())
}

#[tokio::test]
async fn results_are_inline_stored_or_too_large_at_the_documented_sizes() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut client = stack.client("alice").await?;
    let whole = run(&mut client, job_with_result(MAX_INLINE)).await?;
    assert_eq!(
        (whole["result"].to_string().len(), whole.get("resultRef")),
        (MAX_INLINE, None)
    );
    let listed = ["s3api", "list-objects-v2", "--bucket", BUCKET];
    assert!(stack.aws(&listed).await?.get("Contents").is_none());
    let stored = run(&mut client, job_with_result(MAX_INLINE + 1)).await?;
    assert_eq!(stored["resultRef"]["bytes"], MAX_INLINE + 1);

    let failed = run(&mut client, job_with_result((64 << 20) + 1)).await?;
    let code_and_retryable = (&failed["code"], &failed["retryable"]);
    assert_eq!(
        code_and_retryable,
        (&json!("RESULT_TOO_LARGE"), &json!(false))
    );
    let objects = stack.aws(&listed).await?;
    assert_eq!(objects["Contents"].as_array().map(Vec::len), Some(1));
    Ok(())
}

#[tokio::test]
async fn an_expired_result_url_is_refused() -> Result<()> {
    let stack = Stack::start(&["--parameter", "ResultUrlSeconds=1"]).await?;
    let mut client = stack.client("alice").await?;
    let end = run(&mut client, job_with_result(MAX_INLINE + 1)).await?;
    let refused = async || {
        let answer = fetch(&stack, &end["resultRef"]["url"], &[]).await?;
        Ok(answer.status == 403 && answer.text().contains("Request has expired"))
    };
    wait_until("the URL has expired", refused).await
}

#[tokio::test]
async fn each_attempt_uploads_its_own_result_object() -> Result<()> {
    let stack = Stack::start(&["--parameter", "LeaseSeconds=1"]).await?;
    // The worker's first write to the job is the claim, the second the terminal event.
    let rule = json!({"service": "dynamodb", "operation": "UpdateItem", "caller": "longhaul-worker",
                      "number": 2, "effect": {"kill": "before"}});
    stack
        .set_fault_plan(json!({"seed": 1, "rules": [rule]}))
        .await?;
    let mut client = stack.client("alice").await?;
    let end = run(&mut client, job_with_result(MAX_INLINE + 1)).await?;
    assert_eq!(end["usage"]["attempts"], 2, "{end}");
    let url = end["resultRef"]["url"].as_str().context("no url")?;
    assert!(url.contains("/0-2.json.gz?"), "{url}");
    assert_eq!(
        fetch(&stack, &end["resultRef"]["url"], &[]).await?.status,
        200
    );
    let listed = ["s3api", "list-objects-v2", "--bucket", BUCKET];
    let left = stack.aws(&listed).await?["Contents"]
        .as_array()
        .map(Vec::len);
    assert_eq!(left, Some(2), "each attempt has an object of its own");
    Ok(())
}

#[tokio::test]
async fn ask_prints_a_large_result() -> Result<()> {
    let data = tempfile::tempdir()?;
    let data = data.path().to_str().context("a path")?;
    let params = r#"{"steps":0,"bytes":1000000}"#;
    let ask = [
        "ask", "q", "--kind", "noop", "--params", params, "--data", data,
    ];
    let output = longhaul(&ask).await?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert_eq!(
        output.stdout,
        [b"x".repeat(1_000_000), b"\n".to_vec()].concat()
    );
    Ok(())
}
