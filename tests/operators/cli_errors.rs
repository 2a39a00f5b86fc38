//! The command line's errors: one sentence on standard error and exit code 2. And the sample bill.

use anyhow::{Context, Result};

use crate::support::cli::longhaul;
use crate::support::stack::Stack;

async fn error_of(arguments: &[&str]) -> Result<String> {
    let output = longhaul(arguments).await?;
    let stderr = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
    assert!(output.stdout.is_empty());
    assert!(
        stderr.starts_with("longhaul: ") && stderr.trim_end().lines().count() == 1,
        "{stderr}"
    );
    Ok(stderr)
}

#[tokio::test]
async fn a_stack_that_cannot_start_gives_the_reason() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let used_folder = stack.data().to_str().context("a path")?;
    assert!(
        error_of(&["up", "--data", used_folder])
            .await?
            .contains("in use by another stack (process ")
    );

    let unused_folder = tempfile::tempdir()?;
    let unused_folder = unused_folder.path().to_str().context("a path")?;
    let port = stack.gateway.rsplit(':').next().context("no port")?;
    assert!(
        error_of(&[
            "up",
            "--data",
            unused_folder,
            "--port",
            port,
            "--aws-port",
            "0"
        ])
        .await?
        .contains(&format!("port {port}"))
    );
    assert!(
        error_of(&[
            "up",
            "--data",
            unused_folder,
            "--port",
            "0",
            "--aws-port",
            port
        ])
        .await?
        .contains(&format!("port {port}"))
    );
    let missing = [
        "up",
        "--data",
        unused_folder,
        "--port",
        "0",
        "--aws-port",
        "0",
        "--template",
        "no/such.yaml",
    ];
    assert!(
        error_of(&missing)
            .await?
            .contains("cannot read the template no/such.yaml")
    );
    let bill = [
        "up",
        "--data",
        unused_folder,
        "--port",
        "0",
        "--aws-port",
        "0",
        "--bill",
        "no-such.csv",
    ];
    assert!(error_of(&bill).await?.contains("no-such.csv"));
    Ok(())
}

#[tokio::test]
async fn an_unsupported_template_is_refused_with_its_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let template = folder.path().join("template.yaml");
    std::fs::write(
        &template,
        "Resources:\n  Clock:\n    Type: AWS::Time::Machine\n",
    )?;
    let template = template.to_str().context("a path")?;
    let data = folder.path().join("data");
    let stderr = error_of(&[
        "up",
        "--data",
        data.to_str().context("a path")?,
        "--port",
        "0",
        "--aws-port",
        "0",
        "--template",
        template,
    ])
    .await?;
    assert!(
        stderr.contains("line 3") && stderr.contains("AWS::Time::Machine"),
        "{stderr}"
    );
    Ok(())
}

#[tokio::test]
async fn the_sample_bill_is_the_same_for_the_same_seed() -> Result<()> {
    let bill = async |seed: &str| {
        longhaul(&["bill", "--rows", "500", "--seed", seed])
            .await
            .map(|output| output.stdout)
    };
    let first = bill("7").await?;
    assert_eq!(first, bill("7").await?);
    assert_ne!(first, bill("8").await?);
    assert_eq!(
        first
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .count(),
        501
    );
    Ok(())
}

#[tokio::test]
async fn a_token_that_no_stack_accepts_is_not_signed() -> Result<()> {
    let long = "x".repeat(257);
    for (arguments, reason) in [
        (&["--user", ""][..], "it is empty"),
        (&["--user", "a\u{7}"], "it contains a control character"),
        (&["--user", &long], "it is longer than 256 bytes"),
        (&["--user", "alice", "--tenant", ""], "it is empty"),
        (&["--user", "alice", "--seconds", "0"], "0 is not in 1.."),
        (
            &["--user", "alice", "--seconds", "18446744073709551615"],
            "is not in 1..",
        ),
    ] {
        let output = longhaul(&[&["token"], arguments].concat()).await?;
        let stderr = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(output.stdout.is_empty());
        assert!(stderr.contains(reason), "{arguments:?}: {stderr}");
    }
    let signed = longhaul(&["token", "--user", "alice", "--seconds", "1"]).await?;
    assert!(signed.status.success());
    Ok(())
}
