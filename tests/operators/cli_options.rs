//! No option is ignored: each is applied, or refused by its name.

use anyhow::{Context, Result};
use serde_json::json;

use crate::support::cli::{longhaul, longhaul_text};
use crate::support::stack::Stack;

/// The standard error of a command that is refused.
async fn refusal(arguments: &[&str]) -> Result<String> {
    let output = longhaul(arguments).await?;
    let stderr = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
    Ok(stderr)
}

#[tokio::test]
async fn ask_refuses_options_that_a_running_stack_cannot_take() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let data = stack.data_path()?;
    for option in [
        &["--bill", "Cargo.toml"][..],
        &["--template", "cloudformation/template.yaml"],
        &["--parameter", "MaxAttempts=1"],
        &["--origin", "http://localhost:5173"],
        &["--trust-claims"],
        &["--wire-log", "/dev/null"],
        &["--tick-seconds", "1"],
        &["--packages", "."],
        &["--worker", "/bin/true"],
        &["--faults", "/dev/null"],
    ] {
        let error = refusal(&[&["ask", "x", "--data", data], option].concat()).await?;
        assert!(
            error.contains("already runs") && error.contains(option[0]),
            "{option:?}: {error}"
        );
    }
    let (code, answer) = longhaul_text(&stack, &["ask", "x", "--kind", "noop"]).await?;
    assert_eq!(code, 0, "{answer}");
    Ok(())
}

#[tokio::test]
async fn an_option_that_another_one_overrides_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().to_str().context("a path")?;
    let up = ["up", "--port", "0", "--aws-port", "0", "--data", data];
    for (options, named) in [
        (&["--origin", "nonsense"][..], "--origin"),
        (&["--origin", "null"], "--origin"),
        (
            &[
                "--origin",
                "http://localhost:5173",
                "--parameter",
                "AllowedOrigins=http://x",
            ],
            "AllowedOrigins",
        ),
        (
            &["--bill", "a.csv", "--parameter", "BillLocation=b.csv"],
            "BillLocation",
        ),
        (
            &[
                "--parameter",
                "MaxAttempts=1",
                "--parameter",
                "MaxAttempts=2",
            ],
            "MaxAttempts",
        ),
    ] {
        let error = refusal(&[&up, options].concat()).await?;
        assert!(error.contains(named), "{options:?}: {error}");
    }
    for (arguments, named) in [
        (&["jobs", "list", "--aws", "--data", data][..], "--data"),
        (&["ask", "--follow", "j", "--kind", "noop"], "--kind"),
        (&["ask", "--follow", "j", "--params", "{}"], "--params"),
        (
            &["connections", "list", "--user", "a", "--limit", "5"],
            "--limit",
        ),
        (&["dlq", "purge", "--message", "m", "--yes"], "--yes"),
    ] {
        let error = refusal(arguments).await?;
        assert!(error.contains(named), "{arguments:?}: {error}");
    }
    Ok(())
}

#[tokio::test]
async fn each_required_choice_is_named_in_full() -> Result<()> {
    for (arguments, choices) in [
        (&["connections", "broadcast", "x"][..], ["--user", "--all"]),
        (&["publish", "--type", "t"], ["--topic", "--user"]),
    ] {
        let error = refusal(arguments).await?;
        let is_named = choices.iter().all(|choice| error.contains(choice));
        assert!(is_named, "{arguments:?}: {error}");
    }
    Ok(())
}

#[tokio::test]
async fn publish_addresses_a_topic_or_a_user_and_has_the_options_of_every_command() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let publish = ["publish", "--user", "alice", "--type", "deal"];
    let payload = ["--payload", r#"{"discount":30}"#];
    let (code, _) = longhaul_text(&stack, &[&publish[..], &payload].concat()).await?;
    assert_eq!(code, 0);
    let received = alice.until("deal").await?.pop().context("no frame")?;
    assert_eq!(received["data"], json!({"discount": 30}));

    // Before, --data was the payload here, and --data-folder what --data is everywhere else.
    let data = stack.data_path()?;
    let before = longhaul(&[&publish[..], &["--data-folder", data]].concat()).await?;
    let warning = String::from_utf8(before.stderr)?;
    assert!(
        before.status.success() && warning.contains("--data"),
        "{warning}"
    );
    alice.until("deal").await?;
    let error = refusal(&[&publish[..], &["--data", r#"{"discount":30}"#]].concat()).await?;
    assert!(error.contains("--payload"), "{error}");
    for (option, named) in [
        (["--payload", "[]"], "--payload"),
        (["--user", ""], "--user"),
        (["--tenant", ""], "--tenant"),
    ] {
        let publish = ["publish", "--type", "deal", "--topic", "t"];
        let error = refusal(&[&publish[..], &option, &["--data", data]].concat()).await?;
        assert!(error.contains(named), "{option:?}: {error}");
    }
    Ok(())
}
