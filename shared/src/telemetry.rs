//! Logs: one JSON line per fact on standard output, where Lambda collects them.
//!
//! Decides the form only. What is said is said once, at the boundary, and is never a body, a token,
//! a query string or an e-mail address.

use tracing_subscriber::EnvFilter;

use crate::config::Config;

/// Starts logging for the whole process, at the level that `LOG_LEVEL` names (`info` if it is left out).
pub fn start(config: &Config) {
    let level = config.optional("LOG_LEVEL").unwrap_or("info");
    let filter = EnvFilter::try_new(format!("{level},aws=warn,hyper=warn"))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    // A second start in one process (tests) keeps the first.
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .try_init();
}
