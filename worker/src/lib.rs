//! The worker: takes jobs off the queue, runs the analysis registered for each, and tells its followers.
//!
//! A library, so that whoever brings analyses of their own writes a `main` of five lines around
//! [`run`]. How frames arrive and who may send them is not known here.

pub mod analyses;
pub mod analysis;
mod attempt;
mod backoff;
mod batch;
pub mod desk;
mod ending;
mod holder;
pub mod reports;
pub mod stream;
mod voice;

use std::sync::Arc;

use anyhow::{Context, Result};
use longhaul_shared::config::Config;
use longhaul_shared::telemetry;

use crate::analysis::Analysis;

/// Serves invocations of the worker function with these analyses, until the process is ended.
pub async fn run(config: Config, analyses: Vec<Arc<dyn Analysis>>) -> Result<()> {
    telemetry::start(&config)?;
    batch::serve(&config, analyses)
        .await
        .map_err(|error| anyhow::anyhow!(error))
}

/// The analyses that this project brings, as far as the configuration has what they need.
pub fn analyses(config: &Config) -> Result<Vec<Arc<dyn Analysis>>> {
    let mut analyses: Vec<Arc<dyn Analysis>> = vec![];
    if let Some(bill) = config.optional("FINOPS_BILL") {
        let sample = config
            .switch("FINOPS_BILL_IS_SAMPLE")
            .context("reading the worker's settings")?;
        let finops = analyses::finops::Finops::new(analyses::finops::Source {
            bill: bill.into(),
            sample,
        });
        analyses.push(Arc::new(analyses::chat::Chat::new(finops.clone())));
        analyses.push(Arc::new(finops));
    }
    if let Some(bucket) = config.optional("RESULTS_BUCKET") {
        analyses.push(Arc::new(analyses::voice::Voice::new(bucket.to_owned())));
    }
    if config
        .switch("NOOP_ENABLED")
        .context("reading the worker's settings")?
    {
        analyses.push(Arc::new(analyses::noop::Noop));
    }
    Ok(analyses)
}
