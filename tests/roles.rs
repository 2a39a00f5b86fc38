//! Roles against use: what the functions did on one long journey, beside what their roles allow.
//!
//! That nothing they do is refused, every other journey shows as well: the small cloud refuses it.

use std::collections::BTreeSet;
use std::path::Path;

use crate::client::Client;
use crate::messages::{client_with, message};
use crate::stack::{Stack, root, token};
use crate::{PATIENCE, until};
use anyhow::{Context, Result, bail, ensure};
use longhaul_local::permissions::RequiredPermission;
use longhaul_local::stack_spec::{Grant, StackSpec};
use longhaul_local::template::{self, TemplateInputs};
use serde_json::{Value, json};

/// What AWS does with a role on the function's behalf, or a browser with a URL that the role has signed:
/// no call of the function's own shows it.
const NOT_ON_THE_WIRE: [&str; 6] = [
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "s3:GetObject",
];

#[tokio::test]
async fn every_action_that_a_role_allows_is_used() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("wire.log");
    let options = [
        &["--wire-log", log.to_str().context("a path")?][..],
        &["--parameter", "LeaseSeconds=5", "--tick-seconds", "2"],
        &["--parameter", "MaxAttempts=3"],
        &["--parameter", "StrangerSeconds=10"],
        &["--parameter", "WorkerTimeoutSeconds=5"],
        &["--parameter", "ConnectionsPerUser=1"],
        &["--parameter", "SubmitsPerSecond=0"],
        &["--parameter", "FanoutPage=1"],
    ];
    let stack = Stack::start(&options.concat()).await?;
    let _stranger = Client::connect(&stack.gateway, None).await?;
    smoothly(&stack).await?;
    past_the_gone(&stack).await?;
    on_topics(&stack).await?;
    by_the_sweep(&stack).await?;

    let spec = spec()?;
    // A URL that a function signs is good for what its role allows, whoever follows it.
    let result = RequiredPermission {
        action: "s3:GetObject".to_owned(),
        resource: "arn:aws:s3:::longhaul-results-000000000000-us-east-1/results/x".to_owned(),
    };
    for name in ["longhaul-message", "longhaul-sweep", "longhaul-worker"] {
        let function = spec.functions.iter().find(|function| function.name == name);
        let grants = function.and_then(|function| function.grants.as_ref());
        let allowed = grants.is_some_and(|grants| grants.iter().any(|grant| grant.allows(&result)));
        ensure!(allowed, "{name} signs URLs of results that it may not read");
    }
    let waited = until("every action is used", async || {
        Ok(unused(&spec, &log)?.is_empty())
    });
    if waited.await.is_err() {
        bail!("allowed and never used: {:#?}", unused(&spec, &log)?);
    }
    Ok(())
}

#[tokio::test]
async fn a_function_that_does_what_its_role_does_not_allow_is_refused() -> Result<()> {
    let template = std::fs::read_to_string(root().join("cloudformation/template.yaml"))?;
    let allowed =
        "Action: [dynamodb:GetItem, dynamodb:PutItem, dynamodb:UpdateItem, dynamodb:BatchGetItem]";
    ensure!(template.contains(allowed), "the message function's role");
    let without = allowed.replace("dynamodb:PutItem, ", "");
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("template.yaml");
    std::fs::write(&path, template.replacen(allowed, &without, 1))?;
    let stack = Stack::start(&["--template", path.to_str().context("a path")?]).await?;
    let mut alice = stack.client("alice").await?;
    let answer = alice.ask(job(json!({}))).await?;
    assert_eq!(answer["type"], "error", "{answer}");
    let inside = ["dynamodb", "arn:", "PutItem", "authorized"];
    let told = answer.to_string();
    ensure!(!inside.iter().any(|word| told.contains(word)), "{told}");
    ensure!(stack.log("message").contains("AccessDenied"));
    Ok(())
}

fn job(params: Value) -> Value {
    json!({"action": "query", "kind": "noop", "query": "q", "params": params})
}

/// What front ends do on a good day.
async fn smoothly(stack: &Stack) -> Result<()> {
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
    // Its evidence is the worker's to send.
    alice.submit(job(json!({"fail": "retry"}))).await?;
    alice.until("job_failed").await?;
    alice.send(json!({"action": "listJobs"})).await?;
    alice.until("jobs").await?;
    converse(&mut alice).await?;
    correspond(stack, &mut alice).await?;
    ensure!(stack.client("alice").await.is_err(), "one connection each");
    let mut late = Client::connect(&stack.gateway, None).await?;
    for (user, answer) in [("alice", "error"), ("bob", "authenticated")] {
        let frame = json!({"action": "authenticate", "token": token(user)});
        ensure!(late.ask(frame).await?["type"] == answer);
    }
    late.send(json!({"action": "listJobs"})).await?;
    late.until("jobs").await?;
    Ok(())
}

