//! What admins do about jobs: everybody's in their tenant, listed, looked at, ended and run again; and what
//! nobody else does.

use crate::api::admin_connections::admin;
use crate::api::direct_messages::{client_with, refused};
use crate::operators::dead_letters::{ONE_TRY, dlq, doomed, listed};
use crate::support::client::Client;
use crate::support::stack::{Stack, longhaul};
use crate::support::transcript::Transcript;
use crate::{PATIENCE, until};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

fn slow() -> Value {
    json!({"action": "query", "kind": "noop", "query": "slow", "params": {"steps": 1, "stepMs": 60_000}})
}

fn of(job: &str) -> [Value; 3] {
    ["getJob", "subscribe", "cancel"].map(|action| json!({"action": action, "jobId": job}))
}

/// What made a job fail is mended: it has a second try.
async fn with_another_try(stack: &mut Stack) -> Result<()> {
    stack.kill().await?;
    stack.restart_with(&["--parameter", "MaxAttempts=2"]).await
}

/// The dead letters, once there are so many.
async fn letters(root: &mut Client, count: usize) -> Result<Value> {
    let wait = async {
        loop {
            root.send(json!({"action": "listDeadLetters"})).await?;
            let heard = root.until("deadLetters").await?.pop();
            let heard = heard.context("no answer")?;
            if heard["deadLetters"].as_array().map(Vec::len) == Some(count) {
                return Ok(heard);
            }
        }
    };
    let waited = tokio::time::timeout(PATIENCE, wait).await;
    waited.with_context(|| format!("there were never {count} dead letters"))?
}

#[tokio::test]
async fn an_admin_sees_ends_and_replays_the_jobs_of_others() -> Result<()> {
    let mut stack = Stack::start(&ONE_TRY).await?;
    let mut root = client_with(&stack, admin(None)).await?;
    let mut alice = stack.client("alice").await?;
    let running = alice.submit(slow()).await?;
    let mut shown = Transcript::new(
        "overseeing",
        "What admins do about the jobs of others: who is in the group `admin`.",
    );
    shown.note("What is open, oldest first.");
    until("it runs", async || {
        Ok(stack.row(&running).await?["status"]["S"] == "processing")
    })
    .await?;
    let asked = json!({"action": "listOpenJobs", "data": {"status": "queued"}});
    shown.ask("root", &mut root, asked, "openJobs").await?;
    let open = root.ask(json!({"action": "listOpenJobs"})).await?;
    assert_eq!(
        (
            &open["jobs"][0]["jobId"],
            &open["jobs"][0]["userId"],
            &open["more"]
        ),
        (&json!(running), &json!("alice"), &json!(false)),
        "{open}"
    );
    shown
        .note("A job is followed and ended as its owner would; who has ended it, its owner hears.");
    let [_, _, cancel] = of(&running);
    let follow = json!({"action": "subscribe", "jobId": running});
    root.ask(follow).await?;
    shown.send("root", &mut root, cancel).await?;
    for (who, client) in [("root", &mut root), ("alice", &mut alice)] {
        let ended = |frame: &Value| frame["type"] == "job_cancelled";
        shown.until(who, client, ended).await?;
    }
    shown.note("A user's jobs, newest first.");
    let list = json!({"action": "listJobs", "userId": "alice"});
    shown.ask("root", &mut root, list, "jobs").await?;

    shown.note("What failed for good, and what a replay would do about it.");
    let dead = alice
        .submit(doomed(json!({"steps": 0, "fail": "retry", "failures": 1})))
        .await?;
    ensure!(alice.until_end().await?["type"] == "job_failed");
    letters(&mut root, 1).await?;
    let list = json!({"action": "listDeadLetters"});
    shown.ask("root", &mut root, list, "deadLetters").await?;
    shown.note("Replayed, it runs again, and its letter is gone.");
    with_another_try(&mut stack).await?;
    let mut root = client_with(&stack, admin(None)).await?;
    let mut alice = stack.client("alice").await?;
    let replay = json!({"action": "replayJob", "data": {"jobId": dead}});
    shown
        .ask("root", &mut root, replay.clone(), "jobReplayed")
        .await?;
    alice.until_job_is(&dead, "completed").await?;
    letters(&mut root, 0).await?;
    shown.note("Once: there is nothing to be done about it any more.");
    shown
        .ask("root", &mut root, replay.clone(), "jobReplayed")
        .await?;
    shown.note("Nobody else may.");
    let mut bob = stack.client("bob").await?;
    for frame in [
        json!({"action": "listOpenJobs"}),
        json!({"action": "listJobs", "userId": "alice"}),
        json!({"action": "listDeadLetters"}),
        replay,
    ] {
        let error = shown.ask("bob", &mut bob, frame, "error").await?;
        assert_eq!(error["data"]["code"], "AUTHORIZATION_ERROR", "{error}");
    }
    // Whoever says who they are asks for their own.
    let own = json!({"action": "listJobs", "userId": "bob"});
    assert_eq!(bob.ask(own).await?["jobs"], json!([]));
    shown.compare()
}

