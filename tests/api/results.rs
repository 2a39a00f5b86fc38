//! Results of every size: in the row, in the log, in the bucket, and too large.

use std::io::Read;

use anyhow::{Context, Result};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::bucket::{Answer, http};
use crate::support::client::Client;
use crate::support::stack::{Stack, longhaul};
use crate::until;

const BUCKET: &str = "longhaul-results-000000000000-us-east-1";
/// What a frame holds of a result at most (PROTOCOL 4).
const FRAME: usize = 100 * 1024;

/// A job whose result is JSON of exactly so many bytes.
fn sized(bytes: usize) -> Value {
    let around = r#"{"agent":"noop","query":"q","response":""}"#.len();
    json!({"action": "query", "kind": "noop", "query": "q", "params": {"steps": 0, "bytes": bytes - around}})
}

/// Runs the job to its end.
async fn completed(client: &mut Client, job: Value) -> Result<Value> {
    client.send(job).await?;
    client.until_end().await
}

/// What the URL leads to.
async fn fetched(stack: &Stack, url: &Value, headers: &[(&str, &str)]) -> Result<Answer> {
    let url = url.as_str().context("no url")?;
    let path = url.strip_prefix(&stack.aws).context("a URL of elsewhere")?;
    http(&stack.aws, &format!("GET {path}"), headers, b"").await
}

fn unpacked(answer: &Answer) -> Result<Vec<u8>> {
    let mut text = vec![];
    GzDecoder::new(&answer.body[..]).read_to_end(&mut text)?;
    Ok(text)
}

#[tokio::test]
async fn a_megabyte_is_fetched_from_the_url_that_the_event_has() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("wire.log");
    let origin = "AllowedOrigins=https://app.example.com,https://www.example.com";
    let options = ["--wire-log", log.to_str().context("a path")?];
    let stack = Stack::start(&[&options[..], &["--parameter", origin]].concat()).await?;
    let mut alice = stack.client("alice").await?;
    let end = completed(&mut alice, sized(1_000_000)).await?;
    assert_eq!(
        (&end["type"], end.get("result")),
        (&json!("job_completed"), None)
    );
    let reference = &end["resultRef"];
    let told = (&reference["bytes"], &reference["contentType"]);
    assert_eq!(told, (&json!(1_000_000), &json!("application/json")));

    let page = [("Origin", "https://www.example.com")];
    let answer = fetched(&stack, &reference["url"], &page).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let headers = [
        "content-type",
        "content-encoding",
        "access-control-allow-origin",
    ];
    let said = headers.map(|name| answer.header(name));
    assert_eq!(said, ["application/json", "gzip", page[0].1]);
    let text = unpacked(&answer)?;
    assert_eq!(text.len(), 1_000_000);
    assert_eq!(reference["sha256"], format!("{:x}", Sha256::digest(&text)));
    let result: Value = serde_json::from_slice(&text)?;
    assert_eq!(
        (&result["agent"], &result["query"]),
        (&json!("noop"), &json!("q"))
    );

    // Asked later, the job has a URL of its own, and the rest is the same.
    let job = end["jobId"].as_str().context("no jobId")?;
    let read = alice.ask(json!({"action": "getJob", "jobId": job})).await?;
    let replay = alice
        .ask(json!({"action": "subscribe", "jobId": job}))
        .await?;
    let replayed = replay["events"].as_array().and_then(|events| events.last());
    let replayed = replayed.context("no events")?;
    for later in [&read["job"]["resultRef"], &replayed["resultRef"]] {
        let answer = fetched(&stack, &later["url"], &[]).await?;
        assert_eq!((answer.status, unpacked(&answer)?), (200, text.clone()));
        let mut same = later.clone();
        same["url"] = reference["url"].clone();
        assert_eq!(same, *reference);
    }

    // Others get neither the job nor, without a signature, the object.
    let mut mallory = stack.client("mallory").await?;
    let gone = mallory
        .ask(json!({"action": "getJob", "jobId": job}))
        .await?;
    assert_eq!(gone["job"], json!({"jobId": job, "status": "gone"}));
    let gone = mallory
        .ask(json!({"action": "subscribe", "jobId": job}))
        .await?;
    assert_eq!(
        (&gone["mode"], &gone["events"]),
        (&json!("gone"), &json!([]))
    );
    let url = reference["url"].as_str().context("no url")?;
    let (unsigned, _) = url.split_once('?').context("no signature")?;
    let key = format!("/{BUCKET}/results/{job}/0-1.json.gz");
    assert_eq!(unsigned, format!("{}{key}", stack.aws));
    assert_eq!(fetched(&stack, &json!(unsigned), &[]).await?.status, 403);
    let row = stack.row(job).await?["resultRef"].to_string();
    assert!(!row.contains("Signature"), "a row with a URL: {row}");

    let calls = std::fs::read_to_string(&log)?;
    let by_worker = |line: &&str| line.contains(r#""caller":"longhaul-worker","service":"s3""#);
    let calls: Vec<&str> = calls.lines().filter(by_worker).collect();
    assert!(
        calls.len() == 1 && calls[0].contains("PutObject"),
        "{calls:?}"
    );
    Ok(())
}

