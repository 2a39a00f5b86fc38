//! Analyses of one's own, `examples/`, in place of the worker of this project; and bills of one's own, in a bucket.

use std::path::Path;

use crate::stack::{Stack, longhaul, root};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// The program of an example, which `cargo test` builds beside this one.
fn example(name: &str) -> Result<String> {
    let binary = Path::new(env!("CARGO_BIN_EXE_longhaul"));
    let program = binary.with_file_name("examples").join(name);
    ensure!(
        program.exists(),
        "{} is missing: cargo build --workspace --examples",
        program.display()
    );
    Ok(program.display().to_string())
}

/// Texts in a bucket of the stack's.
async fn put_texts(stack: &Stack, texts: &[(&str, &str)]) -> Result<()> {
    let folder = tempfile::tempdir()?;
    for (key, text) in texts {
        std::fs::write(folder.path().join(key), text)?;
    }
    stack
        .aws(&["s3api", "create-bucket", "--bucket", "texts"])
        .await?;
    let folder = folder.path().to_str().context("a path")?;
    stack
        .aws_text(&["s3", "sync", "--no-progress", folder, "s3://texts"])
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_worker_of_ones_own_counts_words_and_goes_on_after_a_crash_between_two_steps()
-> Result<()> {
    let worker = example("word_count")?;
    let lease = "LeaseSeconds=5";
    let options = [
        "--worker",
        &worker,
        "--parameter",
        "SourceBucket=texts",
        "--parameter",
        lease,
        "--tick-seconds",
        "1",
    ];
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("wire.log");
    let logged = ["--wire-log", log.to_str().context("a path")?];
    let stack = Stack::start(&[&options[..], &logged].concat()).await?;
    put_texts(
        &stack,
        &[("a.txt", "to be or not to be"), ("b.txt", "to the sea")],
    )
    .await?;
    // The steps are the list and the two texts: the worker dies once the first text is kept.
    stack.set_faults(json!([
        {"service": "dynamodb", "operation": "TransactWriteItems", "caller": "longhaul-worker", "number": 2, "effect": {"kill": "after"}}
    ])).await?;
    let mut client = stack.client("alice").await?;
    let ask = json!({"action": "query", "kind": "word_count", "query": "How many?", "params": {"bucket": "texts"}});
    client.send(ask).await?;
    let events = client.until("job_completed").await?;
    let completed = &events[events.len() - 1];
    assert_eq!(completed["usage"]["attempts"], 2);
    let result = &completed["result"];
    assert_eq!(
        result["response"],
        "9 words in 2 objects, 6 of them different."
    );
    assert_eq!(result["words"]["to"], 3);
    let told = |text: &str| events.iter().any(|event| event["message"] == text);
    assert!(told("Counting b.txt: 2 of 2"), "{events:?}");

    // What was kept was not done again: each text was fetched once.
    let wire = std::fs::read_to_string(log)?;
    assert_eq!(wire.matches("\"GetObject\"").count(), 2, "{wire}");
    // What comes with the worker is there beside it.
    client
        .send(json!({"action": "finops_query", "query": "total"}))
        .await?;
    client.until("job_completed").await?;
    Ok(())
}

#[tokio::test]
async fn an_analysis_in_python_is_asked_by_its_kind() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().to_str().context("a path")?;
    let worker = example("python")?;
    let ask = |words: &'static str| {
        let arguments = [
            "ask",
            words,
            "--kind",
            "text_statistics",
            "--json",
            "--worker",
            &worker,
            "--data",
            data,
        ];
        let arguments = arguments.map(str::to_owned);
        async move { longhaul(&arguments.each_ref().map(String::as_str)).await }
    };
    let asked = ask("one three five").await?;
    let answer: Value = serde_json::from_slice(&asked.stdout)
        .with_context(|| String::from_utf8_lossy(&asked.stderr).into_owned())?;
    assert_eq!(answer["lengths"], json!([3, 5, 4]));
    assert_eq!(
        answer["response"],
        "3 words, of 4.00 letters on average; the median is 4."
    );
    // The protocol's files are where the README says.
    assert!(root().join("examples/python/longhaul.py").exists());
    let refused = ask(" .").await?;
    assert_eq!(refused.status.code(), Some(0));
    Ok(())
}

