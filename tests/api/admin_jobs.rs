//! Admin actions on the jobs of their tenant: list, read, cancel and replay. Nobody else may use them.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::support::cli::longhaul;
use crate::support::client::Client;
use crate::support::dead_letters::{ONE_ATTEMPT, dlq, failing_job, wait_for_dead_letters};
use crate::support::stack::Stack;
use crate::support::tokens::admin_claims;
use crate::support::transcript::Transcript;
use crate::support::wait::{MAX_WAIT, wait_until};

fn slow() -> Value {
    json!({"action": "query", "kind": "noop", "query": "slow", "params": {"steps": 1, "stepMs": 60_000}})
}

fn frames_about(job: &str) -> [Value; 3] {
    ["getJob", "subscribe", "cancel"].map(|action| json!({"action": action, "jobId": job}))
}

/// Allows a second attempt, so that a job that failed at its first can complete.
async fn restart_with_two_attempts(stack: &mut Stack) -> Result<()> {
    stack.kill().await?;
    stack
        .restart_with_options(&["--parameter", "MaxAttempts=2"])
        .await
}

/// Polls `listDeadLetters` until there are `count` of them; returns the answer.
async fn wait_for_letters(root: &mut Client, count: usize) -> Result<Value> {
    let wait = async {
        loop {
            root.send(json!({"action": "listDeadLetters"})).await?;
            let answer = root.until("deadLetters").await?.pop();
            let answer = answer.context("no answer")?;
            if answer["deadLetters"].as_array().map(Vec::len) == Some(count) {
                return Ok(answer);
            }
        }
    };
    let waited = tokio::time::timeout(MAX_WAIT, wait).await;
    waited.with_context(|| format!("there were never {count} dead letters"))?
}

#[tokio::test]
async fn an_admin_lists_cancels_and_replays_jobs_of_other_users() -> Result<()> {
    let mut stack = Stack::start(&ONE_ATTEMPT).await?;
    let mut root = stack.client_with_claims(&admin_claims(None)).await?;
    let mut alice = stack.client("alice").await?;
    let running = alice.submit(slow()).await?;
    let mut transcript = Transcript::new(
        "admin_jobs",
        "Admin actions on jobs: for members of the group `admin`.",
    );
    transcript.note("Open jobs, oldest first.");
    wait_until("it runs", async || {
        Ok(stack.job_row(&running).await?["status"]["S"] == "processing")
    })
    .await?;
    let arguments = json!({"action": "listOpenJobs", "data": {"status": "queued"}});
    transcript
        .request("root", &mut root, arguments, "openJobs")
        .await?;
    let open = root.request(json!({"action": "listOpenJobs"})).await?;
    assert_eq!(
        (
            &open["jobs"][0]["jobId"],
            &open["jobs"][0]["userId"],
            &open["more"]
        ),
        (&json!(running), &json!("alice"), &json!(false)),
        "{open}"
    );
    transcript
        .note("An admin follows and cancels a job as its owner would. The owner's event names who cancelled it.");
    let [_, _, cancel] = frames_about(&running);
    let follow = json!({"action": "subscribe", "jobId": running});
    root.request(follow).await?;
    transcript.send("root", &mut root, cancel).await?;
    for (who, client) in [("root", &mut root), ("alice", &mut alice)] {
        let ended = |frame: &Value| frame["type"] == "job_cancelled";
        transcript.until(who, client, ended).await?;
    }
    transcript.note("A user's jobs, newest first.");
    let list = json!({"action": "listJobs", "userId": "alice"});
    transcript.request("root", &mut root, list, "jobs").await?;

    transcript.note("Failed jobs, and what a replay would do with each.");
    let failed = alice
        .submit(failing_job(
            json!({"steps": 0, "fail": "retry", "failures": 1}),
        ))
        .await?;
    ensure!(alice.until_end().await?["type"] == "job_failed");
    wait_for_letters(&mut root, 1).await?;
    let list = json!({"action": "listDeadLetters"});
    transcript
        .request("root", &mut root, list, "deadLetters")
        .await?;
    transcript.note("A replayed job runs again, and its dead letter is deleted.");
    restart_with_two_attempts(&mut stack).await?;
    let mut root = stack.client_with_claims(&admin_claims(None)).await?;
    let mut alice = stack.client("alice").await?;
    let replay = json!({"action": "replayJob", "data": {"jobId": failed}});
    transcript
        .request("root", &mut root, replay.clone(), "jobReplayed")
        .await?;
    alice.until_job_is(&failed, "completed").await?;
    wait_for_letters(&mut root, 0).await?;
    transcript.note("A second replay changes nothing.");
    transcript
        .request("root", &mut root, replay.clone(), "jobReplayed")
        .await?;
    transcript.note("Nobody else may use these actions.");
    let mut bob = stack.client("bob").await?;
    for frame in [
        json!({"action": "listOpenJobs"}),
        json!({"action": "listJobs", "userId": "alice"}),
        json!({"action": "listDeadLetters"}),
        replay,
    ] {
        let error = transcript.request("bob", &mut bob, frame, "error").await?;
        assert_eq!(error["data"]["code"], "AUTHORIZATION_ERROR", "{error}");
    }
    // A user who names their own id lists their own jobs.
    let own = json!({"action": "listJobs", "userId": "bob"});
    assert_eq!(bob.request(own).await?["jobs"], json!([]));
    transcript.compare()
}

