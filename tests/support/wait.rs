//! Waiting for a state to come about.

use std::time::Duration;

use anyhow::{Result, anyhow};

/// Upper bound of any wait, for a busy machine. It ends a hang and asserts nothing.
pub const MAX_WAIT: Duration = Duration::from_secs(90);

/// Polls until the condition holds; fails with its description after [`MAX_WAIT`].
pub async fn wait_until(
    description: &str,
    condition: impl AsyncFn() -> Result<bool>,
) -> Result<()> {
    let holds = async {
        while !condition().await? {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    };
    let waited = tokio::time::timeout(MAX_WAIT, holds).await;
    waited.unwrap_or_else(|_| Err(anyhow!("this never came about: {description}")))
}
