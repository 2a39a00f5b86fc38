//! The worker function's deployed binary.

use longhaul_analyses::run;

// One thread is enough for the engine, which mostly waits; analyses have threads of their own.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    run(vec![]).await
}
