//! Checks the worker function, the event sources, the sweep's schedule and the token secret.
//!
//! On AWS it runs the `aws` command line, since no SDK of these services is linked; the embedded cloud
//! describes itself at `/_local/wiring`.

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use longhaul_local::secret_folder::SecretFolder;
use serde_json::Value;

use super::aws_cli;
use super::finding::{CHANGED, Findings, RESTORE};
use super::key;
use crate::dev_token::SECRET;
use crate::stack::DataDirArgs;
use crate::target::AwsContext;

/// The queues, and the function that reads each.
const SOURCES: [(&str, &str); 5] = [
    ("jobs", "worker"),
    ("continuations", "worker"),
    ("deliveries", "deliver"),
    ("publish", "publish"),
    ("fanout", "fanout"),
];

/// What other checks need.
pub struct Wiring {
    /// Seconds.
    pub worker_timeout: Option<u64>,
}

impl Wiring {
    pub async fn check(aws: &AwsContext, data_dir: &DataDirArgs, findings: &mut Findings) -> Self {
        let worker_timeout = match &aws.local {
            Some(endpoint) => {
                secret(data_dir, findings);
                match local(endpoint).await {
                    Ok(wiring) => of_local(aws, &wiring, findings),
                    Err(error) => {
                        findings.skipped("functions", format!("{error:#}"));
                        None
                    }
                }
            }
            None => of_aws(aws, findings).await,
        };
        Self { worker_timeout }
    }
}

/// The embedded cloud's description of itself.
async fn local(endpoint: &str) -> Result<Value> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let answer = client
        .get(format!("{endpoint}/_local/wiring").parse()?)
        .await?;
    let body = answer.into_body().collect().await?.to_bytes();
    serde_json::from_slice(&body).context("the embedded cloud's wiring can't be read")
}

fn of_local(aws: &AwsContext, wiring: &Value, findings: &mut Findings) -> Option<u64> {
    let worker = aws.resource_name("worker");
    let list = |name: &str| wiring[name].as_array().into_iter().flatten();
    for (queue, reader) in
        SOURCES.map(|(queue, reader)| (aws.resource_name(queue), aws.resource_name(reader)))
    {
        let mut sources = list("eventSources");
        let reads =
            sources.any(|source| source["queue"] == *queue && source["function"] == *reader);
        event_source(&queue, if reads { Some("Enabled") } else { None }, findings);
    }
    let mut schedules = list("schedules");
    let sweeps = schedules.any(|schedule| schedule["function"] == *aws.resource_name("sweep"));
    schedule(aws, sweeps.then_some("ENABLED"), findings);
    let mut functions = list("functions");
    let found = functions.find(|function| function["name"] == *worker);
    let timeout = found.and_then(|function| function["timeoutSeconds"].as_u64());
    function(&worker, timeout, findings);
    timeout
}

async fn of_aws(aws: &AwsContext, findings: &mut Findings) -> Option<u64> {
    let worker = aws.resource_name("worker");
    let get = [
        "lambda",
        "get-function-configuration",
        "--function-name",
        &worker,
    ];
    let configuration = match aws_cli::run(aws, &get).await {
        Ok(found) => found.unwrap_or_default(),
        Err(error) => return skip_all(&error, findings),
    };
    let timeout = configuration["Timeout"].as_u64();
    function(&worker, timeout, findings);
    if let Some(key) = configuration["KMSKeyArn"].as_str() {
        key::check(aws, key, findings).await;
    }
    // Lists all mappings: those of an alias are not listed under the function's name.
    let list = ["lambda", "list-event-source-mappings"];
    match aws_cli::run(aws, &list).await {
        Ok(found) => {
            let found = found.unwrap_or_default();
            for (queue, reader) in SOURCES {
                let (queue, reader) = (aws.resource_name(queue), aws.resource_name(reader));
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
        Err(error) => findings.skipped("event sources", format!("{error:#}")),
    }
    let rule = aws.resource_name("sweep");
    match aws_cli::run(aws, &["events", "describe-rule", "--name", &rule]).await {
        Ok(found) => {
            let found = found.unwrap_or_default();
            schedule(aws, found["State"].as_str(), findings);
        }
        Err(error) => findings.skipped("schedule", format!("{error:#}")),
    }
    let name = aws.resource_name("token-secret");
    match aws_cli::run(
        aws,
        &["secretsmanager", "describe-secret", "--secret-id", &name],
    )
    .await
    {
        Ok(Some(found)) if found["DeletedDate"].is_null() => findings.ok("secret", name),
        Ok(_) => findings.fail("secret", format!("{name} is gone"), RESTORE, "Key rotation"),
        Err(error) => findings.skipped("secret", format!("{error:#}")),
    }
    timeout
}

fn skip_all(error: &anyhow::Error, findings: &mut Findings) -> Option<u64> {
    for check in ["functions", "event sources", "schedule", "secret"] {
        findings.skipped(check, format!("{error:#}"));
    }
    None
}

fn function(worker: &str, timeout: Option<u64>, findings: &mut Findings) {
    match timeout {
        Some(timeout) => findings.ok("worker", format!("{worker}, timeout {timeout} s")),
        None => {
            let found = format!("there is no function {worker}");
            findings.fail("worker", found, RESTORE, CHANGED);
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
        None => findings.fail(check, "none: no function reads the queue", RESTORE, CHANGED),
    }
}

fn schedule(aws: &AwsContext, state: Option<&str>, findings: &mut Findings) {
    let rule = aws.resource_name("sweep");
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
        None => findings.fail("schedule", "nothing runs the sweep", RESTORE, CHANGED),
    }
}

/// Checks the embedded cloud's secret: given by the user, or stored in the data folder.
fn secret(data_dir: &DataDirArgs, findings: &mut Findings) {
    let stored = SecretFolder::of(&data_dir.data)
        .current(SECRET)
        .ok()
        .flatten();
    if data_dir.jwt_secret.is_some() || stored.is_some() {
        return findings.ok("secret", "set");
    }
    let found = "none in the data folder";
    let advice = "no problem if `up` runs with LONGHAUL_JWT_SECRET; otherwise restart it";
    findings.warn("secret", found, advice, "Key rotation");
}
