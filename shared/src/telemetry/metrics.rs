//! Metrics in CloudWatch's embedded metric format: a JSON line on standard output, from which CloudWatch Logs makes
//! metrics without a call of an API.
//!
//! The dimensions are `Project`, and for some metrics `Kind`: CloudWatch bills each combination.

use std::sync::OnceLock;

use metrics::{Unit, describe_gauge, describe_histogram};
use metrics_cloudwatch_embedded::{Builder, Collector};

static COLLECTOR: OnceLock<&'static Collector> = OnceLock::new();

/// The namespace in CloudWatch.
const NAMESPACE: &str = "Longhaul";

/// Starts to collect, for the whole process.
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

/// Writes what was collected since the last flush.
pub(super) fn flush() {
    if let Some(collector) = COLLECTOR.get() {
        // Standard output is Lambda's pipe; if it is closed, an error can't be logged either.
        let _ = collector.flush(std::io::stdout().lock());
    }
}
