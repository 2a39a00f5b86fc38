//! IAM roles: every action that a role allows is used by some call, and a call that a role does not allow is refused. The
//! embedded cloud enforces roles, so every other test shows that the roles suffice.

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use longhaul_local::permissions::RequiredPermission;
use longhaul_local::stack_spec::StackSpec;
use longhaul_local::template::{self, TemplateInputs};
use serde_json::{Value, json};

use crate::engine::unused_grants::unused_grants;
use crate::support::cli::repository_root;
use crate::support::client::Client;
use crate::support::frames::direct_message;
use crate::support::lost_disconnect::{lose_disconnect, take_lost_places};
use crate::support::stack::Stack;
use crate::support::tokens::token;
use crate::support::wait::{MAX_WAIT, wait_until};
use crate::support::wire_log::WireLog;

#[tokio::test]
async fn every_action_that_a_role_allows_is_used() -> Result<()> {
    let wire_log = WireLog::new()?;
    let options = [
        &wire_log.options()?[..],
        &["--parameter", "LeaseSeconds=5", "--tick-seconds", "2"],
        &[
            "--parameter",
            "MaxAttempts=3",
            "--parameter",
            "StrangerSeconds=10",
        ],
        &[
            "--parameter",
            "WorkerTimeoutSeconds=5",
            "--parameter",
            "ConnectionsPerUser=1",
        ],
        &["--parameter", "SubmitsPerSecond=0"],
        &["--parameter", "FanoutPage=1"],
    ];
    let stack = Stack::start(&options.concat()).await?;
    let _unauthenticated = Client::connect(&stack.gateway, None).await?;
    use_every_feature(&stack).await?;
    push_to_closed_connections(&stack).await?;
    use_topics(&stack).await?;
    lose_disconnect(&stack, stack.client("ivan").await?).await?;
    take_lost_places(&stack).await?;
    leave_work_for_the_sweep(&stack).await?;

    let spec = read_template()?;
    // A presigned URL allows what the role of its signer allows.
    let result = RequiredPermission {
        action: "s3:GetObject".to_owned(),
        resource: "arn:aws:s3:::longhaul-results-000000000000-us-east-1/results/x".to_owned(),
        prefix: None,
    };
    for name in ["longhaul-message", "longhaul-sweep", "longhaul-worker"] {
        let function = spec.functions.iter().find(|function| function.name == name);
        let grants = function.and_then(|function| function.grants.as_ref());
        let allowed = grants.is_some_and(|grants| grants.iter().any(|grant| grant.allows(&result)));
        ensure!(allowed, "{name} signs URLs of results that it may not read");
    }
    let waited = wait_until("every action is used", async || {
        Ok(unused_grants(&spec, &wire_log)?.is_empty())
    });
    if waited.await.is_err() {
        bail!(
            "allowed and never used: {:#?}",
            unused_grants(&spec, &wire_log)?
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_call_that_a_role_does_not_allow_is_refused() -> Result<()> {
    let template = std::fs::read_to_string(repository_root().join("cloudformation/template.yaml"))?;
    let allowed =
        "Action: [dynamodb:GetItem, dynamodb:PutItem, dynamodb:UpdateItem, dynamodb:BatchGetItem]";
    ensure!(template.contains(allowed), "the message function's role");
    let without = allowed.replace("dynamodb:PutItem, ", "");
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("template.yaml");
    std::fs::write(&path, template.replacen(allowed, &without, 1))?;
    let stack = Stack::start(&["--template", path.to_str().context("a path")?]).await?;
    let mut alice = stack.client("alice").await?;
    let answer = alice.request(job(json!({}))).await?;
    assert_eq!(answer["type"], "error", "{answer}");
    let inside = ["dynamodb", "arn:", "PutItem", "authorized"];
    let answer_text = answer.to_string();
    ensure!(
        !inside.iter().any(|word| answer_text.contains(word)),
        "{answer_text}"
    );
    ensure!(stack.log("message").contains("AccessDenied"));
    Ok(())
}

fn job(params: Value) -> Value {
    json!({"action": "query", "kind": "noop", "query": "q", "params": params})
}

/// Uses every feature of the front end without failures.
async fn use_every_feature(stack: &Stack) -> Result<()> {
    let mut alice = stack.client("alice").await?;
    for params in [
        json!({"steps": 2, "text": 20, "keep": true, "bytes": 5000}),
        json!({"bytes": 300_000}),
        // Longer than an invocation.
        json!({"steps": 8, "stepMs": 1000, "text": 20, "keep": true}),
    ] {
        let mut job = job(params);
        job["query"] = "q".repeat(20_000).into();
        let id = alice.submit(job).await?;
        ensure!(alice.until_end().await?["type"] == "job_completed");
        for action in ["getJob", "subscribe", "unsubscribe"] {
            alice.send(json!({"action": action, "jobId": id})).await?;
        }
    }
    // The worker sends its evidence to the dead-letter queue.
    alice.submit(job(json!({"fail": "retry"}))).await?;
    alice.until("job_failed").await?;
    alice.send(json!({"action": "listJobs"})).await?;
    alice.until("jobs").await?;
    hold_a_conversation(&mut alice).await?;
    send_direct_messages(stack, &mut alice).await?;
    ensure!(stack.client("alice").await.is_err(), "one connection each");
    let mut late = Client::connect(&stack.gateway, None).await?;
    for (user, answer) in [("alice", "error"), ("bob", "authenticated")] {
        let frame = json!({"action": "authenticate", "token": token(user)});
        ensure!(late.request(frame).await?["type"] == answer);
    }
    late.send(json!({"action": "listJobs"})).await?;
    late.until("jobs").await?;
    Ok(())
}

/// Sends more than a page of messages to a user who is not connected, and uses the admin actions.
async fn send_direct_messages(stack: &Stack, client: &mut Client) -> Result<()> {
    for n in 0..51 {
        client.send(direct_message("faye", &n.to_string())).await?;
        client.until("messageSent").await?;
    }
    let mut faye = stack.client("faye").await?;
    let mut ids = vec![];
    while ids.len() < 51 {
        let received = faye.until("message").await?.pop().context("nothing")?;
        ids.push(received["data"]["messageId"].clone());
    }
    let ack = json!({"action": "notificationAck", "data": {"notificationId": ids[0]}});
    faye.send(ack).await?;
    faye.until("ackConfirmed").await?;
    faye.send(json!({"action": "listNotifications"})).await?;
    faye.until("notifications").await?;
    drop(faye);
    // The connection authenticates by a frame, and is closed when the page is delivered.
    let gone = failing_push("longhaul-deliver", 410, "GoneException");
    stack.set_faults(json!([gone])).await?;
    let mut again = Client::connect(&stack.gateway, None).await?;
    // The close of the previous connection may not have been processed yet.
    let authenticate = json!({"action": "authenticate", "token": token("faye")});
    let authenticated = async {
        while again.request(authenticate.clone()).await?["type"] != "authenticated" {}
        Ok(())
    };
    let waited = tokio::time::timeout(MAX_WAIT, authenticated).await;
    waited.unwrap_or_else(|_| bail!("the previous connection was never removed"))?;
    // Until a push of the page has failed.
    stack.wait_for_first_fault().await?;
    stack.set_faults(json!([])).await?;

    let claims = json!({"sub": "root", "username": "root", "cognito:groups": ["admin"]});
    let mut root = stack.client_with_claims(&claims).await?;
    let own = root.request(json!({"action": "authenticate"})).await?;
    let id = &own["connectionId"];
    let row = json!({"connectionId": {"S": id}});
    let old = json!({":at": {"S": "2026-01-01T00:00:00.000Z"}}).to_string();
    let update = [
        "dynamodb",
        "update-item",
        "--table-name",
        "longhaul-connections",
    ];
    let expression = ["--update-expression", "SET lastActivity = :at"];
    let values = [
        "--key",
        &row.to_string(),
        "--expression-attribute-values",
        &old,
    ];
    stack
        .aws(&[&update[..], &expression, &values].concat())
        .await?;
    for (action, answer) in [
        ("listOpenJobs", "openJobs"),
        ("listDeadLetters", "deadLetters"),
    ] {
        root.send(json!({"action": action})).await?;
        root.until(answer).await?;
    }
    for (action, answer) in [
        ("listConnections", "connections"),
        ("cleanupConnections", "connectionsCleaned"),
        ("setStatus", "statusSet"),
    ] {
        let data = json!({"connectionId": id, "status": "CONNECTED"});
        root.send(json!({"action": action, "data": data})).await?;
        root.until(answer).await?;
    }
    root.send(json!({"action": "closeConnection", "data": {"connectionId": id}}))
        .await?;
    wait_until("it has closed itself", async || {
        Ok(stack
            .log("message")
            .contains("an admin closes a connection"))
    })
    .await
}

/// Sends two turns, so that the second waits for the first, and a voice message.
async fn hold_a_conversation(client: &mut Client) -> Result<()> {
    client.send(json!({"action": "startSession"})).await?;
    client.until("sessionStarted").await?;
    let message_frame = |steps: u32| {
        json!({"action": "sendMessage", "message": "q", "kind": "noop",
            "params": {"steps": steps, "stepMs": 500, "text": 6}})
    };
    client.send(message_frame(4)).await?;
    client.send(message_frame(1)).await?;
    for _ in 0..2 {
        client.until("complete").await?;
    }
    for action in ["listSessions", "getSession"] {
        client.send(json!({"action": action})).await?;
    }
    let own = client.until("session").await?.pop().context("no answer")?;
    // A voice message.
    let id = own["session"]["sessionId"].clone();
    for (action, answer) in [
        ("voice_start", "voice_started"),
        ("voice_data", "voice_ack"),
        ("voice_end", "text_response"),
    ] {
        let data = json!({"sessionId": id, "format": "pcm", "audio": "AAAA", "index": 0});
        client.send(json!({"type": action, "data": data})).await?;
        client.until(answer).await?;
    }
    Ok(())
}

/// Makes functions push to closed connections.
async fn push_to_closed_connections(stack: &Stack) -> Result<()> {
    for caller in ["longhaul-message", "longhaul-worker"] {
        let gone = failing_push(caller, 410, "GoneException");
        stack.set_faults(json!([gone])).await?;
        // A user each, as the close of the previous connection may not have been processed yet.
        let mut carol = stack.client(&format!("of {caller}")).await?;
        carol.send(job(json!({}))).await?;
        // Until a push was answered with 410.
        stack.wait_for_first_fault().await?;
    }
    stack.set_faults(json!([])).await
}

/// A room, messages in it, a notification to a user, and subscribers whose connections are closed.
async fn use_topics(stack: &Stack) -> Result<()> {
    let mut frank = stack.client("frank").await?;
    let join = json!({"action": "subscribe", "topic": "room:x"});
    let joined = frank.request(join.clone()).await?;
    frank.request(join.clone()).await?;
    let end = json!({"action": "unsubscribe", "subscriptionId": joined["data"]["subscriptionId"]});
    ensure!(frank.request(end).await?["type"] == "unsubscribed");
    let data = json!({"recipientId": "room:x", "content": "hello"});
    frank
        .send(json!({"action": "sendMessage", "data": data}))
        .await?;
    frank.until("message").await?;
    let note = json!({"userId": "frank", "type": "note"});
    stack.publish(&note).await?;
    frank.until("note").await?;
    let mut leaves = stack.client("gina").await?;
    leaves.request(join.clone()).await?;
    drop(leaves);
    let message_frame = json!({"topic": "room:x", "type": "note"});
    // A subscriber whose token expires before the publication.
    let claims = json!({"sub": "hana", "exp": Timestamp::now().as_second() - 25});
    let mut expiring = stack.client_with_claims(&claims).await?;
    expiring.request(join).await?;
    expiring.until_token_expired().await?;
    for (caller, message) in [
        ("longhaul-publish", note),
        ("longhaul-fanout", message_frame),
    ] {
        stack
            .set_faults(json!([failing_push(caller, 410, "GoneException")]))
            .await?;
        stack.publish(&message).await?;
        // Until a push was answered with 410.
        stack.wait_for_first_fault().await?;
    }
    stack.set_faults(json!([])).await
}

/// Leaves for the sweep: a job that was not queued, ends that were not pushed, and evidence that was not sent.
async fn leave_work_for_the_sweep(stack: &Stack) -> Result<()> {
    let mut dora = stack.client("dora").await?;
    let streams = dora
        .submit(job(json!({"steps": 600, "stepMs": 100, "text": 20})))
        .await?;
    dora.until("chunk").await?;
    // It ends when no push succeeds any more, with a result that the sweep reads again to push it.
    dora.submit(job(json!({"steps": 30, "stepMs": 100, "bytes": 5000})))
        .await?;
    let rules = json!([
        failing_push("longhaul-message", 500, "InternalServerError"),
        failing_push("longhaul-worker", 500, "InternalServerError"),
        {"caller": "longhaul-sweep", "service": "execute-api", "operation": "PostToConnection",
            "number": 1, "effect": {"fail": {"status": 410, "code": "GoneException"}}},
        {"caller": "longhaul-worker", "service": "sqs", "operation": "SendMessage",
            "effect": {"fail": {"status": 500, "code": "InternalError"}}},
        {"caller": "longhaul-message", "service": "sqs", "operation": "SendMessage",
            "number": 1, "effect": {"kill": "before"}},
    ]);
    // Its end is not pushed, so the sweep ends the turn again while the next one runs.
    let mut eve = stack.client("eve").await?;
    let turn = |steps: u32| json!({"action": "chat_message", "message": "q", "kind": "noop", "params": {"steps": steps, "stepMs": 100}});
    eve.send(turn(20)).await?;
    eve.until("typing_indicator").await?;
    eve.send(turn(600)).await?;
    eve.until("typing_indicator").await?;
    stack.set_faults(rules).await?;
    dora.send(json!({"action": "cancel", "jobId": streams}))
        .await?;
    for params in [json!({}), json!({"fail": "retry"})] {
        dora.send(job(params)).await?;
    }
    Ok(())
}

fn failing_push(caller: &str, status: u16, code: &str) -> Value {
    json!({"caller": caller, "service": "execute-api", "operation": "PostToConnection",
        "effect": {"fail": {"status": status, "code": code}}})
}

/// The project's template, as the stack reads it.
fn read_template() -> Result<StackSpec> {
    let text = std::fs::read_to_string(repository_root().join("cloudformation/template.yaml"))?;
    let secrets = template::generated_secrets("template.yaml", &text)?;
    let inputs = TemplateInputs {
        secrets: secrets.into_iter().map(|id| (id, String::new())).collect(),
        ..TemplateInputs::default()
    };
    Ok(template::resolve("template.yaml", &text, &inputs)?)
}