#[tokio::test]
async fn a_bill_in_a_bucket_is_read_by_months_and_a_crash_between_two_goes_on() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("wire.log");
    let stack = Stack::start(&[
        "--parameter",
        "SourceBucket=exports",
        "--parameter",
        "BillLocation=s3://exports/focus/",
        "--parameter",
        "BillIsSample=false",
        "--parameter",
        "LeaseSeconds=5",
        "--tick-seconds",
        "1",
        "--wire-log",
        log.to_str().context("a path")?,
    ])
    .await?;
    let sample = longhaul(&["bill", "--rows", "2000"]).await?.stdout;
    let sample = String::from_utf8(sample)?;
    let (header, rows) = sample.split_once('\n').context("no header")?;
    for month in ["2026-03", "2026-04", "2026-05"] {
        let days = folder
            .path()
            .join(format!("texts/focus/billing_period={month}"));
        std::fs::create_dir_all(&days)?;
        let own = rows
            .lines()
            .filter(|row| row.contains(&format!(",{month}-01T00:00:00Z,Usage")));
        let own: Vec<&str> = std::iter::once(header).chain(own).collect();
        std::fs::write(days.join("part.csv"), own.join("\n"))?;
    }
    stack
        .aws(&["s3api", "create-bucket", "--bucket", "exports"])
        .await?;
    let texts = folder.path().join("texts");
    stack
        .aws_text(&[
            "s3",
            "sync",
            "--no-progress",
            texts.to_str().context("a path")?,
            "s3://exports",
        ])
        .await?;

    // The steps are the list, May, and then the two other months: the worker dies once May is kept.
    stack.set_faults(json!([
        {"service": "dynamodb", "operation": "TransactWriteItems", "caller": "longhaul-worker", "number": 2, "effect": {"kill": "after"}}
    ])).await?;
    let mut client = stack.client("alice").await?;
    client
        .send(json!({"action": "finops_query", "query": "total by month"}))
        .await?;
    let events = client.until("job_completed").await?;
    let completed = &events[events.len() - 1];
    assert_eq!(completed["usage"]["attempts"], 2);
    assert_eq!(
        completed["result"]["cost_analysis"]["groups"]
            .as_array()
            .map(Vec::len),
        Some(3)
    );
    assert_eq!(completed["result"]["cost_analysis"]["source"], "3 files");
    let said = |event: &Value| event["message"].as_str().map(str::to_owned);
    let told: Vec<String> = events.iter().filter_map(said).collect();
    assert!(
        told.iter().any(|message| message.ends_with(" of 3 files")),
        "{told:?}"
    );
    let wire = std::fs::read_to_string(&log)?;
    assert_eq!(
        wire.matches("\"GetObject\"").count(),
        3,
        "a month was read twice"
    );
    Ok(())
}

#[tokio::test]
async fn two_folders_of_the_same_name_are_each_read() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let sample = longhaul(&["bill", "--rows", "2000"]).await?.stdout;
    let sample = String::from_utf8(sample)?;
    let (header, rows) = sample.split_once('\n').context("no header")?;
    let mut places = Vec::new();
    for (account, month) in [("one", "2026-03"), ("two", "2026-04")] {
        let place = folder.path().join(account).join("focus");
        std::fs::create_dir_all(&place)?;
        let own = rows
            .lines()
            .filter(|row| row.contains(&format!(",{month}-01T00:00:00Z,Usage")));
        let own: Vec<&str> = std::iter::once(header).chain(own).collect();
        std::fs::write(place.join("part.csv"), own.join("\n"))?;
        places.push(place.display().to_string());
    }
    let bill = format!("BillLocation={}", places.join(","));
    let parameters = ["--parameter", &bill, "--parameter", "BillIsSample=false"];
    let soon = ["--parameter", "LeaseSeconds=5", "--tick-seconds", "1"];
    let stack = Stack::start(&[&parameters[..], &soon].concat()).await?;
    // The worker dies once both lists are kept: the next attempt takes them out of their steps.
    stack.set_faults(json!([
        {"service": "dynamodb", "operation": "TransactWriteItems", "caller": "longhaul-worker", "number": 2, "effect": {"kill": "after"}}
    ])).await?;
    let mut client = stack.client("alice").await?;
    client
        .send(json!({"action": "finops_query", "query": "total by month"}))
        .await?;
    let events = client.until("job_completed").await?;
    assert_eq!(events[events.len() - 1]["usage"]["attempts"], 2);
    let cost = &events[events.len() - 1]["result"]["cost_analysis"];
    assert_eq!(cost["source"], "2 files");
    // A list that was kept for the one and taken for the other would be the same month twice.
    assert_eq!(cost["groups"].as_array().map(Vec::len), Some(2), "{cost}");
    Ok(())
}
