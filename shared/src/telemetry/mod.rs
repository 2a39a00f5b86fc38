//! Logs, metrics and traces of a function.
//!
//! Each fact is logged once, at the boundary, and never with a body, a token, a query string or an e-mail address.

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

/// The levels of libraries, whatever our own level is: at lower levels they log whole events, tokens included.
const LIBRARY_LEVELS: &str =
    "aws=warn,hyper=warn,lambda_runtime=info,opentelemetry=warn,longhaul_trace=off";

/// How often metrics and traces are flushed during an invocation.
const FLUSH_INTERVAL: Duration = Duration::from_secs(60);

/// The target of spans that are in traces only: a log line carries its innermost span, which these must not be.
pub const TRACE_ONLY: &str = "longhaul_trace";

/// Starts logging for a command: warnings and errors, as text on standard error. The embedded DynamoDB warns of each
/// refused condition, which is normal, so only its errors are logged; so are those of the SDK's settings, whose warnings
/// are dumps of what it tried, and which the command's own error names.
pub fn start_for_commands() {
    let warnings = Targets::new()
        .with_default(tracing::Level::WARN)
        .with_target("dynoxide", tracing::Level::ERROR)
        .with_target("aws_config", tracing::Level::ERROR);
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false)
        // Else a line that can't be written would be a panic.
        .log_internal_errors(false);
    let _ = registry()
        .with(lines.without_time().with_filter(warnings))
        .try_init();
}

/// Starts logs, metrics and traces for the whole process: logs as JSON lines on standard output, from the level that
/// `LOG_LEVEL` names (default: `info`); traces only where `OTLP_ENDPOINT` names a collector.
///
/// # Errors
/// `LOG_LEVEL` or `OTLP_ENDPOINT` is malformed.
pub fn start(environment: &Environment) -> anyhow::Result<()> {
    let level = environment.optional("LOG_LEVEL").unwrap_or("info");
    // `EnvFilter` takes the same list, but would compile a regular expression engine into every package.
    let filter: Targets = format!("{level},{LIBRARY_LEVELS}")
        .parse()
        .context("LOG_LEVEL")?;
    let function = environment
        .optional("AWS_LAMBDA_FUNCTION_NAME")
        .unwrap_or("longhaul");
    let logs = fmt::layer()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_filter(filter);
    let traces = environment
        .optional("OTLP_ENDPOINT")
        .map(|endpoint| traces::start(endpoint, function))
        .transpose()?;
    // A second start in one process (tests) keeps the first.
    let _ = registry().with(logs).with(traces).try_init();
    metrics::start(
        environment.optional("PROJECT").unwrap_or("longhaul"),
        function,
    );
    Ok(())
}

/// Runs the work of one invocation. Its log lines carry the invocation's id as `request`. Metrics and traces are flushed
/// when it ends, because Lambda may freeze the process then, and each minute before, because it may be killed.
pub async fn observed<T>(request: &str, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work.instrument(tracing::info_span!("invocation", request)));
    loop {
        let done = timeout(FLUSH_INTERVAL, &mut work).await;
        metrics::flush();
        traces::flush().await;
        if let Ok(done) = done {
            return done;
        }
    }
}
