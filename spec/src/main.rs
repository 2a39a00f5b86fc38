//! Writes the schemas, the AsyncAPI document and the lists of docs/protocol.md from the types of the wire protocol, or
//! checks that they are up to date and that the schemas only grew since the baseline.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use longhaul_spec::{asyncapi, growth, reference, schemas, yaml};

const USAGE: &str = "usage: spec write | check";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["write"] => write(),
        ["check"] => check(),
        _ => Err(anyhow::anyhow!(USAGE)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What is generated: each file's path from the root, and its text.
fn generated() -> Result<Vec<(&'static str, String)>> {
    let documents = schemas::documents();
    let asyncapi = asyncapi::document(&root().join("tests/transcripts"))?;
    let mut files: Vec<_> = documents
        .iter()
        .map(|document| (document.path, pretty(&document.schema)))
        .collect();
    files.push(("spec/asyncapi.yaml", yaml::text(&asyncapi)));
    let protocol = "docs/protocol.md";
    files.push((protocol, reference::filled(&read(protocol)?)?));
    Ok(files)
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(root().join(path)).context(path.to_owned())
}

fn write() -> Result<()> {
    for (path, text) in generated()? {
        fs::write(root().join(path), text).context(path)?;
    }
    Ok(())
}

fn check() -> Result<()> {
    let mut stale = vec![];
    for (path, text) in generated()? {
        if read(path).unwrap_or_default() != text {
            stale.push(path);
        }
    }
    if !stale.is_empty() {
        bail!(
            "out of date: {}. Run: cargo run -p longhaul-spec -- write",
            stale.join(", ")
        );
    }
    let mut breaks = vec![];
    for document in schemas::documents() {
        let name = Path::new(document.path).file_name();
        let name = name.context("a schema's file name")?.to_string_lossy();
        let baseline = read(&format!("spec/baseline/{name}"))?;
        let baseline = serde_json::from_str(&baseline).context("a baseline")?;
        breaks.extend(growth::breaks(
            &baseline,
            &document.schema,
            document.direction,
        ));
    }
    if !breaks.is_empty() {
        bail!(
            "clients of longhaul.v1 would break (docs/protocol.md, \"What may change\"):\n{}",
            breaks.join("\n")
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_committed_is_what_the_types_say_and_only_grew() {
        super::check().unwrap();
    }
}
