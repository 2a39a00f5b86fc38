//! What wires a stack: the worker's timeout, its event sources, the sweep's schedule, the secret.
//!
//! On AWS the stock `aws` command line tells, since no SDK of those services is linked in here; on the
//! embedded cloud it tells itself, at `/_local/wiring`.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use longhaul_local::data_folder;
use serde_json::Value;
use tokio::process::Command;

use super::finding::{CHANGED, Findings, MEND};
use crate::stack::Place;
use crate::target::Site;
use crate::token::SECRET;

/// The queues that functions read.
const SOURCES: [(&str, &str); 5] = [
    ("jobs", "worker"),
    ("continuations", "worker"),
    ("deliveries", "deliver"),
    ("publish", "publish"),
    ("fanout", "fanout"),
];

/// What other checks go by.
pub struct Wiring {
    /// Seconds.
    pub worker_timeout: Option<u64>,
}

impl Wiring {
    pub async fn of(site: &Site, place: &Place, findings: &mut Findings) -> Self {
        let worker_timeout = match &site.local {
            Some(endpoint) => {
                secret(place, findings);
                match local(endpoint).await {
                    Ok(wiring) => of_local(site, &wiring, findings),
                    Err(error) => {
                        findings.unseen("functions", format!("{error:#}"));
                        None
                    }
                }
            }
            None => of_aws(site, findings).await,
        };
        Self { worker_timeout }
    }
}

/// What the embedded cloud says of itself.
async fn local(endpoint: &str) -> Result<Value> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let answer = client
        .get(format!("{endpoint}/_local/wiring").parse()?)
        .await?;
    let body = answer.into_body().collect().await?.to_bytes();
    serde_json::from_slice(&body).context("the embedded cloud's wiring can't be read")
}

fn of_local(site: &Site, wiring: &Value, findings: &mut Findings) -> Option<u64> {
    let worker = site.named("worker");
    let list = |name: &str| wiring[name].as_array().into_iter().flatten();
    for (queue, reader) in SOURCES.map(|(queue, reader)| (site.named(queue), site.named(reader))) {
        let mut sources = list("eventSources");
        let reads =
            sources.any(|source| source["queue"] == *queue && source["function"] == *reader);
        event_source(&queue, if reads { Some("Enabled") } else { None }, findings);
    }
    let mut schedules = list("schedules");
    let sweeps = schedules.any(|schedule| schedule["function"] == *site.named("sweep"));
    schedule(site, sweeps.then_some("ENABLED"), findings);
    let mut functions = list("functions");
    let found = functions.find(|function| function["name"] == *worker);
    let timeout = found.and_then(|function| function["timeoutSeconds"].as_u64());
    function(&worker, timeout, findings);
    timeout
}

async fn of_aws(site: &Site, findings: &mut Findings) -> Option<u64> {
    let worker = site.named("worker");
    let get = [
        "lambda",
        "get-function-configuration",
        "--function-name",
        &worker,
    ];
    let timeout = match aws(&get).await {
        Ok(found) => found.and_then(|found| found["Timeout"].as_u64()),
        Err(error) => return unseen_all(&error, findings),
    };
    function(&worker, timeout, findings);
    // All of them: those of an alias are listed under another name than the function's.
    let list = ["lambda", "list-event-source-mappings"];
    match aws(&list).await {
        Ok(found) => {
            let found = found.unwrap_or_default();
            for (queue, reader) in SOURCES {
                let (queue, reader) = (site.named(queue), site.named(reader));
                let ends = format!(":{queue}");
                let mut all = found["EventSourceMappings"]
                    .as_array()
                    .into_iter()
                    .flatten();
                let of_queue = |source: &&Value| {
                    let text = |name: &str| source[name].as_str().unwrap_or_default();
                    let function = text("FunctionArn").split(':').nth(6);
                    text("EventSourceArn").ends_with(&ends) && function == Some(reader.as_str())
                };
                let state = all
                    .find(of_queue)
                    .and_then(|source| source["State"].as_str());
                event_source(&queue, state, findings);
            }
        }
        Err(error) => findings.unseen("event sources", format!("{error:#}")),
    }
    let rule = site.named("sweep");
    match aws(&["events", "describe-rule", "--name", &rule]).await {
        Ok(found) => {
            let found = found.unwrap_or_default();
            schedule(site, found["State"].as_str(), findings);
        }
        Err(error) => findings.unseen("schedule", format!("{error:#}")),
    }
    let name = site.named("token-secret");
    match aws(&["secretsmanager", "describe-secret", "--secret-id", &name]).await {
        Ok(Some(found)) if found["DeletedDate"].is_null() => findings.ok("secret", name),
        Ok(_) => findings.fail("secret", format!("{name} is gone"), MEND, "Key rotation"),
        Err(error) => findings.unseen("secret", format!("{error:#}")),
    }
    timeout
}

