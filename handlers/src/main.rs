//! The binary that is deployed for every function but the worker. `_HANDLER` chooses its entry.
//!
//! It believes tokens only: that a client's mere claim could count is an argument, and no setting
//! reaches it.

use longhaul_handlers::{Trust, run};
use longhaul_shared::config::Config;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    run(Config::from_env(), Trust::Tokens).await
}
