//! Metrics in CloudWatch's embedded metric format: a JSON line on standard output that CloudWatch Logs
//! reads, with no call of an API.
//!
//! Knows the units and the dimensions (`Project`, and `Kind` where a job's kind tells more), of which
//! there are few, as each combination is billed. What is counted where is said there, by `metrics`' macros.

use std::sync::OnceLock;

use metrics::{Unit, describe_gauge, describe_histogram};
use metrics_cloudwatch_embedded::{Builder, Collector};

static COLLECTOR: OnceLock<&'static Collector> = OnceLock::new();

/// The namespace in CloudWatch.
const NAMESPACE: &str = "Longhaul";

/// Collects from now on, for the whole process.
pub(super) fn start(project: &str, function: &str) {
    let builder = Builder::new()
        .cloudwatch_namespace(NAMESPACE)
        .with_dimension("Project", project.to_owned());
    // A second start in one process (tests) keeps the first.
    if let Ok(collector) = builder.init() {
        collector.set_property("function", function);
        let _ = COLLECTOR.set(collector);
        describe_gauge!("LongestWait", Unit::Seconds, "queued, nothing said of it");
        describe_histogram!("QueueWait", Unit::Milliseconds, "submit to first claim");
        describe_histogram!("RunTime", Unit::Milliseconds, "first claim to the end");
        describe_histogram!("EndToEnd", Unit::Milliseconds, "submit to the end");
    }
}

/// Writes what was collected since the last time.
pub(super) fn flush() {
    if let Some(collector) = COLLECTOR.get() {
        // Standard output is a pipe of Lambda's; without it nobody is left to tell.
        let _ = collector.flush(std::io::stdout().lock());
    }
}
