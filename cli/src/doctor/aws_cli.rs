//! Runs the `aws` command line, version 1 or 2, for the services without a linked SDK.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::process::Command;

use crate::target::AwsContext;

/// The JSON that `aws` with these arguments prints. `None` if the resource does not exist.
///
/// # Errors
/// There is no `aws`, it fails, or it prints something else than JSON.
pub async fn run(aws: &AwsContext, arguments: &[&str]) -> Result<Option<Value>> {
    let mut command = Command::new("aws");
    command.args(arguments).args(["--output", "json"]);
    // An option, since version 1 does not read AWS_REGION.
    if let Some(region) = aws.clients.region() {
        command.args(["--region", region.as_ref()]);
    }
    // Version 2 would wait in a pager. Version 1 has no option against it, and ignores the variable.
    let run = command.env("AWS_PAGER", "").stdin(Stdio::null()).output();
    let run = run
        .await
        .context("this check needs the aws command line on the PATH")?;
    if run.status.success() {
        let called = arguments.iter().take(2).copied().collect::<Vec<_>>();
        let answer = serde_json::from_slice(&run.stdout).with_context(|| {
            let called = called.join(" ");
            format!("the answer of `aws {called}` is not JSON")
        })?;
        return Ok(Some(answer));
    }
    let stderr = String::from_utf8_lossy(&run.stderr);
    if stderr.contains("ResourceNotFoundException") {
        return Ok(None);
    }
    bail!(
        "{}",
        stderr.trim().lines().last().unwrap_or("aws gave no reason")
    )
}