/// Messages to somebody who is not there, more than a page of them; and what an admin does.
async fn correspond(stack: &Stack, client: &mut Client) -> Result<()> {
    for n in 0..51 {
        client.send(message("faye", &n.to_string())).await?;
        client.until("messageSent").await?;
    }
    let mut faye = stack.client("faye").await?;
    let mut ids = vec![];
    while ids.len() < 51 {
        let heard = faye.until("message").await?.pop().context("nothing")?;
        ids.push(heard["data"]["messageId"].clone());
    }
    let ack = json!({"action": "notificationAck", "data": {"notificationId": ids[0]}});
    faye.send(ack).await?;
    faye.until("ackConfirmed").await?;
    faye.send(json!({"action": "listNotifications"})).await?;
    faye.until("notifications").await?;
    drop(faye);
    // Somebody who authenticates by a frame, and is gone when the page comes.
    let gone = push("longhaul-deliver", 410, "GoneException");
    stack.set_faults(json!([gone])).await?;
    let mut again = Client::connect(&stack.gateway, None).await?;
    // The connection before may not have been seen to leave.
    let hello = json!({"action": "authenticate", "token": token("faye")});
    let authenticated = async {
        while again.ask(hello.clone()).await?["type"] != "authenticated" {}
        Ok(())
    };
    let waited = tokio::time::timeout(PATIENCE, authenticated).await;
    waited.unwrap_or_else(|_| bail!("the connection before never left"))?;
    until("the page found nobody", async || {
        let (_, report) = stack.faults("GET", "", "").await?;
        Ok(report["rules"][0]["fired"].as_u64() > Some(0))
    })
    .await?;
    stack.set_faults(json!([])).await?;

    let claims = json!({"sub": "root", "username": "root", "cognito:groups": ["admin"]});
    let mut root = client_with(stack, claims).await?;
    let own = root.ask(json!({"action": "authenticate"})).await?;
    let id = &own["connectionId"];
    let row = json!({"connectionId": {"S": id}});
    let old = json!({":at": {"S": "2026-01-01T00:00:00.000Z"}}).to_string();
    let age = [
        "dynamodb",
        "update-item",
        "--table-name",
        "longhaul-connections",
    ];
    let set = ["--update-expression", "SET lastActivity = :at"];
    let with = [
        "--key",
        &row.to_string(),
        "--expression-attribute-values",
        &old,
    ];
    stack.aws(&[&age[..], &set, &with].concat()).await?;
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
    until("it has closed itself", async || {
        Ok(stack
            .log("message")
            .contains("an admin closes a connection"))
    })
    .await
}

