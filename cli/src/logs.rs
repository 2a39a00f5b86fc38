//! `longhaul logs`: prints a function's log from the embedded cloud's data folder, whether the cloud runs or not.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::output;
use crate::stack::DataDirArgs;

/// How often `--follow` reads the file again.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Args)]
pub struct Logs {
    /// Name of the function: `worker`, or in full `longhaul-worker`.
    function: String,
    /// Keep printing new lines until Ctrl-C.
    #[arg(long)]
    follow: bool,
    /// Lambda request id; prints only that request's lines.
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// Print the metrics too (CloudWatch's embedded metric format).
    #[arg(long)]
    metrics: bool,
    #[command(flatten)]
    data_dir: DataDirArgs,
}

impl Logs {
    pub async fn run(self) -> Result<()> {
        let path = find_log(&self.data_dir.data.join("logs"), &self.function)?;
        let file =
            File::open(&path).with_context(|| format!("opening the log {}", path.display()))?;
        let mut file = BufReader::new(file);
        let mut requests = RequestTracker::default();
        // The last line may be incomplete; it stays in the buffer until the rest is written.
        let mut line = Vec::new();
        loop {
            let count = file.read_until(b'\n', &mut line)?;
            if line.last() == Some(&b'\n') {
                let text = String::from_utf8_lossy(&line);
                let request = requests.request_of(&text);
                let filter = self.request.as_deref();
                let matches = filter.is_none_or(|filter| request.as_deref() == Some(filter));
                if matches && (self.metrics || !is_metrics(&text)) {
                    print!("{text}");
                    if output::is_closed() {
                        return Ok(());
                    }
                }
                line.clear();
            } else if !self.follow {
                return Ok(());
            } else if count == 0 {
                tokio::time::sleep(FOLLOW_INTERVAL).await;
            }
        }
    }
}

/// The log file of the function with this name, or of the only function whose name ends with it.
fn find_log(logs: &Path, function: &str) -> Result<PathBuf> {
    let mut names: Vec<String> = std::fs::read_dir(logs)
        .with_context(|| format!("no embedded cloud has run here: {}", logs.display()))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".log").map(str::to_owned))
        .collect();
    names.sort_unstable();
    let suffix = format!("-{function}");
    let matching: Vec<&String> = names
        .iter()
        .filter(|name| name.ends_with(&suffix))
        .collect();
    match (
        names.iter().find(|name| *name == function),
        matching.as_slice(),
    ) {
        (Some(name), _) | (None, &[name]) => Ok(logs.join(format!("{name}.log"))),
        (None, []) if names.is_empty() => bail!("no function has run yet in {}", logs.display()),
        (None, []) => bail!(
            "no function {function} has run; functions with a log: {}",
            names.join(", ")
        ),
        (None, several) => bail!(
            "{function} is ambiguous; it matches {}",
            several
                .iter()
                .map(|name| name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}

/// Whether a line is a document of CloudWatch's embedded metric format.
fn is_metrics(line: &str) -> bool {
    let text = line.splitn(3, ' ').nth(2);
    text.is_some_and(|text| text.starts_with(r#"{"_aws":"#))
}

/// Assigns lines to requests. A line is `<time> <environment> <text>`, and an environment serves one
/// request at a time.
#[derive(Default)]
struct RequestTracker {
    /// The request id that each environment serves.
    current: BTreeMap<String, String>,
}

impl RequestTracker {
    /// The id of the line's request; `None` outside of a request.
    fn request_of(&mut self, line: &str) -> Option<String> {
        let mut parts = line.trim_end().splitn(3, ' ').skip(1);
        let (environment, text) = (parts.next()?, parts.next().unwrap_or_default());
        if let Some(started) = text.strip_prefix("START RequestId: ") {
            let id = started.split(' ').next().unwrap_or_default();
            self.current.insert(environment.to_owned(), id.to_owned());
        }
        let current = self.current.get(environment).cloned();
        if text.starts_with("REPORT RequestId: ") {
            self.current.remove(environment);
        }
        current
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_belongs_to_the_request_that_its_environment_serves() {
        let mut requests = RequestTracker::default();
        let mut of =
            |line: &str| requests.request_of(&format!("2026-01-01T00:00:00.000Z {line}\n"));
        assert_eq!(of("one before any request"), None);
        assert_eq!(
            of("one START RequestId: a Version: $LATEST").as_deref(),
            Some("a")
        );
        assert_eq!(
            of("two START RequestId: b Version: $LATEST").as_deref(),
            Some("b")
        );
        assert_eq!(of("one a line of request a").as_deref(), Some("a"));
        assert_eq!(of("two "), Some("b".to_owned()));
        assert_eq!(of("one END RequestId: a").as_deref(), Some("a"));
        assert_eq!(
            of("one REPORT RequestId: a\tDuration: 1 ms").as_deref(),
            Some("a")
        );
        assert_eq!(of("one after it"), None);
        assert_eq!(of("two another line").as_deref(), Some("b"));
    }
}
