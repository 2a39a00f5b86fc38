//! The engine of a worker: claims jobs from the queue, runs the analysis registered for each kind, and pushes
//! its events to the job's followers.
//!
//! To write an analysis, implement [`Analysis`](analysis::Analysis) and call [`run`] from a `main` of five lines.

pub mod analysis;
mod analysis_channel;
mod attempt;
mod backoff;
mod completion;
mod handler;
mod leased_job;
mod push_queues;
pub mod reports;
pub mod stream;
pub mod testing;

use std::sync::Arc;

use anyhow::Result;
/// Clients of AWS with the worker's own timeouts and retries.
pub use longhaul_shared::aws::clients;
use longhaul_shared::settings::Environment;
use longhaul_shared::telemetry;

use crate::analysis::Analysis;

/// Serves the worker function with these analyses and no others. Of two for one kind the later counts.
/// Run with `--kinds`, the program prints their kinds, with commas between them, and ends.
pub async fn run(analyses: Vec<Arc<dyn Analysis>>) -> Result<()> {
    if prints_kinds(&analyses) {
        return Ok(());
    }
    // On the heap, so that the compiler need not look into it for whoever calls this.
    Box::pin(serve(Environment::from_env(), analyses)).await
}

/// Whether the program was asked for its kinds (`--kinds`), which are printed then.
pub fn prints_kinds(analyses: &[Arc<dyn Analysis>]) -> bool {
    let asked = std::env::args().nth(1).as_deref() == Some("--kinds");
    if asked {
        let kinds: Vec<&str> = analyses.iter().map(|analysis| analysis.kind()).collect();
        println!("{}", kinds.join(","));
    }
    asked
}

/// Serves invocations of the worker function with these analyses, until the process is ended.
pub async fn serve(config: Environment, analyses: Vec<Arc<dyn Analysis>>) -> Result<()> {
    telemetry::start(&config)?;
    handler::serve(&config, analyses)
        .await
        .map_err(|error| anyhow::anyhow!(error))
}

/// A list of analyses for [`run`].
#[macro_export]
macro_rules! analyses {
    ($($analysis:expr),* $(,)?) => {
        vec![$(std::sync::Arc::new($analysis) as std::sync::Arc<dyn $crate::analysis::Analysis>),*]
    };
}
