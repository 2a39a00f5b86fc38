//! The `longhaul` command line, run to its end.

use std::path::Path;
use std::process::Output;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::process::Command;

use crate::support::log_secrets::SECRET;
use crate::support::stack::Stack;
use crate::support::wait::MAX_WAIT;

/// The root folder of the repository.
pub fn repository_root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Runs `longhaul` with these arguments.
pub async fn longhaul(arguments: &[&str]) -> Result<Output> {
    let run = Command::new(env!("CARGO_BIN_EXE_longhaul"))
        .args(arguments)
        .env("LONGHAUL_JWT_SECRET", SECRET)
        .current_dir(repository_root())
        .output();
    tokio::time::timeout(MAX_WAIT, run)
        .await
        .context("longhaul did not end")?
        .context("running longhaul")
}

/// Runs a command on the stack with `--json`: exit code, standard output as JSON, standard error.
pub async fn longhaul_json(stack: &Stack, arguments: &[&str]) -> Result<(i32, Value, String)> {
    let output = longhaul(&[arguments, &["--json", "--data", stack.data_path()?]].concat()).await?;
    let stderr = String::from_utf8(output.stderr)?;
    let code = output.status.code().context("it was killed")?;
    let json = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    Ok((code, json, stderr))
}

/// Runs a command on the stack: exit code and standard output.
pub async fn longhaul_text(stack: &Stack, arguments: &[&str]) -> Result<(i32, String)> {
    let output = longhaul(&[arguments, &["--data", stack.data_path()?]].concat()).await?;
    let code = output.status.code().context("it was killed")?;
    Ok((code, String::from_utf8(output.stdout)?))
}
