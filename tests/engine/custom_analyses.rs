//! Workers with custom analyses, from `examples/`, in place of this project's worker.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::support::cli::{longhaul, repository_root};
use crate::support::stack::Stack;
use crate::support::wire_log::WireLog;

/// The binary of an example, which `cargo test` builds too.
fn example_binary(name: &str) -> Result<String> {
    let binary = Path::new(env!("CARGO_BIN_EXE_longhaul"));
    let program = binary.with_file_name("examples").join(name);
    ensure!(
        program.exists(),
        "{} is missing: cargo build --workspace --examples",
        program.display()
    );
    Ok(program.display().to_string())
}

/// Creates the bucket `texts` with these objects.
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
async fn a_custom_worker_resumes_after_a_crash_between_two_steps() -> Result<()> {
    let worker = example_binary("word_count")?;
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
    let wire_log = WireLog::new()?;
    let stack = Stack::start(&[&options[..], &wire_log.options()?].concat()).await?;
    put_texts(
        &stack,
        &[("a.txt", "to be or not to be"), ("b.txt", "to the sea")],
    )
    .await?;
    // The steps are the list and the two texts: the worker is killed after the checkpoint of the first text.
    stack.set_faults(json!([
        {"service": "dynamodb", "operation": "TransactWriteItems", "caller": "longhaul-worker", "number": 2, "effect": {"kill": "after"}}
    ])).await?;
    let mut client = stack.client("alice").await?;
    let run_ask = json!({"action": "query", "kind": "word_count", "query": "How many?", "params": {"bucket": "texts"}});
    client.send(run_ask).await?;
    let events = client.until("job_completed").await?;
    let completed = &events[events.len() - 1];
    assert_eq!(completed["usage"]["attempts"], 2);
    let result = &completed["result"];
    assert_eq!(
        result["response"],
        "9 words in 2 objects, 6 of them different."
    );
    assert_eq!(result["words"]["to"], 3);
    let has_message = |text: &str| events.iter().any(|event| event["message"] == text);
    assert!(has_message("Counting b.txt: 2 of 2"), "{events:?}");

    // Checkpointed steps were not repeated: each text was fetched once.
    let wire = wire_log.text()?;
    assert_eq!(wire.matches("\"GetObject\"").count(), 2, "{wire}");
    // This worker serves its own analyses only.
    client
        .send(json!({"action": "finops_query", "query": "total"}))
        .await?;
    let events = client.until("job_failed").await?;
    assert_eq!(events[events.len() - 1]["code"], "UNKNOWN_KIND");
    Ok(())
}

#[tokio::test]
async fn an_analysis_in_python_runs_by_its_kind() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().to_str().context("a path")?;
    let worker = example_binary("python")?;
    let run_ask = |kind: &'static str, words: &'static str| {
        let arguments = [
            "ask", words, "--kind", kind, "--json", "--worker", &worker, "--data", data,
        ];
        let arguments = arguments.map(str::to_owned);
        async move { longhaul(&arguments.each_ref().map(String::as_str)).await }
    };
    let output = run_ask("text_statistics", "one three five").await?;
    let answer: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    assert_eq!(answer["lengths"], json!([3, 5, 4]));
    assert_eq!(
        answer["response"],
        "3 words, of 4.00 letters on average; the median is 4."
    );
    // docs/analyses.md names this file.
    assert!(
        repository_root()
            .join("examples/python/longhaul.py")
            .exists()
    );
    let refused = run_ask("text_statistics", " .").await?;
    assert_eq!(refused.status.code(), Some(0));
    // Longhaul's own analyses are served beside it.
    let built_in = run_ask("finops", "total").await?;
    let answer: Value = serde_json::from_slice(&built_in.stdout)
        .with_context(|| String::from_utf8_lossy(&built_in.stderr).into_owned())?;
    assert_eq!(answer["agent"], "finops");
    Ok(())
}
