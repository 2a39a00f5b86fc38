//! Jobs as a front end sees them: progress, dropped sockets, second tabs, repeated submits, large queries and results.

use anyhow::{Context, Result};
use serde_json::json;

use crate::support::follower::Follower;
use crate::support::frames::noop_query;
use crate::support::stack::Stack;
use crate::support::wait::wait_until;

#[tokio::test]
async fn progress_events_arrive_in_order() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut client = stack.client("alice").await?;
    client
        .send(noop_query(json!({"steps": 4, "bytes": 2048})))
        .await?;
    let events = client.until("job_completed").await?;
    let progress: Vec<(u64, u64)> = events
        .iter()
        .filter_map(|event| Some((event["seq"].as_u64()?, event["progress"].as_u64()?)))
        .collect();
    assert_eq!(
        progress,
        [(1, 5), (2, 5), (3, 20), (4, 40), (5, 60), (6, 80)]
    );
    assert_eq!(
        events[6]["result"]["response"].as_str().map(str::len),
        Some(2048)
    );
    Ok(())
}

#[tokio::test]
async fn a_job_outlives_its_socket_and_is_followed_from_others() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut first = stack.client("alice").await?;
    let job = first
        .submit(noop_query(json!({"steps": 1000, "stepMs": 1000})))
        .await?;
    let row = stack.job_row(&job).await?;
    let connection = row["followers"]["SS"][0]
        .as_str()
        .context("no follower")?
        .to_owned();
    drop(first);

    let mut second = stack.client("alice").await?;
    let subscribe =
        |after: u64| json!({"action": "subscribe", "jobId": job, "after": after, "requestId": "s"});
    second.send(subscribe(0)).await?;
    let replay = second
        .until("subscribed")
        .await?
        .pop()
        .context("no answer")?;
    assert_eq!(
        (&replay["mode"], &replay["requestId"]),
        (&json!("replay"), &json!("s"))
    );
    assert_eq!(replay["events"][0]["type"], "job_queued");
    let mut tab = stack.client("alice").await?;
    tab.send(json!({"type": "resume", "jobId": job, "after": 1}))
        .await?;

    // The closed connection alone is removed as a follower, and its row is marked.
    wait_until("the closed connection follows no longer", async || {
        let followers = stack.job_row(&job).await?["followers"]["SS"].clone();
        Ok(followers.as_array().map(Vec::len) == Some(2))
    })
    .await?;
    let key = json!({"connectionId": {"S": connection}}).to_string();
    let left = stack
        .aws(&[
            "dynamodb",
            "get-item",
            "--table-name",
            "longhaul-connections",
            "--key",
            &key,
        ])
        .await?;
    assert_eq!(left["Item"]["status"]["S"], "DISCONNECTED", "{left}");
    let scan = stack
        .aws(&["dynamodb", "scan", "--table-name", "longhaul-connections"])
        .await?;
    // The fourth is the user's row.
    assert_eq!(scan["Count"], 4);

    // Both receive the same end, whenever they subscribed.
    second
        .send(json!({"action": "cancel", "jobId": job}))
        .await?;
    let ends = [second.until_end().await?, tab.until_end().await?];
    assert_eq!(ends[0], ends[1]);
    assert_eq!(ends[0]["type"], "job_cancelled");

    // After the end the answer itself has the terminal event.
    second.send(subscribe(1)).await?;
    let catch_up = second
        .until("subscribed")
        .await?
        .pop()
        .context("no answer")?;
    assert_eq!(
        catch_up["events"].as_array().context("no events")?.last(),
        Some(&ends[0])
    );
    assert_eq!(catch_up["head"], ends[0]["seq"]);
    let applied = catch_up["head"].as_u64().context("no head")?;
    assert_eq!(
        second.request(subscribe(applied)).await?["events"],
        json!([])
    );
    Ok(())
}

