//! Longhaul's analyses: `finops`, `chat`, `voice`, agents in Lambda functions, and `noop`.

mod agents;
mod audio;
pub mod chat;
mod lambda_agent;
mod noop;
mod voice;

use std::sync::Arc;

use anyhow::{Context, Result};
use longhaul_finops::Finops;
use longhaul_shared::settings::Environment;
use longhaul_worker::analysis::Analysis;
use longhaul_worker::{print_kinds_if_asked, serve};

use crate::agents::Agents;
use crate::chat::Chat;
use crate::noop::Noop;
use crate::voice::Voice;

/// Serves the worker function with your own analyses beside those of [`built_in`]. Of two for one kind yours counts.
///
/// Run with `--kinds`, the program prints the kinds of your own analyses and ends.
///
/// # Errors
/// A setting is missing or malformed, or the function's host is gone.
pub async fn run(own: Vec<Arc<dyn Analysis>>) -> Result<()> {
    if print_kinds_if_asked(&own) {
        return Ok(());
    }
    let environment = Environment::from_env();
    let mut all = built_in(&environment)?;
    all.extend(own);
    // On the heap, so that the caller's future stays small and quick to compile.
    Box::pin(serve(environment, all)).await
}

/// The analyses that are configured.
///
/// # Errors
/// A setting is malformed.
pub fn built_in(environment: &Environment) -> Result<Vec<Arc<dyn Analysis>>> {
    let mut analyses: Vec<Arc<dyn Analysis>> = vec![];
    let finops = Finops::configured(environment).context("reading the worker's settings")?;
    let chat = Chat::from_environment(environment, finops.clone())
        .context("reading the worker's settings")?
        .map(Arc::new);
    if let Some(bucket) = environment.optional("RESULTS_BUCKET") {
        let transcriber = environment.optional("TRANSCRIBER_ARN").map(str::to_owned);
        let voice = Voice::new(bucket.to_owned(), transcriber, chat.clone());
        analyses.push(Arc::new(voice));
    }
    analyses.extend(chat.map(|chat| chat as Arc<dyn Analysis>));
    analyses.extend(finops.map(|finops| Arc::new(finops) as Arc<dyn Analysis>));
    let [kinds, arns] =
        ["AGENT_KINDS", "AGENT_ARNS"].map(|name| environment.optional(name).unwrap_or_default());
    for agents in Agents::from_lists(kinds, arns)? {
        analyses.push(Arc::new(agents));
    }
    if environment
        .switch("NOOP_ENABLED")
        .context("reading the worker's settings")?
    {
        analyses.push(Arc::new(Noop));
    }
    Ok(analyses)
}
