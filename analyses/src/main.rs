//! The worker's binary as it is deployed.

use longhaul_analyses::run;

// The attempt mostly waits; analyses have threads of their own.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    run(vec![]).await
}
