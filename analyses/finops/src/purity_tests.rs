//! The pure folders use no files, no network, no clock, no environment and no SDK.

use std::fs;
use std::path::{Path, PathBuf};

const PURE_FOLDERS: [&str; 7] = [
    "text",
    "bill",
    "question",
    "plan",
    "cost_data",
    "observations",
    "answer",
];
const BANNED: [&str; 8] = [
    "aws_sdk",
    "tokio",
    "std::fs",
    "std::net",
    "std::env",
    "::now()",
    "crate::read",
    "crate::aws::",
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

#[test]
fn pure_folders_use_no_files_network_clock_or_sdk() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for folder in PURE_FOLDERS {
        for path in files(&source.join(folder)) {
            let text = fs::read_to_string(&path).unwrap();
            for banned in BANNED {
                assert!(!text.contains(banned), "{} has {banned}", path.display());
            }
        }
    }
}
