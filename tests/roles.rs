//! Roles against use: what the functions did on one long journey, beside what their roles allow.
//!
//! That nothing they do is refused, every other journey shows as well: the small cloud refuses it.

use std::collections::BTreeSet;
use std::path::Path;

use crate::client::Client;
use crate::stack::{Stack, root, token};
use crate::until;
use anyhow::{Context, Result, bail, ensure};
use longhaul_local::permissions::Need;
use longhaul_local::plan::{Grant, Plan};
use longhaul_local::template::{self, Settings};
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
    ];
    let stack = Stack::start(&options.concat()).await?;
    let _stranger = Client::connect(&stack.gateway, None).await?;
    smoothly(&stack).await?;
    past_the_gone(&stack).await?;
    by_the_sweep(&stack).await?;

    let plan = plan()?;
    // A URL that a function signs is good for what its role allows, whoever follows it.
    let result = Need {
        action: "s3:GetObject".to_owned(),
        resource: "arn:aws:s3:::longhaul-results-000000000000-us-east-1/results/x".to_owned(),
    };
    for name in ["longhaul-message", "longhaul-sweep", "longhaul-worker"] {
        let function = plan.functions.iter().find(|function| function.name == name);
        let grants = function.and_then(|function| function.grants.as_ref());
        let allowed = grants.is_some_and(|grants| grants.iter().any(|grant| grant.allows(&result)));
        ensure!(allowed, "{name} signs URLs of results that it may not read");
    }
    let waited = until("every action is used", async || {
        Ok(unused(&plan, &log)?.is_empty())
    });
    if waited.await.is_err() {
        bail!("allowed and never used: {:#?}", unused(&plan, &log)?);
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
    alice.send(json!({"action": "listJobs"})).await?;
    alice.until("jobs").await?;
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

/// Pushes to connections that are gone.
async fn past_the_gone(stack: &Stack) -> Result<()> {
    for caller in ["longhaul-message", "longhaul-worker"] {
        let gone = push(caller, 410, "GoneException");
        faults(stack, &[gone]).await?;
        // Each their own, as the former may not have been seen to leave.
        let mut carol = stack.client(&format!("of {caller}")).await?;
        carol.send(job(json!({}))).await?;
        until("the connection is gone", async || {
            let (_, report) = stack.faults("GET", "", "").await?;
            Ok(report["rules"][0]["fired"].as_u64() > Some(0))
        })
        .await?;
    }
    faults(stack, &[]).await
}

/// What is left to the sweep: a job that was not queued, ends that were not heard, evidence that was not sent.
async fn by_the_sweep(stack: &Stack) -> Result<()> {
    let mut dora = stack.client("dora").await?;
    let streams = dora
        .submit(job(json!({"steps": 600, "stepMs": 100, "text": 20})))
        .await?;
    dora.until("chunk").await?;
    faults(
        stack,
        &[
            push("longhaul-message", 500, "InternalServerError"),
            push("longhaul-worker", 500, "InternalServerError"),
            json!({"caller": "longhaul-sweep", "service": "execute-api", "operation": "PostToConnection",
                "number": 1, "effect": {"fail": {"status": 410, "code": "GoneException"}}}),
            json!({"caller": "longhaul-worker", "service": "sqs", "operation": "SendMessage",
                "effect": {"fail": {"status": 500, "code": "InternalError"}}}),
            json!({"caller": "longhaul-message", "service": "sqs", "operation": "SendMessage",
                "number": 1, "effect": {"kill": "before"}}),
        ],
    )
    .await?;
    dora.send(json!({"action": "cancel", "jobId": streams}))
        .await?;
    for params in [json!({}), json!({"fail": "retry"}), json!({"bytes": 5000})] {
        dora.send(job(params)).await?;
    }
    Ok(())
}

fn push(caller: &str, status: u16, code: &str) -> Value {
    json!({"caller": caller, "service": "execute-api", "operation": "PostToConnection",
        "effect": {"fail": {"status": status, "code": code}}})
}

async fn faults(stack: &Stack, rules: &[Value]) -> Result<()> {
    let plan = json!({ "rules": rules }).to_string();
    let (status, answer) = stack.faults("POST", "", &plan).await?;
    ensure!(status == 200, "{answer}");
    Ok(())
}

/// The project's own template, as the stack has read it.
fn plan() -> Result<Plan> {
    let text = std::fs::read_to_string(root().join("cloudformation/template.yaml"))?;
    let secrets = template::secrets("template.yaml", &text)?;
    let settings = Settings {
        secrets: secrets.into_iter().map(|id| (id, String::new())).collect(),
        ..Settings::default()
    };
    Ok(template::read("template.yaml", &text, &settings)?)
}

/// What roles allow and no call has needed: function, action and resource.
fn unused(plan: &Plan, log: &Path) -> Result<BTreeSet<(String, String, String)>> {
    let mut used = vec![];
    let text = std::fs::read_to_string(log)?;
    for line in text.lines().filter(|line| line.ends_with('}')) {
        let call: Value = serde_json::from_str(line)?;
        let needs = call.get("needs").cloned().unwrap_or(json!([]));
        let needs: Vec<Need> = serde_json::from_value(needs)?;
        let caller = call["caller"].as_str().unwrap_or_default();
        used.extend(needs.into_iter().map(|need| (caller.to_owned(), need)));
    }
    let mut unused = BTreeSet::new();
    for function in &plan.functions {
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
