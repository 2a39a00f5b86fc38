//! `longhaul logs`: a function's log by its short name, by request, and with `--follow`.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::support::cli::longhaul;
use crate::support::stack::Stack;
use crate::support::wait::MAX_WAIT;

const START: &str = "START RequestId: ";

async fn run_a_job(stack: &Stack) -> Result<()> {
    let mut client = stack.client("alice").await?;
    client
        .send(json!({"action": "query", "kind": "noop", "query": "hello"}))
        .await?;
    client.until("job_completed").await.map(drop)
}

#[tokio::test]
async fn a_functions_log_is_read_by_name_by_request_and_followed() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let data = stack.data_path()?;
    let logs = async |arguments: &[&str]| {
        let output = longhaul(&[&["logs", "--data", data], arguments].concat()).await?;
        assert!(output.status.success(), "{output:?}");
        anyhow::Ok(String::from_utf8(output.stdout)?)
    };
    let mut following = Command::new(env!("CARGO_BIN_EXE_longhaul"));
    run_a_job(&stack).await?;
    let mut following = following
        .args(["logs", "worker", "--follow", "--data", data])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(following.stdout.take().context("its output")?).lines();
    run_a_job(&stack).await?;
    let two_ids = async {
        let mut ids = vec![];
        while ids.len() < 2 {
            let Some(line) = lines.next_line().await? else {
                bail!("it ended")
            };
            let id = line
                .split_once(START)
                .map(|(_, rest)| rest.split(' ').next());
            ids.extend(id.flatten().map(str::to_owned));
        }
        Ok(ids)
    };
    let ids = tokio::time::timeout(MAX_WAIT, two_ids).await??;
    following.kill().await?;

    let full_log = logs(&["longhaul-worker"]).await?;
    assert!(!full_log.contains("JobsCompleted"), "{full_log}");
    let with_metrics = logs(&["worker", "--metrics"]).await?;
    assert!(with_metrics.contains("JobsCompleted"), "{with_metrics}");
    assert!(full_log.contains(&ids[0]) && full_log.contains(&ids[1]));
    assert!(logs(&["worker"]).await?.starts_with(&full_log));
    let one_request = logs(&["worker", "--request", &ids[0]]).await?;
    assert!(
        one_request.contains(&format!("{START}{}", ids[0])),
        "{one_request}"
    );
    assert!(
        one_request.contains(&format!("REPORT RequestId: {}", ids[0])),
        "{one_request}"
    );
    assert!(
        !one_request.contains(&ids[1]) && one_request.lines().count() < full_log.lines().count()
    );
    assert_eq!(logs(&["worker", "--request", "unknown"]).await?, "");

    let output = longhaul(&["logs", "--data", data, "nobody"]).await?;
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr)?;
    assert!(
        stderr.contains("nobody") && stderr.contains("longhaul-worker"),
        "{stderr}"
    );
    Ok(())
}