#[tokio::test]
async fn an_admin_of_one_tenant_sees_nothing_of_another() -> Result<()> {
    let stack = Stack::start(&ONE_ATTEMPT).await?;
    let mut root = stack
        .client_with_claims(&admin_claims(Some("acme")))
        .await?;
    let tenant = |name: &str| json!({"sub": "alice", "username": "alice", "tenant": name});
    let mut ours = stack.client_with_claims(&tenant("acme")).await?;
    let mut others = stack.client_with_claims(&tenant("other")).await?;
    let mut open = vec![];
    let mut failed = vec![];
    for client in [&mut ours, &mut others] {
        open.push(client.submit(slow()).await?);
        failed.push(client.submit(failing_job(json!({"fail": "retry"}))).await?);
        client.until("job_failed").await?;
    }
    wait_for_dead_letters(&stack, 2).await?;
    let frame = root.request(json!({"action": "listOpenJobs"})).await?;
    let ids: Vec<&Value> = frame["jobs"]
        .as_array()
        .context("no list")?
        .iter()
        .collect();
    ensure!(ids.len() == 1 && ids[0]["jobId"] == open[0], "{frame}");
    let found = wait_for_letters(&mut root, 1).await?;
    assert_eq!(found["deadLetters"][0]["jobId"], failed[0], "{found}");
    let of_alice = json!({"action": "listJobs", "userId": "alice"});
    let jobs = root.request(of_alice).await?;
    assert_eq!(jobs["jobs"].as_array().map(Vec::len), Some(2), "{jobs}");

    // Another tenant's job is indistinguishable from an unknown one.
    for job in [open[1].as_str(), "0190c6f3-0000-7000-8000-000000000001"] {
        let [get, subscribe, cancel] = frames_about(job);
        for frame in [get, cancel] {
            let answer = root.request(frame).await?;
            assert_eq!(answer["job"], json!({"jobId": job, "status": "gone"}));
        }
        assert_eq!(root.request(subscribe).await?["mode"], "gone");
        let replay = json!({"action": "replayJob", "jobId": job});
        assert_eq!(root.error_code(replay).await?, "NOT_FOUND");
    }
    // Letters that were read stay for others, and those of another tenant stay on the queue.
    let replay = json!({"action": "replayJob", "jobId": failed[0]});
    let replayed = root.request(replay).await?;
    assert_eq!(replayed["data"]["letters"], 1, "{replayed}");
    ours.until("job_failed").await?;
    let (_, list) = dlq(&stack, &["list", "--job", &failed[1]]).await?;
    assert_eq!(list["entries"][0]["do"], "replay", "{list}");
    Ok(())
}

#[tokio::test]
async fn ten_concurrent_replays_start_a_job_once() -> Result<()> {
    let mut stack = Stack::start(&ONE_ATTEMPT).await?;
    let mut alice = stack.client("alice").await?;
    let failed = alice
        .submit(failing_job(json!({"fail": "retry", "failures": 1})))
        .await?;
    ensure!(alice.until_end().await?["type"] == "job_failed");
    wait_for_dead_letters(&stack, 1).await?;
    restart_with_two_attempts(&mut stack).await?;
    let mut admins = vec![];
    for _ in 0..10 {
        admins.push(stack.client_with_claims(&admin_claims(None)).await?);
    }
    for root in &mut admins {
        root.send(json!({"action": "replayJob", "jobId": failed}))
            .await?;
    }
    let mut results = vec![];
    for root in &mut admins {
        let answer = root.until("jobReplayed").await?.pop().context("none")?;
        results.push(answer["data"]["did"].clone());
    }
    let replays = results
        .iter()
        .filter(|results| **results == "replay")
        .count();
    assert_eq!(replays, 1, "{results:?}");
    let mut alice = stack.client("alice").await?;
    alice.until_job_is(&failed, "completed").await?;
    assert_eq!(stack.job_row(&failed).await?["replays"]["N"], "1");
    Ok(())
}

#[tokio::test]
async fn a_development_token_is_an_admins_with_the_option_admin() -> Result<()> {
    let stack = Stack::start(&[]).await?;
    let data = stack.data_path()?;
    let plain = ["token", "--user", "root", "--data", data];
    for (arguments, answer) in [
        (plain.to_vec(), "error"),
        ([&plain[..], &["--admin"]].concat(), "openJobs"),
    ] {
        let printed = longhaul(&arguments).await?;
        let token = String::from_utf8(printed.stdout)?;
        let url = format!("{}/?token={}", stack.gateway, token.trim());
        let mut root = Client::connect(&url, None).await?;
        let answered = root.request(json!({"action": "listOpenJobs"})).await?;
        assert_eq!(answered["type"], answer, "{answered}");
    }
    Ok(())
}
