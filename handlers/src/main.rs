//! The binary that is deployed for every function but the worker. `_HANDLER` chooses its entry.
//!
//! It believes tokens only: that a client's mere claim could count is an argument, and no setting
//! reaches it.

use longhaul_handlers::{IdentityMode, run};
use longhaul_shared::settings::Environment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    run(Environment::from_env(), IdentityMode::Tokens).await
}