#[tokio::test]
async fn an_admin_of_one_tenant_sees_nothing_of_another() -> Result<()> {
    let stack = Stack::start(&ONE_TRY).await?;
    let mut root = client_with(&stack, admin(Some("acme"))).await?;
    let tenant = |name: &str| json!({"sub": "alice", "username": "alice", "tenant": name});
    let mut ours = client_with(&stack, tenant("acme")).await?;
    let mut others = client_with(&stack, tenant("other")).await?;
    let mut open = vec![];
    let mut dead = vec![];
    for client in [&mut ours, &mut others] {
        open.push(client.submit(slow()).await?);
        dead.push(client.submit(doomed(json!({"fail": "retry"}))).await?);
        client.until("job_failed").await?;
    }
    listed(&stack, 2).await?;
    let frame = root.ask(json!({"action": "listOpenJobs"})).await?;
    let ids: Vec<&Value> = frame["jobs"]
        .as_array()
        .context("no list")?
        .iter()
        .collect();
    ensure!(ids.len() == 1 && ids[0]["jobId"] == open[0], "{frame}");
    let found = letters(&mut root, 1).await?;
    assert_eq!(found["deadLetters"][0]["jobId"], dead[0], "{found}");
    let of_alice = json!({"action": "listJobs", "userId": "alice"});
    let jobs = root.ask(of_alice).await?;
    assert_eq!(jobs["jobs"].as_array().map(Vec::len), Some(2), "{jobs}");

    // Another tenant's are as unknown as none, to the word.
    for job in [open[1].as_str(), "0190c6f3-0000-7000-8000-000000000001"] {
        let [get, subscribe, cancel] = of(job);
        for frame in [get, cancel] {
            let answer = root.ask(frame).await?;
            assert_eq!(answer["job"], json!({"jobId": job, "status": "gone"}));
        }
        assert_eq!(root.ask(subscribe).await?["mode"], "gone");
        let replay = json!({"action": "replayJob", "jobId": job});
        assert_eq!(refused(&mut root, replay).await?, "NOT_FOUND");
    }
    // What it looked at others find again, and another's letter is where it was.
    let replay = json!({"action": "replayJob", "jobId": dead[0]});
    let replayed = root.ask(replay).await?;
    assert_eq!(replayed["data"]["letters"], 1, "{replayed}");
    ours.until("job_failed").await?;
    let (_, list) = dlq(&stack, &["list", "--job", &dead[1]]).await?;
    assert_eq!(list["entries"][0]["do"], "replay", "{list}");
    Ok(())
}

#[tokio::test]
async fn ten_impatient_admins_replay_a_job_once() -> Result<()> {
    let mut stack = Stack::start(&ONE_TRY).await?;
    let mut alice = stack.client("alice").await?;
    let dead = alice
        .submit(doomed(json!({"fail": "retry", "failures": 1})))
        .await?;
    ensure!(alice.until_end().await?["type"] == "job_failed");
    listed(&stack, 1).await?;
    with_another_try(&mut stack).await?;
    let mut admins = vec![];
    for _ in 0..10 {
        admins.push(client_with(&stack, admin(None)).await?);
    }
    for root in &mut admins {
        root.send(json!({"action": "replayJob", "jobId": dead}))
            .await?;
    }
    let mut did = vec![];
    for root in &mut admins {
        let answer = root.until("jobReplayed").await?.pop().context("none")?;
        did.push(answer["data"]["did"].clone());
    }
    let replays = did.iter().filter(|did| **did == "replay").count();
    assert_eq!(replays, 1, "{did:?}");
    let mut alice = stack.client("alice").await?;
    alice.until_job_is(&dead, "completed").await?;
    assert_eq!(stack.row(&dead).await?["replays"]["N"], "1");
    Ok(())
}

#[tokio::test]
async fn a_development_token_is_an_admins_if_that_is_asked_for() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let data = stack.data().to_str().context("a path")?;
    let plain = ["token", "--user", "root", "--data", data];
    for (asked, answer) in [
        (plain.to_vec(), "error"),
        ([&plain[..], &["--admin"]].concat(), "openJobs"),
    ] {
        let printed = longhaul(&asked).await?;
        let token = String::from_utf8(printed.stdout)?;
        let url = format!("{}/?token={}", stack.gateway, token.trim());
        let mut root = Client::connect(&url, None).await?;
        let answered = root.ask(json!({"action": "listOpenJobs"})).await?;
        assert_eq!(answered["type"], answer, "{answered}");
    }
    Ok(())
}
