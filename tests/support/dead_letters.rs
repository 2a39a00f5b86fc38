//! Failed jobs, and the `longhaul dlq` commands on their dead letters.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::support::cli::longhaul;
use crate::support::stack::Stack;
use crate::support::wait::MAX_WAIT;

/// A job fails at its first failed attempt.
pub const ONE_ATTEMPT: [&str; 2] = ["--parameter", "MaxAttempts=1"];
/// The query of [`failing_job`], which no plan may contain.
pub const SECRET_QUERY: &str = "a question that no plan may show";

/// A job that fails by these parameters.
pub fn failing_job(params: Value) -> Value {
    json!({"action": "query", "kind": "noop", "query": SECRET_QUERY, "params": params})
}

/// Runs a `longhaul dlq` command: exit code, and standard output as JSON, else standard error as text.
pub async fn dlq(stack: &Stack, arguments: &[&str]) -> Result<(i32, Value)> {
    let options = ["--json", "--data", stack.data_path()?];
    let output = longhaul(&[&["dlq"], arguments, &options].concat()).await?;
    let printed = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| String::from_utf8_lossy(&output.stderr).into_owned().into());
    Ok((output.status.code().context("it was killed")?, printed))
}

/// Polls `dlq list` until it has `count` entries; returns the list.
pub async fn wait_for_dead_letters(stack: &Stack, count: usize) -> Result<Value> {
    let wait = async {
        loop {
            let (_, list) = dlq(stack, &["list"]).await?;
            if list["entries"]
                .as_array()
                .is_some_and(|entries| entries.len() == count)
            {
                return Ok(list);
            }
        }
    };
    // Evidence that a killed worker has not sent waits for the sweep.
    let waited = tokio::time::timeout(2 * MAX_WAIT, wait).await;
    waited.with_context(|| format!("the dead-letter queue never held {count} entries"))?
}

/// Writes a replay plan: its path and its content.
pub async fn write_plan(stack: &Stack, name: &str) -> Result<(String, Value)> {
    let file = stack
        .data()
        .join(name)
        .to_str()
        .context("a path")?
        .to_owned();
    let (code, plan) = dlq(stack, &["plan", "--out", &file]).await?;
    ensure!(code == 0, "{code} {plan}");
    Ok((file, plan))
}