/// A conversation of two turns, the second behind the first.
async fn converse(client: &mut Client) -> Result<()> {
    client.send(json!({"action": "startSession"})).await?;
    client.until("sessionStarted").await?;
    let said = |steps: u32| {
        json!({"action": "sendMessage", "message": "q", "kind": "noop",
            "params": {"steps": steps, "stepMs": 500, "text": 6}})
    };
    client.send(said(4)).await?;
    client.send(said(1)).await?;
    for _ in 0..2 {
        client.until("complete").await?;
    }
    for action in ["listSessions", "getSession"] {
        client.send(json!({"action": action})).await?;
    }
    let own = client.until("session").await?.pop().context("no answer")?;
    // And a message by voice.
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

/// Pushes to connections that are gone.
async fn past_the_gone(stack: &Stack) -> Result<()> {
    for caller in ["longhaul-message", "longhaul-worker"] {
        let gone = push(caller, 410, "GoneException");
        stack.set_faults(json!([gone])).await?;
        // Each their own, as the former may not have been seen to leave.
        let mut carol = stack.client(&format!("of {caller}")).await?;
        carol.send(job(json!({}))).await?;
        until("the connection is gone", async || {
            let (_, report) = stack.faults("GET", "", "").await?;
            Ok(report["rules"][0]["fired"].as_u64() > Some(0))
        })
        .await?;
    }
    stack.set_faults(json!([])).await
}

/// A room, what is said in it, what is published to a user, and subscribers who are gone or leave.
async fn on_topics(stack: &Stack) -> Result<()> {
    let mut frank = stack.client("frank").await?;
    let join = json!({"action": "subscribe", "topic": "room:x"});
    let joined = frank.ask(join.clone()).await?;
    frank.ask(join.clone()).await?;
    let end = json!({"action": "unsubscribe", "subscriptionId": joined["data"]["subscriptionId"]});
    ensure!(frank.ask(end).await?["type"] == "unsubscribed");
    let data = json!({"recipientId": "room:x", "content": "hello"});
    frank
        .send(json!({"action": "sendMessage", "data": data}))
        .await?;
    frank.until("message").await?;
    let note = json!({"userId": "frank", "type": "note"});
    stack.publish(&note).await?;
    frank.until("note").await?;
    let mut leaves = stack.client("gina").await?;
    leaves.ask(join).await?;
    drop(leaves);
    let said = json!({"topic": "room:x", "type": "note"});
    for (caller, message) in [("longhaul-publish", note), ("longhaul-fanout", said)] {
        stack
            .set_faults(json!([push(caller, 410, "GoneException")]))
            .await?;
        stack.publish(&message).await?;
        until("a connection is gone", async || {
            let (_, report) = stack.faults("GET", "", "").await?;
            Ok(report["rules"][0]["fired"].as_u64() > Some(0))
        })
        .await?;
    }
    stack.set_faults(json!([])).await
}

/// What is left to the sweep: a job that was not queued, ends that were not heard, evidence that was not sent.
async fn by_the_sweep(stack: &Stack) -> Result<()> {
    let mut dora = stack.client("dora").await?;
    let streams = dora
        .submit(job(json!({"steps": 600, "stepMs": 100, "text": 20})))
        .await?;
    dora.until("chunk").await?;
    // It ends when nothing can be heard any more, with a result that is read again to be told.
    dora.submit(job(json!({"steps": 30, "stepMs": 100, "bytes": 5000})))
        .await?;
    let rules = json!([
        push("longhaul-message", 500, "InternalServerError"),
        push("longhaul-worker", 500, "InternalServerError"),
        {"caller": "longhaul-sweep", "service": "execute-api", "operation": "PostToConnection",
            "number": 1, "effect": {"fail": {"status": 410, "code": "GoneException"}}},
        {"caller": "longhaul-worker", "service": "sqs", "operation": "SendMessage",
            "effect": {"fail": {"status": 500, "code": "InternalError"}}},
        {"caller": "longhaul-message", "service": "sqs", "operation": "SendMessage",
            "number": 1, "effect": {"kill": "before"}},
    ]);
    // Its end is not heard, so the sweep settles the turn once more, while the next is under way.
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

fn push(caller: &str, status: u16, code: &str) -> Value {
    json!({"caller": caller, "service": "execute-api", "operation": "PostToConnection",
        "effect": {"fail": {"status": status, "code": code}}})
}

/// The project's own template, as the stack has read it.
fn spec() -> Result<StackSpec> {
    let text = std::fs::read_to_string(root().join("cloudformation/template.yaml"))?;
    let secrets = template::generated_secrets("template.yaml", &text)?;
    let inputs = TemplateInputs {
        secrets: secrets.into_iter().map(|id| (id, String::new())).collect(),
        ..TemplateInputs::default()
    };
    Ok(template::resolve("template.yaml", &text, &inputs)?)
}

/// What roles allow and no call has needed: function, action and resource.
fn unused(spec: &StackSpec, log: &Path) -> Result<BTreeSet<(String, String, String)>> {
    let mut used = vec![];
    let text = std::fs::read_to_string(log)?;
    for line in text.lines().filter(|line| line.ends_with('}')) {
        let call: Value = serde_json::from_str(line)?;
        let needs = call.get("needs").cloned().unwrap_or(json!([]));
        let needs: Vec<RequiredPermission> = serde_json::from_value(needs)?;
        let caller = call["caller"].as_str().unwrap_or_default();
        used.extend(needs.into_iter().map(|need| (caller.to_owned(), need)));
    }
    let mut unused = BTreeSet::new();
    for function in &spec.functions {
        let grants = function.grants.as_deref().context("a role of its own")?;
        for (action, resource) in grants.iter().flat_map(pairs) {
            let grant = Grant {
                actions: vec![action.clone()],
                resources: vec![resource.clone()],
            };
            let is_used = used
                .iter()
                .any(|(caller, need)| *caller == function.name && grant.allows(need));
            if !is_used && !NOT_ON_THE_WIRE.contains(&action.as_str()) {
                unused.insert((function.name.clone(), action, resource));
            }
        }
    }
    Ok(unused)
}

fn pairs(grant: &Grant) -> Vec<(String, String)> {
    let actions = grant.actions.iter();
    let pair = |action: &String| {
        let action = action.clone();
        grant
            .resources
            .iter()
            .map(move |resource| (action.clone(), resource.clone()))
    };
    actions.flat_map(pair).collect()
}
