//! The journeys of Longhaul's users, each on a clean stack of its own: one binary, so that all of
//! them link once.
//!
//! A real stack in a process of its own, real sockets to it, the stock `aws` command line. Nothing
//! here imports the code under test: what is asserted is what a user sees.

mod api;
mod architecture_rules;
mod chaos;
mod engine;
mod finops;
mod operators;
mod support;

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
