//! The engine of a worker: claims jobs from the queue, runs the analysis registered for each job's kind, and pushes its
//! progress, text and result to the job's followers.
//!
//! To write an analysis, implement [`Analysis`](analysis::Analysis), and serve it with [`run`]:
//!
//! ```no_run
//! use longhaul_worker::analysis::{Analysis, Context, Failure};
//! use longhaul_worker::{analyses, run};
//! use serde_json::{Value, json};
//!
//! struct Length;
//!
//! #[async_trait::async_trait]
//! impl Analysis for Length {
//!     fn kind(&self) -> &str {
//!         "length"
//!     }
//!
//!     async fn run(&self, context: &Context) -> Result<Value, Failure> {
//!         Ok(json!({"bytes": context.query().len()}))
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> anyhow::Result<()> {
//!     run(analyses![Length]).await
//! }
//! ```

#![deny(missing_docs)]

pub mod analysis;
mod analysis_channel;
mod attempt;
mod engine;
mod failure;
mod handler;
mod leased_job;
mod outcome;
mod progress_buffer;
mod push_queues;
mod received_message;
mod reported_progress;
mod settings;
mod stream_buffer;
pub mod testing;

use std::sync::Arc;

use anyhow::Result;
use longhaul_shared::settings::Environment;
use longhaul_shared::telemetry;

use crate::analysis::Analysis;

/// Settings of AWS clients, with the worker's own timeouts and retries.
///
/// ```no_run
/// # async fn client() {
/// use longhaul_worker::clients;
///
/// let s3 = aws_sdk_s3::Client::new(&clients::config().await);
/// # }
/// ```
pub mod clients {
    pub use longhaul_shared::aws::clients::{config, for_streams};
}

/// Serves the worker function with these analyses and no others. Of two for one kind the later counts.
///
/// Run with `--kinds`, the program prints the kinds, separated by commas, and ends.
///
/// # Errors
/// A setting is missing or malformed, or the function's host is gone.
pub async fn run(analyses: Vec<Arc<dyn Analysis>>) -> Result<()> {
    if print_kinds_if_asked(&analyses) {
        return Ok(());
    }
    // On the heap, so that the caller's future stays small and quick to compile.
    Box::pin(serve(Environment::from_env(), analyses)).await
}

/// Prints the kinds if the program was started with `--kinds`, and returns whether it was.
#[doc(hidden)]
pub fn print_kinds_if_asked(analyses: &[Arc<dyn Analysis>]) -> bool {
    let is_asked = std::env::args().nth(1).as_deref() == Some("--kinds");
    if is_asked {
        let kinds: Vec<&str> = analyses.iter().map(|analysis| analysis.kind()).collect();
        println!("{}", kinds.join(","));
    }
    is_asked
}

/// Serves invocations of the worker function with this environment and these analyses until the process ends.
#[doc(hidden)]
pub async fn serve(environment: Environment, analyses: Vec<Arc<dyn Analysis>>) -> Result<()> {
    telemetry::start(&environment)?;
    handler::serve(&environment, analyses)
        .await
        .map_err(|error| anyhow::anyhow!(error))
}

/// Makes the list of analyses for [`run`].
#[macro_export]
macro_rules! analyses {
    ($($analysis:expr),* $(,)?) => {
        vec![$(std::sync::Arc::new($analysis) as std::sync::Arc<dyn $crate::analysis::Analysis>),*]
    };
}
