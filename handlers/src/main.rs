//! The binary that is deployed for every function but the worker. `_HANDLER` chooses its entry.
//!
//! It accepts verified tokens only. That a mere claim may count is an argument, which no setting reaches.

use longhaul_handlers::{IdentityMode, run};
use longhaul_shared::settings::Environment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    // On the heap: the compiler limits how deep a future on the stack may be.
    Box::pin(run(Environment::from_env(), IdentityMode::Tokens)).await
}
