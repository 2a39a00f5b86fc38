//! `longhaul logs`: a function's log by its short name, by request, and as it grows.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::PATIENCE;
use crate::support::stack::{Stack, longhaul};

const START: &str = "START RequestId: ";

async fn run_a_job(stack: &Stack) -> Result<()> {
    let mut client = stack.client("alice").await?;
    client
        .send(json!({"action": "query", "kind": "noop", "query": "hello"}))
        .await?;
    client.until("job_completed").await.map(drop)
}

#[tokio::test]
async fn a_functions_log_is_read_by_name_by_request_and_as_it_grows() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let data = stack.data().to_str().context("a path")?;
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
    let two = async {
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
    let ids = tokio::time::timeout(PATIENCE, two).await??;
    following.kill().await?;

    let whole = logs(&["longhaul-worker"]).await?;
    assert!(!whole.contains("JobsCompleted"), "{whole}");
    let measured = logs(&["worker", "--metrics"]).await?;
    assert!(measured.contains("JobsCompleted"), "{measured}");
    assert!(whole.contains(&ids[0]) && whole.contains(&ids[1]));
    assert!(logs(&["worker"]).await?.starts_with(&whole));
    let one = logs(&["worker", "--request", &ids[0]]).await?;
    assert!(one.contains(&format!("{START}{}", ids[0])), "{one}");
    assert!(
        one.contains(&format!("REPORT RequestId: {}", ids[0])),
        "{one}"
    );
    assert!(!one.contains(&ids[1]) && one.lines().count() < whole.lines().count());
    assert_eq!(logs(&["worker", "--request", "unknown"]).await?, "");

    let output = longhaul(&["logs", "--data", data, "nobody"]).await?;
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr)?;
    assert!(
        said.contains("nobody") && said.contains("longhaul-worker"),
        "{said}"
    );
    Ok(())
}
