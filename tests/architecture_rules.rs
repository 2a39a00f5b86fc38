//! The rules of ARCHITECTURE.md that a test can check.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::cli::repository_root;

const MAX_LINES: usize = 400;
/// Folders and files of the pure core, which gets time and bytes as arguments.
const PURE: [&str; 3] = [
    "shared/src/domain/",
    "shared/src/protocol/",
    "shared/src/auth/",
];
/// The parts of them that fetch keys.
const IMPURE: [&str; 4] = [
    "shared/src/auth/fetch.rs",
    "shared/src/auth/key_source.rs",
    "shared/src/auth/token_secret.rs",
    "shared/src/auth/verifier.rs",
];

/// The workspace's crates, by their folders.
fn crates() -> Vec<String> {
    let manifest = read(&repository_root().join("Cargo.toml"));
    let (_, members) = manifest.split_once("members = [").expect("a workspace");
    let (members, _) = members.split_once(']').expect("the end of the members");
    let names = members.split(',').map(|name| name.trim().trim_matches('"'));
    let names: Vec<String> = names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    assert!(names.len() >= 5, "the crates are not found: {names:?}");
    names
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All Rust sources: path from the root, and text.
fn sources() -> Vec<(String, String)> {
    let mut files = vec![];
    for name in crates()
        .iter()
        .map(String::as_str)
        .chain(["tests", "bench"])
    {
        collect_sources(&repository_root().join(name), &mut files);
    }
    assert!(files.len() > 50, "the sources are not found");
    files
        .iter()
        .map(|path| (relative(path), read(path)))
        .collect()
}

fn relative(path: &Path) -> String {
    let path = path
        .strip_prefix(repository_root())
        .expect("below the root");
    path.display().to_string()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .flatten();
    entries.map(|entry| entry.path()).collect()
}

fn collect_sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for path in entries(folder) {
        if path.is_dir() && !path.ends_with("target") {
            collect_sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The paths of all sources that break a rule.
fn offenders(breaks: impl Fn(&str, &str) -> bool) -> Vec<String> {
    sources()
        .into_iter()
        .filter(|(path, text)| breaks(path, text))
        .map(|(path, _)| path)
        .collect()
}

#[test]
fn every_file_has_a_header_and_stays_short() {
    assert_eq!(
        offenders(|_, text| !text.starts_with("//! ")),
        [""; 0],
        "they have no header that says what they do"
    );
    assert_eq!(
        offenders(|_, text| text.lines().count() > MAX_LINES),
        [""; 0],
        "they are over {MAX_LINES} lines"
    );
}

#[test]
fn every_front_end_file_has_a_header_and_stays_short() {
    let mut count = 0;
    for folder in [
        "client/src",
        "client/test",
        "client/scripts",
        "console/src",
        "console/test",
        "console/scripts",
    ] {
        let mut files = vec![];
        collect_files(&repository_root().join("web").join(folder), &mut files);
        for path in files {
            let text = read(&path);
            let header = text.trim_start_matches("// @vitest-environment happy-dom\n");
            assert!(
                header.starts_with("/*"),
                "{path:?} has no header that says what it does"
            );
            let is_generated = header.starts_with("/** Generated ");
            assert!(
                is_generated || text.lines().count() <= MAX_LINES,
                "{path:?} is over {MAX_LINES} lines"
            );
            count += 1;
        }
    }
    assert!(count > 30, "the front end is not found");
}

fn collect_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for path in entries(folder) {
        if path.is_dir() {
            collect_files(&path, files);
        } else {
            files.push(path);
        }
    }
}

#[test]
fn the_pure_core_uses_no_aws_clock_or_environment() {
    let banned = ["aws_", "lambda_", "::now()", "env::", "tokio"];
    let mut counts = [0; PURE.len()];
    for (path, text) in sources() {
        let Some(folder) = PURE.iter().position(|folder| path.starts_with(folder)) else {
            continue;
        };
        counts[folder] += 1;
        if !IMPURE.contains(&path.as_str()) {
            let found = banned.iter().find(|word| text.contains(**word));
            assert_eq!(found, None, "{path} is in the pure core");
        }
    }
    assert!(
        counts.iter().all(|count| *count > 0),
        "{PURE:?} have {counts:?} files"
    );
}

#[test]
fn one_file_reads_the_clock_and_one_the_environment() {
    // In two parts, so that this file does not have them. The embedded cloud plays AWS, and has its own clock; so have the
    // queues that ours is measured beside.
    let exempt = ["local/", "tests/", "bench/baselines/"];
    let is_checked = |path: &str| !exempt.iter().any(|folder| path.starts_with(folder));
    let clocks = [
        concat!("Timestamp::", "now("),
        concat!("SystemTime::", "now("),
        concat!("Zoned::", "now("),
    ];
    let environment = [concat!("env::", "var"), concat!("env::", "vars")];
    for (readers, file) in [
        (&clocks[..], "shared/src/clock.rs"),
        (&environment[..], "shared/src/settings/mod.rs"),
    ] {
        let found = offenders(|path, text| {
            is_checked(path) && readers.iter().any(|reader| text.contains(reader))
        });
        assert_eq!(found, [file], "{readers:?}");
    }
}

#[test]
fn dependencies_between_crates_point_one_way() {
    let all = [
        "longhaul-analyses",
        "longhaul-finops",
        "longhaul-handlers",
        "longhaul-local",
        "longhaul-program",
        "longhaul-shared",
        "longhaul-spec",
        "longhaul-worker",
    ];
    let engine = ["longhaul-shared", "longhaul-worker"];
    let allowed: [(&str, &[&str]); 9] = [
        ("shared", &[]),
        ("local", &[]),
        ("handlers", &["longhaul-shared"]),
        ("worker", &["longhaul-shared"]),
        ("analyses/finops", &engine),
        ("analyses/program", &engine),
        (
            "analyses",
            &[
                "longhaul-finops",
                "longhaul-program",
                "longhaul-shared",
                "longhaul-worker",
            ],
        ),
        ("cli", &all),
        ("spec", &["longhaul-shared"]),
    ];
    for (name, allowed) in allowed {
        let manifest = read(&repository_root().join(name).join("Cargo.toml"));
        let dependencies = manifest
            .lines()
            .filter(|line| line.starts_with("longhaul-"));
        for dependency in dependencies {
            assert!(
                allowed.iter().any(|name| dependency.starts_with(name)),
                "{name} depends on {dependency}"
            );
        }
    }
}

#[test]
fn the_architecture_page_names_every_crate() {
    let page = read(&repository_root().join("ARCHITECTURE.md"));
    let (_, crates_section) = page.split_once("\n## The crates\n").expect("the section");
    let (crates_section, _) = crates_section
        .split_once("\n## ")
        .expect("the next section");
    for name in crates() {
        assert!(
            crates_section.contains(&format!("\n- **`{name}`** ")),
            "ARCHITECTURE.md has no paragraph on the crate {name}"
        );
    }
}
