//! `longhaul smoke`: a stack that works, and the ways in which one does not.

use std::process::{Output, Stdio};

use anyhow::{Context, Result};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::PATIENCE;
use crate::support::log_secrets::SECRET;
use crate::support::stack::{Stack, root, token};

async fn smoke(url: &str, proof: &str, options: &[&str]) -> Result<Output> {
    let mut process = Command::new(env!("CARGO_BIN_EXE_longhaul"))
        .args(["smoke", "--url", url])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdin = process.stdin.take().context("its input")?;
    stdin.write_all(proof.as_bytes()).await?;
    drop(stdin);
    let ended = tokio::time::timeout(2 * PATIENCE, process.wait_with_output());
    Ok(ended.await.context("longhaul did not end")??)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn a_stack_that_works_is_told_from_one_that_does_not() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let works = smoke(&stack.gateway, &token("alice"), &["--token-stdin"]).await?;
    assert_eq!(works.status.code(), Some(0), "{}", said(&works));
    assert!(said(&works).contains("a job was run, and its end was told"));

    let secret = [
        "--secret-stdin",
        "--without-job",
        "--issuer",
        "",
        "--audience",
        "me",
    ];
    let works = smoke(&stack.gateway, SECRET, &secret).await?;
    assert_eq!(works.status.code(), Some(0), "{}", said(&works));
    assert!(said(&works).contains("the queue and the worker were not tried"));

    let refused = smoke(&stack.gateway, "no secret of this stack", &secret).await?;
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("the stack does not work: connecting to"));
    assert!(!said(&refused).contains("believed"));

    let unasked = smoke(&stack.gateway, "", &["--token-stdin"]).await?;
    assert_eq!(unasked.status.code(), Some(2), "{}", said(&unasked));
    Ok(())
}

#[tokio::test]
async fn a_stack_whose_worker_fails_does_not_work() -> Result<()> {
    // Its worker takes no noop job, though its front does.
    let template = std::fs::read_to_string(root().join("cloudformation/template.yaml"))?;
    let broken = template.replace("NOOP_ENABLED: !Ref NoopEnabled", "NOOP_ENABLED: \"false\"");
    assert_ne!(broken, template);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("broken.yaml");
    std::fs::write(&path, broken)?;
    let path = path.to_str().context("a path")?;
    let stack = Stack::start(&["--template", path]).await?;
    let failed = smoke(&stack.gateway, &token("alice"), &["--token-stdin"]).await?;
    assert_eq!(failed.status.code(), Some(1), "{}", said(&failed));
    assert!(said(&failed).contains("job_failed"), "{}", said(&failed));
    Ok(())
}
