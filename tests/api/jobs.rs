//! Jobs as a front-end developer tries them first: many at once, dropped sockets, second tabs,
//! repeated submits, large questions and answers.

use crate::support::follower::Follower;
use crate::support::stack::Stack;
use anyhow::{Context, Result};
use serde_json::{Value, json};

fn noop(params: Value) -> Value {
    json!({"action": "query", "kind": "noop", "query": "nothing", "params": params})
}

#[tokio::test]
async fn each_step_of_a_job_is_told_in_order() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut client = stack.client("alice").await?;
    client
        .send(noop(json!({"steps": 4, "bytes": 2048})))
        .await?;
    let events = client.until("job_completed").await?;
    let told: Vec<(u64, u64)> = events
        .iter()
        .filter_map(|event| Some((event["seq"].as_u64()?, event["progress"].as_u64()?)))
        .collect();
    assert_eq!(told, [(1, 5), (2, 5), (3, 20), (4, 40), (5, 60), (6, 80)]);
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
        .submit(noop(json!({"steps": 80, "stepMs": 100})))
        .await?;
    let row = stack.row(&job).await?;
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

    // Both hold the same state in the end, whenever they came.
    let ends = [second.until_end().await?, tab.until_end().await?];
    assert_eq!(ends[0], ends[1]);
    assert_eq!(ends[0]["type"], "job_completed");

    // Asked after the end, the answer itself holds it, and nobody follows what is over.
    second.send(subscribe(1)).await?;
    let late = second
        .until("subscribed")
        .await?
        .pop()
        .context("no answer")?;
    assert_eq!(
        late["events"].as_array().context("no events")?.last(),
        Some(&ends[0])
    );
    assert_eq!(late["head"], ends[0]["seq"]);
    let applied = late["head"].as_u64().context("no head")?;
    assert_eq!(second.ask(subscribe(applied)).await?["events"], json!([]));

    // Who was found gone is forgotten: as a follower and as a connection, and nobody else is.
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
    assert!(left["Item"].is_null(), "{left}");
    assert_eq!(
        stack.row(&job).await?["followers"]["SS"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    let scan = stack
        .aws(&["dynamodb", "scan", "--table-name", "longhaul-connections"])
        .await?;
    // The third is the row of the user, who has submitted.
    assert_eq!(scan["Count"], 3);
    Ok(())
}

#[tokio::test]
async fn at_most_32_connections_follow_one_job() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut first = stack.client("alice").await?;
    let job = first
        .submit(noop(json!({"steps": 1000, "stepMs": 1000})))
        .await?;
    let subscribe = json!({"action": "subscribe", "jobId": job});
    let mut others = vec![];
    for _ in 1..32 {
        let mut other = stack.client("alice").await?;
        other.send(subscribe.clone()).await?;
        other.until("subscribed").await?;
        others.push(other);
    }
    let mut one_too_many = stack.client("alice").await?;
    let refused = one_too_many.ask(subscribe.clone()).await?;
    assert_eq!(refused["data"]["code"], "RATE_LIMIT_EXCEEDED");
    assert!(refused["retryAfter"].is_u64());
    // Who follows already is not one more; and who stops makes room.
    others[0].send(subscribe.clone()).await?;
    others[0].until("subscribed").await?;
    others[1]
        .send(json!({"action": "unsubscribe", "jobId": job}))
        .await?;
    others[1].until("unsubscribed").await?;
    assert_eq!(one_too_many.ask(subscribe).await?["type"], "subscribed");
    Ok(())
}

#[tokio::test]
async fn who_unsubscribes_hears_no_more() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let mut client = stack.client("alice").await?;
    let job = client
        .submit(noop(json!({"steps": 5, "stepMs": 200})))
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
    let heard = client.until("pong").await?;
    assert!(
        heard.iter().all(|frame| frame["type"] != "job_completed"),
        "{heard:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_hundred_parallel_submits_under_one_key_are_one_job() -> Result<()> {
    let stack = Stack::start(&["--parameter", "SubmitsPerSecond=0"]).await?;
    let mut client = stack.client("alice").await?;
    let mut frame = noop(json!({}));
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
            .ask(json!({"action": "listJobs"}))
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
        .ask(json!({"action": "getJob", "jobId": job}))
        .await?;
    assert_eq!(
        (&read["job"]["query"], &read["job"]["result"]),
        (&json!(query), result)
    );
    let row = stack.row(job).await?;
    assert!(
        row.to_string().len() < 2048,
        "an ended row stays small: {row}"
    );
    Ok(())
}

#[tokio::test]
async fn a_user_sees_their_own_jobs_and_nobody_elses() -> Result<()> {
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
            .ask(json!({"action": "listJobs", "status": "completed", "limit": 2, "cursor": cursor}))
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
            .ask(json!({"action": "listJobs", "status": "failed"}))
            .await?["jobs"],
        json!([])
    );

    // Another's job and an unknown one are told apart by nothing but the id that was asked for.
    let mut mallory = stack.client("mallory").await?;
    assert_eq!(
        mallory.ask(json!({"action": "listJobs"})).await?["jobs"],
        json!([])
    );
    let unknown = "0190c6f3-0000-7000-8000-000000000001";
    for action in ["getJob", "subscribe", "unsubscribe"] {
        let mut of_alice = mallory
            .ask(json!({"action": action, "jobId": jobs[0]}))
            .await?;
        let mut of_nobody = mallory
            .ask(json!({"action": action, "jobId": unknown}))
            .await?;
        for answer in [&mut of_alice, &mut of_nobody] {
            let told = answer.to_string();
            assert!(action == "unsubscribe" || told.contains("gone"), "{told}");
            answer["jobId"].take();
            answer["job"]["jobId"].take();
            answer["timestamp"].take();
        }
        assert_eq!(of_alice, of_nobody, "{action}");
    }
    Ok(())
}

#[tokio::test]
async fn a_key_used_again_past_the_retention_is_a_job_of_its_own() -> Result<()> {
    let stack = Stack::start(&["--parameter", "LeaseSeconds=2"]).await?;
    let mut client = stack.client("alice").await?;
    let mut frame = noop(json!({"steps": 3, "stepMs": 300, "text": 200, "keep": true}));
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
    // The second is killed once its first step is kept, so that it looks for what was kept.
    stack.set_faults(json!([{"service": "dynamodb", "operation": "TransactWriteItems", "caller": "longhaul-worker",
                             "number": 1, "effect": {"kill": "before"}}])).await?;
    frame["params"]["text"] = json!(90);
    client.send(frame).await?;
    let second = client.until("job_completed").await?;
    assert_eq!(second[0]["jobId"], job.as_str());
    assert_eq!(second.last().context("no end")?["usage"]["attempts"], 2);

    let follower = Follower::afresh(&stack, "alice", &job).await?;
    let lines: Vec<_> = follower
        .text()
        .lines()
        .map(|line| (line.chars().next(), line.len()))
        .collect();
    assert_eq!(lines, [(Some('1'), 89), (Some('2'), 89), (Some('3'), 89)]);
    Ok(())
}
