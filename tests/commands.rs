//! The command line's errors: each a sentence on standard error and exit code 2.

use crate::stack::{Stack, longhaul};
use anyhow::{Context, Result};

async fn refused(arguments: &[&str]) -> Result<String> {
    let output = longhaul(arguments).await?;
    let said = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    assert!(output.stdout.is_empty());
    assert!(
        said.starts_with("longhaul: ") && said.trim_end().lines().count() == 1,
        "{said}"
    );
    Ok(said)
}

#[tokio::test]
async fn a_stack_that_cannot_start_says_why() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let held = stack.data().to_str().context("a path")?;
    assert!(
        refused(&["up", "--data", held])
            .await?
            .contains("in use by another stack (process ")
    );

    let free = tempfile::tempdir()?;
    let free = free.path().to_str().context("a path")?;
    let port = stack.gateway.rsplit(':').next().context("no port")?;
    assert!(
        refused(&["up", "--data", free, "--port", port, "--aws-port", "0"])
            .await?
            .contains(&format!("port {port}"))
    );
    assert!(
        refused(&["up", "--data", free, "--port", "0", "--aws-port", port])
            .await?
            .contains(&format!("port {port}"))
    );
    let missing = [
        "up",
        "--data",
        free,
        "--port",
        "0",
        "--aws-port",
        "0",
        "--template",
        "no/such.yaml",
    ];
    assert!(
        refused(&missing)
            .await?
            .contains("cannot read the template no/such.yaml")
    );
    let bill = [
        "up",
        "--data",
        free,
        "--port",
        "0",
        "--aws-port",
        "0",
        "--bill",
        "no-such.csv",
    ];
    assert!(refused(&bill).await?.contains("no-such.csv"));
    assert!(
        refused(&["ask", "x", "--data", held, "--bill", "Cargo.toml"])
            .await?
            .contains("options of its own")
    );
    Ok(())
}

#[tokio::test]
async fn a_template_it_does_not_understand_is_refused_with_the_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let template = folder.path().join("template.yaml");
    std::fs::write(
        &template,
        "Resources:\n  Clock:\n    Type: AWS::Time::Machine\n",
    )?;
    let template = template.to_str().context("a path")?;
    let data = folder.path().join("data");
    let said = refused(&[
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
        said.contains("line 3") && said.contains("AWS::Time::Machine"),
        "{said}"
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
