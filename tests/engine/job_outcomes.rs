//! How jobs end besides completing: cancelled wherever they stand, out of time, or after going on for
//! many invocations.

use crate::support::follower::Follower;
use crate::support::stack::Stack;
use anyhow::{Context, Result};
use serde_json::{Value, json};

const LONG: std::time::Duration = std::time::Duration::from_secs(150);

fn noop(params: Value) -> Value {
    json!({"action": "query", "kind": "noop", "query": "nothing", "params": params})
}

#[tokio::test]
async fn a_running_job_is_cancelled_with_what_was_streamed() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut client = stack.client("alice").await?;
    let job = client
        .submit(noop(json!({"steps": 900, "stepMs": 100, "text": 10})))
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
    let taken = tab.next().await?;
    assert_eq!(
        (&taken["type"], &taken["requestId"]),
        (&json!("cancelling"), &json!("c"))
    );
    let heard = tab.next().await?;
    assert_eq!(
        (&heard["type"], &heard["by"]),
        (&json!("job_cancelled"), &json!("alice"))
    );
    let end = client.until_end().await?;
    assert_eq!(end["seq"], heard["seq"]);
    assert!(
        end["content"]
            .as_str()
            .context("no content")?
            .starts_with("1 1")
    );

    // Nothing is heard of it any more, and its worker is free for the next job within a look or two.
    let next = client.submit(noop(json!({}))).await?;
    client.until_job_is(&next, "completed").await?;
    let row = stack.row(&job).await?;
    assert_eq!(
        (&row["status"]["S"], &row["seq"]["N"]),
        (&json!("cancelled"), &json!(end["seq"].to_string()))
    );
    let again = tab.ask(json!({"action": "cancel", "jobId": job})).await?;
    assert_eq!(
        (&again["type"], &again["job"]["status"]),
        (&json!("job"), &json!("cancelled"))
    );
    let late = Follower::afresh(&stack, "alice", &job).await?;
    assert_eq!(late.text(), end["content"].as_str().unwrap_or_default());
    Ok(())
}

#[tokio::test]
async fn a_queued_job_that_is_cancelled_never_runs() -> Result<()> {
    let stack = Stack::start(&["--parameter", "WorkerConcurrency=2"]).await?;
    let mut client = stack.client("alice").await?;
    let mut busy = vec![];
    for _ in 0..2 {
        let job = client
            .submit(noop(json!({"steps": 900, "stepMs": 100})))
            .await?;
        client.until_job_is(&job, "processing").await?;
        busy.push(job);
    }
    let waiting = client.submit(noop(json!({}))).await?;
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
    crate::chaos::stack_crash::queue_is_empty(&stack).await?;
    let row = stack.row(&waiting).await?;
    assert_eq!(
        (&row["status"]["S"], &row["attempt"]["N"]),
        (&json!("cancelled"), &json!("0"))
    );
    Ok(())
}

#[tokio::test]
async fn nobody_cancels_what_is_somebody_elses() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let job = alice
        .submit(noop(json!({"steps": 20, "stepMs": 100})))
        .await?;
    let mut mallory = stack.client("mallory").await?;
    let unknown = "01a1fe50-34ae-7000-8000-000000000000";
    for id in [job.as_str(), unknown] {
        let answer = mallory
            .ask(json!({"action": "cancel", "jobId": id}))
            .await?;
        assert_eq!(answer["job"], json!({"jobId": id, "status": "gone"}));
    }
    assert_eq!(alice.until_end().await?["type"], "job_completed");
    Ok(())
}

#[tokio::test]
async fn a_deadline_ends_a_job_that_runs_and_one_that_waits() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut client = stack.client("alice").await?;
    let mut frame = noop(json!({"steps": 900, "stepMs": 100}));
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
async fn a_job_of_ten_invocations_is_one_attempt_and_one_stream() -> Result<()> {
    let stack = Stack::start(&["--parameter", "WorkerTimeoutSeconds=10"]).await?;
    let mut client = stack.client("alice").await?;
    let steps = 80;
    let job = client
        .submit(noop(
            json!({"steps": steps, "stepMs": 1000, "text": 12, "keep": true}),
        ))
        .await?;
    let mut follower = Follower::of(&job);
    let end = follower.until_end(&mut client, LONG).await?;
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
        Follower::afresh(&stack, "alice", &job).await?.text(),
        follower.text()
    );
    assert_eq!(stack.row(&job).await?["attempt"]["N"], "1");
    Ok(())
}
