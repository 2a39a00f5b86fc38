//! Job outcomes: cancelled when queued or running, past the deadline, and completed after many invocations.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::support::follower::Follower;
use crate::support::stack::Stack;

const JOB_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(150);

fn noop_query(params: Value) -> Value {
    json!({"action": "query", "kind": "noop", "query": "nothing", "params": params})
}

#[tokio::test]
async fn a_cancelled_job_ends_with_the_text_streamed_so_far() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut client = stack.client("alice").await?;
    let job = client
        .submit(noop_query(json!({"steps": 900, "stepMs": 100, "text": 10})))
        .await?;
    let chunk = client.until("chunk").await?.pop().context("no chunk")?;
    assert!(
        chunk["content"]
            .as_str()
            .context("no text")?
            .starts_with("1 1")
    );
    let mut tab = stack.client("alice").await?;
    tab.send(json!({"action": "cancel", "jobId": job, "requestId": "c"}))
        .await?;
    let accepted = tab.next().await?;
    assert_eq!(
        (&accepted["type"], &accepted["requestId"]),
        (&json!("cancelling"), &json!("c"))
    );
    let cancelled = tab.next().await?;
    assert_eq!(
        (&cancelled["type"], &cancelled["by"]),
        (&json!("job_cancelled"), &json!("alice"))
    );
    let end = client.until_end().await?;
    assert_eq!(end["seq"], cancelled["seq"]);
    assert!(
        end["content"]
            .as_str()
            .context("no content")?
            .starts_with("1 1")
    );

    // No event follows, and its worker stops at one of its next polls and takes the next job.
    let next = client.submit(noop_query(json!({}))).await?;
    client.until_job_is(&next, "completed").await?;
    let row = stack.job_row(&job).await?;
    assert_eq!(
        (&row["status"]["S"], &row["seq"]["N"]),
        (&json!("cancelled"), &json!(end["seq"].to_string()))
    );
    let second_cancel = tab
        .request(json!({"action": "cancel", "jobId": job}))
        .await?;
    assert_eq!(
        (&second_cancel["type"], &second_cancel["job"]["status"]),
        (&json!("job"), &json!("cancelled"))
    );
    let caught_up = Follower::catch_up(&stack, "alice", &job).await?;
    assert_eq!(
        caught_up.text(),
        end["content"].as_str().unwrap_or_default()
    );
    Ok(())
}

#[tokio::test]
async fn a_cancelled_queued_job_never_runs() -> Result<()> {
    let stack = Stack::start(&["--parameter", "WorkerConcurrency=2"]).await?;
    let mut client = stack.client("alice").await?;
    let mut busy = vec![];
    for _ in 0..2 {
        let job = client
            .submit(noop_query(json!({"steps": 900, "stepMs": 100})))
            .await?;
        client.until_job_is(&job, "processing").await?;
        busy.push(job);
    }
    let waiting = client.submit(noop_query(json!({}))).await?;
    client
        .send(json!({"action": "cancel", "jobId": waiting}))
        .await?;
    client.until("job_cancelled").await?;
    for job in busy {
        client
            .send(json!({"action": "cancel", "jobId": job}))
            .await?;
        client.until("job_cancelled").await?;
    }
    stack.wait_for_empty_queue().await?;
    let row = stack.job_row(&waiting).await?;
    assert_eq!(
        (&row["status"]["S"], &row["attempt"]["N"]),
        (&json!("cancelled"), &json!("0"))
    );
    Ok(())
}

#[tokio::test]
async fn another_users_job_cannot_be_cancelled() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let job = alice
        .submit(noop_query(json!({"steps": 20, "stepMs": 100})))
        .await?;
    let mut mallory = stack.client("mallory").await?;
    let unknown = "01a1fe50-34ae-7000-8000-000000000000";
    for id in [job.as_str(), unknown] {
        let answer = mallory
            .request(json!({"action": "cancel", "jobId": id}))
            .await?;
        assert_eq!(answer["job"], json!({"jobId": id, "status": "gone"}));
    }
    assert_eq!(alice.until_end().await?["type"], "job_completed");
    Ok(())
}

#[tokio::test]
async fn a_deadline_fails_a_running_job() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut client = stack.client("alice").await?;
    let mut frame = noop_query(json!({"steps": 900, "stepMs": 100}));
    frame["deadlineSeconds"] = 2.into();
    client.submit(frame).await?;
    let end = client.until_end().await?;
    assert_eq!(
        (&end["type"], &end["code"]),
        (&json!("job_failed"), &json!("DEADLINE"))
    );
    Ok(())
}

#[tokio::test]
async fn a_job_over_ten_invocations_is_one_attempt_and_one_stream() -> Result<()> {
    let stack = Stack::start(&["--parameter", "WorkerTimeoutSeconds=10"]).await?;
    let mut client = stack.client("alice").await?;
    let steps = 80;
    let job = client
        .submit(noop_query(
            json!({"steps": steps, "stepMs": 1000, "text": 12, "keep": true}),
        ))
        .await?;
    let mut follower = Follower::new(&job);
    let end = follower.until_end(&mut client, JOB_TIMEOUT).await?;
    assert_eq!(
        (&end["type"], &end["usage"]["attempts"]),
        (&json!("job_completed"), &json!(1))
    );
    assert_eq!((follower.resets, &follower.retries), (0, &vec![]));
    let lines: Vec<String> = follower.text().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), steps);
    for (step, line) in (1..).zip(&lines) {
        assert!(line.starts_with(&format!("{step} ")), "{step}: {line}");
    }
    assert_eq!(
        Follower::catch_up(&stack, "alice", &job).await?.text(),
        follower.text()
    );
    assert_eq!(stack.job_row(&job).await?["attempt"]["N"], "1");
    Ok(())
}
