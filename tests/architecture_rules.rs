//! The house rules, kept by a test.

use std::fs;
use std::path::{Path, PathBuf};

const CRATES: [&str; 7] = [
    "shared", "handlers", "worker", "local", "cli", "tests", "bench",
];
/// The core that takes time and bytes as arguments.
const PURE: [&str; 31] = [
    "auth/mod.rs",
    "auth/claims.rs",
    "auth/jwks.rs",
    "dialect/mod.rs",
    "dialect/chat_message.rs",
    "dialect/send_message.rs",
    "dialect/text_message.rs",
    "event.rs",
    "ids.rs",
    "job/change.rs",
    "job/lease.rs",
    "job/mod.rs",
    "job/replay.rs",
    "job/streaming.rs",
    "job/tests.rs",
    "job/turn.rs",
    "limits.rs",
    "quota/bucket.rs",
    "protocol/mod.rs",
    "protocol/admin.rs",
    "protocol/answer.rs",
    "protocol/conversation.rs",
    "protocol/event.rs",
    "protocol/mail.rs",
    "protocol/refusal.rs",
    "protocol/request.rs",
    "protocol/request/admin.rs",
    "protocol/request/chat.rs",
    "protocol/request/mail.rs",
    "protocol/request/voice.rs",
    "stream.rs",
];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn sources() -> Vec<(String, String)> {
    let mut files = vec![];
    for name in CRATES {
        collect(&root().join(name), &mut files);
    }
    assert!(files.len() > 50, "the sources are not where they were");
    let named = |path: &PathBuf| {
        path.strip_prefix(root())
            .expect("below the root")
            .display()
            .to_string()
    };
    files
        .iter()
        .map(|path| {
            (
                named(path),
                fs::read_to_string(path).expect("a source is text"),
            )
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources").flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn offenders(breaks: impl Fn(&str, &str) -> bool) -> Vec<String> {
    sources()
        .into_iter()
        .filter(|(path, text)| breaks(path, text))
        .map(|(path, _)| path)
        .collect()
}

#[test]
fn every_file_says_what_it_does_and_stays_short() {
    assert_eq!(
        offenders(|_, text| !text.starts_with("//! ")),
        [""; 0],
        "they open without saying what they do"
    );
    assert_eq!(
        offenders(|_, text| text.lines().count() > 400),
        [""; 0],
        "they are over 400 lines"
    );
}

#[test]
fn the_front_ends_files_say_what_they_do_and_stay_short() {
    let mut seen = 0;
    for folder in [
        "client/src",
        "client/test",
        "client/scripts",
        "console/src",
        "console/test",
        "console/scripts",
    ] {
        let folder = root().join("web").join(folder);
        for file in fs::read_dir(folder).expect("a folder of sources").flatten() {
            let text = fs::read_to_string(file.path()).expect("a source is text");
            let opening = text.trim_start_matches("// @vitest-environment happy-dom\n");
            let name = file.file_name();
            assert!(
                opening.starts_with("/*"),
                "{name:?} does not say what it does"
            );
            assert!(text.lines().count() <= 400, "{name:?} is over 400 lines");
            seen += 1;
        }
    }
    assert!(seen > 30, "the front end is not where it was");
}

#[test]
fn the_pure_core_knows_no_aws_no_clock_and_no_environment() {
    for name in PURE {
        let path = format!("shared/src/{name}");
        let (_, text) = sources()
            .into_iter()
            .find(|(file, _)| *file == path)
            .unwrap_or_else(|| panic!("{path} is gone"));
        for banned in ["aws_", "lambda_", "::now()", "env::", "tokio"] {
            assert!(!text.contains(banned), "{path} has {banned}");
        }
    }
}

#[test]
fn one_file_reads_the_clock_and_one_the_environment() {
    // Split here, so that this file does not offend itself. What is local plays AWS: it has a clock
    // of its own, and so have the queues that ours is measured beside.
    let theirs = ["local/", "tests/", "bench/baselines/"];
    let ours = |path: &str| !theirs.iter().any(|folder| path.starts_with(folder));
    let clocks = [
        concat!("Timestamp::", "now("),
        concat!("SystemTime::", "now("),
        concat!("Zoned::", "now("),
    ];
    assert_eq!(
        offenders(|path, text| ours(path) && clocks.iter().any(|clock| text.contains(clock))),
        ["shared/src/time.rs"]
    );
    let environment = [concat!("env::", "var"), concat!("env::", "vars")];
    assert_eq!(
        offenders(|path, text| ours(path) && environment.iter().any(|reader| text.contains(reader))),
        ["shared/src/config.rs"]
    );
}

#[test]
fn the_dependencies_point_one_way() {
    let all = [
        "longhaul-handlers",
        "longhaul-local",
        "longhaul-shared",
        "longhaul-worker",
    ];
    let allowed: [(&str, &[&str]); 5] = [
        ("shared", &[]),
        ("local", &[]),
        ("handlers", &["longhaul-shared"]),
        ("worker", &["longhaul-shared"]),
        ("cli", &all),
    ];
    for (name, allowed) in allowed {
        let manifest =
            fs::read_to_string(root().join(name).join("Cargo.toml")).expect("a manifest");
        let imports = manifest
            .lines()
            .filter(|line| line.starts_with("longhaul-"));
        for import in imports {
            assert!(
                allowed.iter().any(|ours| import.starts_with(ours)),
                "{name} imports {import}"
            );
        }
    }
}

#[test]
fn every_module_is_on_the_map() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the map");
    for (path, _) in sources() {
        // A module of several files is on the map as its folder, and so is what only tests need.
        let mut named = Path::new(&path)
            .ancestors()
            .map(|part| part.display().to_string());
        let on_the_map = named
            .any(|part| map.contains(&format!("`{part}`")) || map.contains(&format!("`{part}/`")));
        assert!(on_the_map, "ARCHITECTURE.md does not name {path}");
    }
}