#[tokio::test]
async fn the_ladder_has_its_rungs_where_the_protocol_says() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut client = stack.client("alice").await?;
    let whole = completed(&mut client, sized(FRAME)).await?;
    assert_eq!(
        (whole["result"].to_string().len(), whole.get("resultRef")),
        (FRAME, None)
    );
    let listed = ["s3api", "list-objects-v2", "--bucket", BUCKET];
    assert!(stack.aws(&listed).await?.get("Contents").is_none());
    let stored = completed(&mut client, sized(FRAME + 1)).await?;
    assert_eq!(stored["resultRef"]["bytes"], FRAME + 1);

    let failed = completed(&mut client, sized((64 << 20) + 1)).await?;
    let why = (&failed["code"], &failed["retryable"]);
    assert_eq!(why, (&json!("RESULT_TOO_LARGE"), &json!(false)));
    let objects = stack.aws(&listed).await?;
    assert_eq!(objects["Contents"].as_array().map(Vec::len), Some(1));
    Ok(())
}

#[tokio::test]
async fn a_url_is_refused_once_its_time_is_over() -> Result<()> {
    let stack = Stack::start(&["--parameter", "ResultUrlSeconds=1"]).await?;
    let mut client = stack.client("alice").await?;
    let end = completed(&mut client, sized(FRAME + 1)).await?;
    let refused = async || {
        let answer = fetched(&stack, &end["resultRef"]["url"], &[]).await?;
        Ok(answer.status == 403 && answer.text().contains("Request has expired"))
    };
    until("the URL has expired", refused).await
}

#[tokio::test]
async fn a_worker_that_dies_after_its_upload_leaves_the_next_one_s_alone() -> Result<()> {
    let stack = Stack::start(&["--parameter", "LeaseSeconds=1"]).await?;
    // The claim is the worker's first write to the job, and the end its second.
    let rule = json!({"service": "dynamodb", "operation": "UpdateItem", "caller": "longhaul-worker",
                      "number": 2, "effect": {"kill": "before"}});
    stack
        .faults("POST", "", &json!({"seed": 1, "rules": [rule]}).to_string())
        .await?;
    let mut client = stack.client("alice").await?;
    let end = completed(&mut client, sized(FRAME + 1)).await?;
    assert_eq!(end["usage"]["attempts"], 2, "{end}");
    let url = end["resultRef"]["url"].as_str().context("no url")?;
    assert!(url.contains("/0-2.json.gz?"), "{url}");
    assert_eq!(
        fetched(&stack, &end["resultRef"]["url"], &[]).await?.status,
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
async fn ask_prints_a_large_answer_as_any_other() -> Result<()> {
    let data = tempfile::tempdir()?;
    let data = data.path().to_str().context("a path")?;
    let params = r#"{"steps":0,"bytes":1000000}"#;
    let ask = [
        "ask", "q", "--kind", "noop", "--params", params, "--data", data,
    ];
    let asked = longhaul(&ask).await?;
    let said = String::from_utf8_lossy(&asked.stderr);
    assert_eq!(asked.status.code(), Some(0), "{said}");
    assert_eq!(
        asked.stdout,
        [b"x".repeat(1_000_000), b"\n".to_vec()].concat()
    );
    Ok(())
}