fn unseen_all(error: &anyhow::Error, findings: &mut Findings) -> Option<u64> {
    for check in ["functions", "event sources", "schedule", "secret"] {
        findings.unseen(check, format!("{error:#}"));
    }
    None
}

/// One question to the stock command line: its answer, or `None` where there is no such thing.
async fn aws(arguments: &[&str]) -> Result<Option<Value>> {
    let run = Command::new("aws")
        .args(arguments)
        .args(["--output", "json", "--no-cli-pager"])
        .stdin(Stdio::null())
        .output()
        .await
        .context("asking needs the aws command line on the PATH")?;
    if run.status.success() {
        let answer = serde_json::from_slice(&run.stdout).context("what aws printed is no JSON")?;
        return Ok(Some(answer));
    }
    let said = String::from_utf8_lossy(&run.stderr);
    if said.contains("ResourceNotFoundException") {
        return Ok(None);
    }
    bail!(
        "{}",
        said.trim().lines().last().unwrap_or("aws gave no reason")
    )
}

fn function(worker: &str, timeout: Option<u64>, findings: &mut Findings) {
    match timeout {
        Some(timeout) => findings.ok("worker", format!("{worker}, timeout {timeout} s")),
        None => {
            let found = format!("there is no function {worker}");
            findings.fail("worker", found, MEND, CHANGED);
        }
    }
}

fn event_source(queue: &str, state: Option<&str>, findings: &mut Findings) {
    let check = format!("event source of {queue}");
    match state {
        Some("Enabled") => findings.ok(check, "enabled"),
        Some(state) => {
            let advice = "aws lambda update-event-source-mapping --uuid <uuid> --enabled";
            findings.fail(check, format!("it is {state}"), advice, "Stuck jobs");
        }
        None => findings.fail(check, "none: no worker takes its jobs", MEND, CHANGED),
    }
}

fn schedule(site: &Site, state: Option<&str>, findings: &mut Findings) {
    let rule = site.named("sweep");
    match state {
        Some("ENABLED") => findings.ok("schedule", format!("{rule} is enabled")),
        Some(_) => {
            let advice = format!("aws events enable-rule --name {rule}");
            findings.fail(
                "schedule",
                format!("{rule} is disabled"),
                &advice,
                "Stuck jobs",
            );
        }
        None => findings.fail("schedule", "nothing runs the sweep", MEND, CHANGED),
    }
}

/// Of the embedded cloud: given to it, or made and kept in its data folder.
fn secret(place: &Place, findings: &mut Findings) {
    let kept = data_folder::read_secret(&place.data, SECRET).ok().flatten();
    if place.jwt_secret.is_some() || kept.is_some() {
        return findings.ok("secret", "set");
    }
    let found = "none in the data folder";
    let advice = "fine if `up` was given LONGHAUL_JWT_SECRET; else start it again";
    findings.warn("secret", found, advice, "Key rotation");
}
