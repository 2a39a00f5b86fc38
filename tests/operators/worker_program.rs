//! A program that is given as the worker and can't be one: the start fails with what the program printed.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};

use crate::support::cli::longhaul;

/// The error of `ask` with this program as its worker, on an unused data folder.
async fn refusal(worker: &str) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().to_str().context("a path")?;
    let ask = ["ask", "x", "--kind", "mine", "--worker", worker];
    let output = longhaul(&[&ask[..], &["--data", data]].concat()).await?;
    let stderr = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(2), "{worker}: {stderr}");
    let last = stderr.lines().last().context("no error")?;
    assert!(last.starts_with("longhaul: "), "{worker}: {stderr}");
    Ok(last.to_owned())
}

/// A program that prints its kinds as a worker does, and then runs this line of shell.
fn program(folder: &Path, line: &str) -> Result<String> {
    let path = folder.join("worker");
    let script = format!("#!/bin/sh\nif [ \"$1\" = --kinds ]; then echo mine; exit; fi\n{line}\n");
    std::fs::write(&path, script)?;
    std::fs::set_permissions(&path, Permissions::from_mode(0o755))?;
    Ok(path.to_str().context("a path")?.to_owned())
}

#[tokio::test]
async fn a_program_that_names_no_kinds_is_refused() -> Result<()> {
    for worker in ["/bin/true", "/bin/echo", "/bin/cat"] {
        let error = refusal(worker).await?;
        assert!(error.contains("does not print its kinds"), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn a_program_that_never_asks_for_work_is_refused_with_its_output() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for (line, parts) in [
        (
            "exit 0",
            &["without providing a reason", "printed nothing"][..],
        ),
        (
            "printf 'no licence'; exit 3",
            &["exit status 3", "no licence"],
        ),
        (
            "echo; echo out of paper >&2; kill -9 $$",
            &["killed", "out of paper"],
        ),
        (
            "echo waiting; exec sleep 600",
            &["it did not within 10 s", "waiting"],
        ),
    ] {
        let error = refusal(&program(folder.path(), line)?).await?;
        assert!(error.contains("never asked for work"), "{error}");
        for part in parts {
            assert!(error.contains(part), "{line}: {error}");
        }
    }
    Ok(())
}
