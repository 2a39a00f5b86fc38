//! A worker with analyses in other languages beside Longhaul's own: the kind `text_statistics` is the program in Python
//! beside this file, `reading_time` the one in examples/typescript.

use std::path::Path;

use longhaul_analyses::run;
use longhaul_program::Program;
use longhaul_worker::analyses;

/// The scripts in the source tree; `npm run build` makes the second in its folder.
const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../examples/python/text_statistics.py"
);
const SCRIPT_IN_TYPESCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../examples/typescript/dist/reading_time.js"
);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    run(analyses![
        Program::new("text_statistics", "python3", [deployed(SCRIPT)]),
        Program::new("reading_time", "node", [deployed(SCRIPT_IN_TYPESCRIPT)]),
    ])
    .await
}

/// The script in the function's package, where it is in the current folder; else the one of the source tree.
fn deployed(script: &'static str) -> &'static str {
    match Path::new(script).file_name().and_then(|name| name.to_str()) {
        Some(name) if Path::new(name).exists() => name,
        _ => script,
    }
}
