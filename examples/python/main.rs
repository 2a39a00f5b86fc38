//! A worker with an analysis in Python beside Longhaul's own: the kind `text_statistics` is the program beside this file.

use longhaul_analyses::run;
use longhaul_program::Program;
use longhaul_worker::analyses;

/// Deployed, the script is in the function's package, and named without a folder.
const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../examples/python/text_statistics.py"
);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    run(analyses![Program::new(
        "text_statistics",
        "python3",
        [SCRIPT]
    )])
    .await
}
