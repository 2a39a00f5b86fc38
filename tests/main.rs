//! The journeys of Longhaul's users, each on a clean stack of its own: one binary, so that all of
//! them link once.
//!
//! A real stack in a process of its own, real sockets to it, the stock `aws` command line. Nothing
//! here imports the code under test: what is asserted is what a user sees.

mod bedrock;
mod bucket;
mod client;
mod collector;
mod follower;
mod issuer;
mod planted;
mod processes;
mod stack;
mod transcript;

mod admin;
mod agent_runtime;
mod answers;
mod attacks;
mod bills;
mod bills_fetched;
mod budget;
mod changes;
mod chat;
mod commands;
mod connecting;
mod cost;
mod cost_apis;
mod cost_sources;
mod crash;
mod dead_letters;
mod dialects;
mod doctor;
mod drops;
mod endings;
mod fairness;
mod fanout;
mod faults;
mod functions;
mod gateway;
mod identity;
mod jobs;
mod logs;
mod matrix;
mod messages;
mod notifications;
mod on_call;
mod operating;
mod operators;
mod overseeing;
mod own_analyses;
mod quota;
mod refusals;
mod results;
mod roles;
mod s3;
mod s3_faults;
mod sessions;
mod smoke;
mod soak;
mod tidy;
mod topics;
mod traces;
mod turns;
mod voice;
mod zombie;

use std::time::Duration;

/// What a state may take to come about on a busy machine. It bounds a hang and asserts nothing.
const PATIENCE: Duration = Duration::from_secs(90);

/// Waits until the condition holds, and says what was waited for if it never does.
async fn until(
    what: &str,
    condition: impl AsyncFn() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let held = async {
        while !condition().await? {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    };
    let waited = tokio::time::timeout(PATIENCE, held).await;
    waited.unwrap_or_else(|_| Err(anyhow::anyhow!("this never came about: {what}")))
}
