//! What operators see of a function: logs, metrics and traces, one line or span for each fact.
//!
//! Decides the form only. What is said is said once, at the boundary, and is never a body, a token,
//! a query string or an e-mail address.

mod metrics;
mod traces;

use std::pin::pin;
use std::time::Duration;

use anyhow::Context;
use tokio::time::timeout;
use tracing::Instrument;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

use crate::settings::Environment;
pub use traces::{current, parent};

/// What libraries may say, whatever our own level: at their most talkative they log whole events,
/// tokens included.
const QUIET: &str = "aws=warn,hyper=warn,lambda_runtime=info,opentelemetry=warn,longhaul_trace=off";

const MINUTE: Duration = Duration::from_secs(60);

/// The target of spans that are of a trace and not of the logs, whose lines carry their innermost span.
pub const TRACE_ONLY: &str = "longhaul_trace";

/// Starts logging for a person at a terminal: what went wrong, on standard error. To the embedded DynamoDB
/// each refused condition is a warning, to everybody else a day's work.
pub fn start_for_people() {
    let wrong = Targets::new()
        .with_default(tracing::Level::WARN)
        .with_target("dynoxide", tracing::Level::ERROR);
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let _ = registry()
        .with(lines.without_time().with_filter(wrong))
        .try_init();
}

/// Starts logs (JSON lines on standard output, at the level that `LOG_LEVEL` names, `info` if it is left
/// out), metrics, and, where `OTLP_ENDPOINT` names a collector, traces, for the whole process.
pub fn start(config: &Environment) -> anyhow::Result<()> {
    let level = config.optional("LOG_LEVEL").unwrap_or("info");
    // `EnvFilter` would bring a regular expression engine into every package, for the same list.
    let filter: Targets = format!("{level},{QUIET}").parse().context("LOG_LEVEL")?;
    let function = config
        .optional("AWS_LAMBDA_FUNCTION_NAME")
        .unwrap_or("longhaul");
    let logs = fmt::layer()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_filter(filter);
    let traces = config
        .optional("OTLP_ENDPOINT")
        .map(|endpoint| traces::start(endpoint, function))
        .transpose()?;
    // A second start in one process (tests) keeps the first.
    let _ = registry().with(logs).with(traces).try_init();
    metrics::start(config.optional("PROJECT").unwrap_or("longhaul"), function);
    Ok(())
}

/// Does the work of one invocation: what it logs carries the invocation's id as `request`, and what it
/// measured is out when it ends, as Lambda may freeze the process then; and each minute until then, as it
/// may be killed.
pub async fn observed<T>(request: &str, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work.instrument(tracing::info_span!("invocation", request)));
    loop {
        let done = timeout(MINUTE, &mut work).await;
        metrics::flush();
        traces::flush().await;
        if let Ok(done) = done {
            return done;
        }
    }
}
