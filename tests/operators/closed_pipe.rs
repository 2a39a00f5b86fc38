//! Commands whose output nobody reads any longer: they end with their own exit code, and panic at no write.

use std::io::pipe;
use std::process::{Output, Stdio};

use anyhow::{Context, Result};
use serde_json::json;
use tokio::process::Command;

use crate::support::cli::repository_root;
use crate::support::log_secrets::SECRET;
use crate::support::stack::Stack;
use crate::support::wait::MAX_WAIT;

/// A command with its standard output and standard error, ready to run.
fn command(arguments: &[&str], stdout: Stdio, stderr: Stdio) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_longhaul"));
    command
        .args(arguments)
        .env("LONGHAUL_JWT_SECRET", SECRET)
        .current_dir(repository_root())
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .kill_on_drop(true);
    command
}

/// A pipe whose reader is gone.
fn closed_pipe() -> Result<Stdio> {
    let (reader, writer) = pipe()?;
    drop(reader);
    Ok(writer.into())
}

async fn ended(mut command: Command) -> Result<Output> {
    let output = command.spawn()?.wait_with_output();
    let output = tokio::time::timeout(MAX_WAIT, output).await;
    output.context("it did not end")?.map_err(Into::into)
}

#[tokio::test]
async fn a_command_whose_reader_is_gone_ends_as_if_it_were_there() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let data = stack.data_path()?;
    let mut client = stack.client("developer").await?;
    let query = json!({"action": "query", "kind": "noop", "query": "x"});
    let job = client.submit(query).await?;
    client.until("job_completed").await?;
    let plan = stack.data().join("plan.json");
    let plan = plan.to_str().context("a path")?;
    for (arguments, code) in [
        (&["jobs", "list", "--user", "developer"][..], 0),
        (&["jobs", "show", &job], 0),
        (&["jobs", "watch", &job], 0),
        (&["jobs", "retry", &job], 1),
        (&["connections", "list"], 0),
        (&["connections", "broadcast", "x", "--all"], 0),
        (&["connections", "cleanup"], 0),
        (&["dlq", "list"], 0),
        (&["dlq", "plan", "--out", plan], 3),
        (&["doctor"], 0),
        (&["publish", "--topic", "t", "--type", "t"], 0),
        (&["ask", "x", "--kind", "noop"], 0),
        (&["ask", "--follow", &job], 0),
        (&["logs", "worker"], 0),
        (&["token", "--user", "alice"], 0),
    ] {
        let arguments = [arguments, &["--data", data]].concat();
        let run = command(&arguments, closed_pipe()?, Stdio::piped());
        let output = ended(run).await?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("panicked"), "{arguments:?}: {stderr}");
    }
    for arguments in [&["cost"][..], &["bill", "--rows", "5000"], &["--help"]] {
        let output = ended(command(arguments, closed_pipe()?, Stdio::piped())).await?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            (output.status.code(), &*stderr),
            (Some(0), ""),
            "{arguments:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn an_error_that_nobody_reads_keeps_its_exit_code() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().to_str().context("a path")?;
    let arguments = ["jobs", "list", "--data", data];
    let output = ended(command(&arguments, Stdio::piped(), closed_pipe()?)).await?;
    assert_eq!(output.status.code(), Some(2));
    Ok(())
}

#[tokio::test]
async fn output_that_cannot_be_written_is_an_error() -> Result<()> {
    for arguments in [&["cost"][..], &["bill", "--rows", "5000"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full")?;
        let output = ended(command(arguments, full.into(), Stdio::piped())).await?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert_eq!(
            stderr.trim_end().lines().count(),
            1,
            "{arguments:?}: {stderr}"
        );
    }
    Ok(())
}
