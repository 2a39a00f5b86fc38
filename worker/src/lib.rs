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
pub mod function;
mod holder;
pub mod reports;
pub mod stream;
mod voice;

use std::sync::Arc;

use anyhow::{Context, Result};
use longhaul_shared::config::Config;
/// What clients of AWS are made from, so that they behave as the worker's own.
pub use longhaul_shared::aws::sdk;
use longhaul_shared::telemetry;

use crate::analysis::Analysis;

/// The worker function with analyses of your own beside those of this project. Of two for one kind yours counts.
/// Run with `--kinds` the program says which kinds yours are, and serves nothing.
pub async fn run(own: Vec<Arc<dyn Analysis>>) -> Result<()> {
    if std::env::args().nth(1).as_deref() == Some("--kinds") {
        let kinds: Vec<&str> = own.iter().map(|analysis| analysis.kind()).collect();
        println!("{}", kinds.join(","));
        return Ok(());
    }
    let config = Config::from_env();
    let mut all = analyses(&config)?;
    all.extend(own);
    // On the heap, so that the compiler need not look into it for whoever calls this.
    Box::pin(serve(config, all)).await
}

/// Serves invocations of the worker function with these analyses, until the process is ended.
pub async fn serve(config: Config, analyses: Vec<Arc<dyn Analysis>>) -> Result<()> {
    telemetry::start(&config)?;
    batch::serve(&config, analyses)
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

/// The analyses that this project brings, as far as the configuration has what they need.
pub fn analyses(config: &Config) -> Result<Vec<Arc<dyn Analysis>>> {
    let mut analyses: Vec<Arc<dyn Analysis>> = vec![];
    let finops =
        analyses::finops::Finops::configured(config).context("reading the worker's settings")?;
    let chat = analyses::chat::Chat::configured(config, finops.clone())
        .context("reading the worker's settings")?
        .map(Arc::new);
    if let Some(bucket) = config.optional("RESULTS_BUCKET") {
        let transcriber = config.optional("TRANSCRIBER_ARN").map(str::to_owned);
        let voice = analyses::voice::Voice::new(bucket.to_owned(), transcriber, chat.clone());
        analyses.push(Arc::new(voice));
    }
    analyses.extend(chat.map(|chat| chat as Arc<dyn Analysis>));
    analyses.extend(finops.map(|finops| Arc::new(finops) as Arc<dyn Analysis>));
    let [kinds, arns] =
        ["AGENT_KINDS", "AGENT_ARNS"].map(|name| config.optional(name).unwrap_or_default());
    for agent in analyses::agent::Agent::listed(kinds, arns)? {
        analyses.push(Arc::new(agent));
    }
    if config
        .switch("NOOP_ENABLED")
        .context("reading the worker's settings")?
    {
        analyses.push(Arc::new(analyses::noop::Noop));
    }
    Ok(analyses)
}