#[tokio::test]
async fn after_unsubscribe_no_event_arrives() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut client = stack.client("alice").await?;
    let job = client
        .submit(noop_query(json!({"steps": 5, "stepMs": 200})))
        .await?;
    client
        .send(json!({"action": "unsubscribe", "jobId": job}))
        .await?;
    client.until("unsubscribed").await?;
    let mut watcher = stack.client("alice").await?;
    watcher.until_job_is(&job, "completed").await?;
    client
        .send(json!({"action": "ping", "requestId": "last"}))
        .await?;
    let frames = client.until("pong").await?;
    assert!(
        frames.iter().all(|frame| frame["type"] != "job_completed"),
        "{frames:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_hundred_parallel_submits_under_one_key_are_one_job() -> Result<()> {
    let stack = Stack::start(&["--parameter", "SubmitsPerSecond=0"]).await?;
    let mut client = stack.client("alice").await?;
    let mut frame = noop_query(json!({}));
    frame["idempotencyKey"] = json!("once");
    for _ in 0..100 {
        client.send(frame.clone()).await?;
    }
    let (mut answers, mut jobs) = (0, std::collections::BTreeSet::new());
    while answers < 100 {
        let frame = client.next().await?;
        answers += i32::from(frame["type"] == "job_queued" || frame["type"] == "subscribed");
        jobs.insert(
            frame["jobId"]
                .as_str()
                .context("a frame without jobId")?
                .to_owned(),
        );
    }
    assert_eq!(jobs.len(), 1);
    let mut frame = frame.clone();
    frame["query"] = json!("other work");
    client.send(frame).await?;
    let refused = client.until("error").await?.pop().context("no answer")?;
    assert_eq!(refused["data"]["code"], "CONFLICT");
    assert_eq!(
        stack
            .client("alice")
            .await?
            .request(json!({"action": "listJobs"}))
            .await?["jobs"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    Ok(())
}

#[tokio::test]
async fn large_questions_and_answers_arrive_whole() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut client = stack.client("alice").await?;
    let query = "long ".repeat(4800);
    client.send(json!({"action": "query", "kind": "noop", "query": query, "params": {"steps": 1, "bytes": 60_000}})).await?;
    let events = client.until("job_completed").await?;
    assert_eq!(events[0]["query"], query);
    let result = &events[events.len() - 1]["result"];
    assert_eq!(
        (
            result["query"].as_str(),
            result["response"].as_str().map(str::len)
        ),
        (Some(query.as_str()), Some(60_000))
    );

    let job = events[0]["jobId"].as_str().context("no jobId")?;
    let read = client
        .request(json!({"action": "getJob", "jobId": job}))
        .await?;
    assert_eq!(
        (&read["job"]["query"], &read["job"]["result"]),
        (&json!(query), result)
    );
    let row = stack.job_row(job).await?;
    assert!(
        row.to_string().len() < 2048,
        "an ended row stays small: {row}"
    );
    Ok(())
}

#[tokio::test]
async fn a_user_sees_only_their_own_jobs() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut alice = stack.client("alice").await?;
    let mut jobs = vec![];
    for n in 0..5 {
        alice.send(json!({"action": "query", "kind": "noop", "query": format!("job {n}"), "params": {"steps": 0}})).await?;
        let events = alice.until("job_completed").await?;
        jobs.push(events[0]["jobId"].as_str().context("no jobId")?.to_owned());
    }
    jobs.reverse();
    let (mut listed, mut cursor) = (vec![], json!(null));
    loop {
        let page = alice
            .request(
                json!({"action": "listJobs", "status": "completed", "limit": 2, "cursor": cursor}),
            )
            .await?;
        listed.extend(
            page["jobs"]
                .as_array()
                .context("no jobs")?
                .iter()
                .map(|job| job["jobId"].as_str().unwrap_or_default().to_owned()),
        );
        cursor = page["cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(listed, jobs, "newest first");
    assert_eq!(
        alice
            .request(json!({"action": "listJobs", "status": "failed"}))
            .await?["jobs"],
        json!([])
    );

    // The answers for another user's job and for an unknown one differ only in the id.
    let mut mallory = stack.client("mallory").await?;
    assert_eq!(
        mallory.request(json!({"action": "listJobs"})).await?["jobs"],
        json!([])
    );
    let unknown = "0190c6f3-0000-7000-8000-000000000001";
    for action in ["getJob", "subscribe", "unsubscribe"] {
        let mut of_alice = mallory
            .request(json!({"action": action, "jobId": jobs[0]}))
            .await?;
        let mut of_nobody = mallory
            .request(json!({"action": action, "jobId": unknown}))
            .await?;
        for answer in [&mut of_alice, &mut of_nobody] {
            let text = answer.to_string();
            assert!(action == "unsubscribe" || text.contains("gone"), "{text}");
            answer["jobId"].take();
            answer["job"]["jobId"].take();
            answer["timestamp"].take();
        }
        assert_eq!(of_alice, of_nobody, "{action}");
    }
    Ok(())
}

#[tokio::test]
async fn an_idempotency_key_reused_after_retention_is_a_new_job() -> Result<()> {
    let stack = Stack::start(&["--parameter", "LeaseSeconds=2"]).await?;
    let mut client = stack.client("alice").await?;
    let mut frame = noop_query(json!({"steps": 3, "stepMs": 300, "text": 200, "keep": true}));
    frame["idempotencyKey"] = json!("monthly");
    client.send(frame.clone()).await?;
    let first = client.until("job_completed").await?;
    let job = first[0]["jobId"].as_str().context("no id")?.to_owned();

    let key = json!({"jobId": {"S": job}}).to_string();
    stack
        .aws(&[
            "dynamodb",
            "update-item",
            "--table-name",
            "longhaul-jobs",
            "--key",
            &key,
            "--update-expression",
            "SET #ttl = :past",
            "--expression-attribute-names",
            r##"{"#ttl":"ttl"}"##,
            "--expression-attribute-values",
            r#"{":past":{"N":"1"}}"#,
        ])
        .await?;
    // Its worker is killed at its first checkpoint, so that the next attempt looks for checkpoints.
    stack.set_faults(json!([{"service": "dynamodb", "operation": "TransactWriteItems", "caller": "longhaul-worker",
                             "number": 1, "effect": {"kill": "before"}}])).await?;
    frame["params"]["text"] = json!(90);
    client.send(frame).await?;
    let second = client.until("job_completed").await?;
    assert_eq!(second[0]["jobId"], job.as_str());
    assert_eq!(second.last().context("no end")?["usage"]["attempts"], 2);

    let follower = Follower::catch_up(&stack, "alice", &job).await?;
    let lines: Vec<_> = follower
        .text()
        .lines()
        .map(|line| (line.chars().next(), line.len()))
        .collect();
    assert_eq!(lines, [(Some('1'), 89), (Some('2'), 89), (Some('3'), 89)]);
    Ok(())
}
