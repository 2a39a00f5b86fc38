//! Logs: one JSON line per fact on standard output, where Lambda collects them.
//!
//! Decides the form only. What is said is said once, at the boundary, and is never a body, a token,
//! a query string or an e-mail address.

use tracing_subscriber::EnvFilter;

use crate::config::Config;

/// What libraries may say, whatever our own level: at their most talkative they log whole events,
/// tokens included.
const QUIET: &str = "aws=warn,hyper=warn,lambda_runtime=info";

/// Starts logging for a person at a terminal: what went wrong, on standard error.
pub fn start_for_people() {
    let warnings = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::WARN)
        .with_target(false);
    let _ = warnings.without_time().try_init();
}

/// Starts logging for the whole process, at the level that `LOG_LEVEL` names (`info` if it is left out).
pub fn start(config: &Config) {
    let level = config.optional("LOG_LEVEL").unwrap_or("info");
    let filter =
        EnvFilter::try_new(format!("{level},{QUIET}")).unwrap_or_else(|_| EnvFilter::new("info"));
    // A second start in one process (tests) keeps the first.
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .try_init();
}
