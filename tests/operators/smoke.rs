//! `longhaul smoke` on a working stack and on broken ones.

use std::process::{Output, Stdio};

use anyhow::{Context, Result};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::support::cli::repository_root;
use crate::support::log_secrets::SECRET;
use crate::support::stack::Stack;
use crate::support::tokens::token;
use crate::support::wait::MAX_WAIT;

async fn smoke(url: &str, stdin_text: &str, options: &[&str]) -> Result<Output> {
    let mut process = Command::new(env!("CARGO_BIN_EXE_longhaul"))
        .args(["smoke", "--url", url])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdin = process.stdin.take().context("its input")?;
    stdin.write_all(stdin_text.as_bytes()).await?;
    drop(stdin);
    let ended = tokio::time::timeout(2 * MAX_WAIT, process.wait_with_output());
    Ok(ended.await.context("longhaul did not end")??)
}

fn stderr_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn a_working_stack_passes_and_a_broken_one_fails() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let passed = smoke(&stack.gateway, &token("alice"), &["--token-stdin"]).await?;
    assert_eq!(passed.status.code(), Some(0), "{}", stderr_of(&passed));
    assert!(stderr_of(&passed).contains("ran, and its end was pushed"));

    let secret = [
        "--secret-stdin",
        "--without-job",
        "--issuer",
        "",
        "--audience",
        "me",
    ];
    let passed = smoke(&stack.gateway, SECRET, &secret).await?;
    assert_eq!(passed.status.code(), Some(0), "{}", stderr_of(&passed));
    assert!(stderr_of(&passed).contains("the queue and the worker were not tested"));

    let refused = smoke(&stack.gateway, "no secret of this stack", &secret).await?;
    assert_eq!(refused.status.code(), Some(1), "{}", stderr_of(&refused));
    assert!(stderr_of(&refused).contains("the stack does not work: connecting to"));
    assert!(!stderr_of(&refused).contains("was accepted"));

    let no_token = smoke(&stack.gateway, "", &["--token-stdin"]).await?;
    assert_eq!(no_token.status.code(), Some(2), "{}", stderr_of(&no_token));
    Ok(())
}

#[tokio::test]
async fn a_stack_whose_worker_fails_fails() -> Result<()> {
    // Its worker refuses noop jobs, although its API accepts them.
    let template = std::fs::read_to_string(repository_root().join("cloudformation/template.yaml"))?;
    let broken = template.replace("NOOP_ENABLED: !Ref NoopEnabled", "NOOP_ENABLED: \"false\"");
    assert_ne!(broken, template);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("broken.yaml");
    std::fs::write(&path, broken)?;
    let path = path.to_str().context("a path")?;
    let stack = Stack::start(&["--template", path]).await?;
    let failed = smoke(&stack.gateway, &token("alice"), &["--token-stdin"]).await?;
    assert_eq!(failed.status.code(), Some(1), "{}", stderr_of(&failed));
    assert!(
        stderr_of(&failed).contains("job_failed"),
        "{}",
        stderr_of(&failed)
    );
    Ok(())
}
