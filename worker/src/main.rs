//! The worker's binary as it is deployed.

use longhaul_worker::{analyses, run};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    run(analyses![]).await
}
