//! A worker with analyses in other languages beside Longhaul's own: the kind `text_statistics` is the program in Python
//! beside this file, `reading_time` the one in examples/typescript.

use longhaul_analyses::run;
use longhaul_program::Program;
use longhaul_worker::analyses;

/// Deployed, the script is in the function's package, and named without a folder.
const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../examples/python/text_statistics.py"
);
/// `npm run build` makes it in its folder.
const SCRIPT_IN_TYPESCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../examples/typescript/dist/reading_time.js"
);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    run(analyses![
        Program::new("text_statistics", "python3", [SCRIPT]),
        Program::new("reading_time", "node", [SCRIPT_IN_TYPESCRIPT]),
    ])
    .await
}
