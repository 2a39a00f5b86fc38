//! The analyses that Longhaul brings: `finops`, `chat`, `voice`, agents in Lambda functions, and `noop`.

mod agent;
pub mod chat;
mod lambda_agent;
mod noop;
mod voice;

use std::sync::Arc;

use anyhow::{Context, Result};
use longhaul_finops::Finops;
use longhaul_shared::settings::Environment;
use longhaul_worker::analysis::Analysis;
use longhaul_worker::{prints_kinds, serve};

use crate::agent::Agent;
use crate::chat::Chat;
use crate::noop::Noop;
use crate::voice::Voice;

/// Serves the worker function with analyses of your own beside those of [`built_in`]. Of two for one kind yours
/// counts. Run with `--kinds`, the program prints the kinds of yours and ends.
pub async fn run(own: Vec<Arc<dyn Analysis>>) -> Result<()> {
    if prints_kinds(&own) {
        return Ok(());
    }
    let config = Environment::from_env();
    let mut all = built_in(&config)?;
    all.extend(own);
    // On the heap, so that the compiler need not look into it for whoever calls this.
    Box::pin(serve(config, all)).await
}

/// The analyses that the configuration has settings for.
///
/// # Errors
/// A setting is malformed.
pub fn built_in(config: &Environment) -> Result<Vec<Arc<dyn Analysis>>> {
    let mut analyses: Vec<Arc<dyn Analysis>> = vec![];
    let finops = Finops::configured(config).context("reading the worker's settings")?;
    let chat = Chat::configured(config, finops.clone())
        .context("reading the worker's settings")?
        .map(Arc::new);
    if let Some(bucket) = config.optional("RESULTS_BUCKET") {
        let transcriber = config.optional("TRANSCRIBER_ARN").map(str::to_owned);
        let voice = Voice::new(bucket.to_owned(), transcriber, chat.clone());
        analyses.push(Arc::new(voice));
    }
    analyses.extend(chat.map(|chat| chat as Arc<dyn Analysis>));
    analyses.extend(finops.map(|finops| Arc::new(finops) as Arc<dyn Analysis>));
    let [kinds, arns] =
        ["AGENT_KINDS", "AGENT_ARNS"].map(|name| config.optional(name).unwrap_or_default());
    for agent in Agent::listed(kinds, arns)? {
        analyses.push(Arc::new(agent));
    }
    if config
        .switch("NOOP_ENABLED")
        .context("reading the worker's settings")?
    {
        analyses.push(Arc::new(Noop));
    }
    Ok(analyses)
}
