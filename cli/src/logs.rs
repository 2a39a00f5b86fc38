//! `longhaul logs`: what a function of the embedded cloud has printed.
//!
//! Reads the log files that the cloud writes, whether it runs or not; knows their form and nothing of
//! what is said in them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::stack::Place;

/// How often a followed log is looked at for more.
const LOOK_EACH: Duration = Duration::from_millis(100);

#[derive(Args)]
pub struct Logs {
    /// The function: `worker`, or in full, `longhaul-worker`.
    function: String,
    /// Go on with what is printed from now on.
    #[arg(long)]
    follow: bool,
    /// Only the lines of this request, by its Lambda request id.
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// The metrics too, which are for CloudWatch to read.
    #[arg(long)]
    metrics: bool,
    #[command(flatten)]
    place: Place,
}

impl Logs {
    pub async fn run(self) -> Result<()> {
        let path = find(&self.place.data.join("logs"), &self.function)?;
        let file = File::open(&path).with_context(|| format!("the log {}", path.display()))?;
        let mut file = BufReader::new(file);
        let mut requests = Requests::default();
        let mut out = io::stdout().lock();
        // The last line may be half written yet: it is kept until its end has come.
        let mut line = Vec::new();
        loop {
            let count = file.read_until(b'\n', &mut line)?;
            if line.last() == Some(&b'\n') {
                let text = String::from_utf8_lossy(&line);
                let of_request = requests.of(&text);
                let asked = self.request.as_deref();
                let wanted = asked.is_none_or(|asked| of_request.as_deref() == Some(asked));
                if wanted && (self.metrics || !is_metrics(&text)) {
                    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
                        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                        written => written.context("writing to standard output")?,
                    }
                }
                line.clear();
            } else if !self.follow {
                return Ok(());
            } else if count == 0 {
                tokio::time::sleep(LOOK_EACH).await;
            }
        }
    }
}

/// The log of the function of this name, or of the only one that ends in it.
fn find(logs: &Path, function: &str) -> Result<PathBuf> {
    let mut names: Vec<String> = std::fs::read_dir(logs)
        .with_context(|| format!("no embedded cloud has run here: {}", logs.display()))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".log").map(str::to_owned))
        .collect();
    names.sort_unstable();
    let short = format!("-{function}");
    let ending: Vec<&String> = names.iter().filter(|name| name.ends_with(&short)).collect();
    match (
        names.iter().find(|name| *name == function),
        ending.as_slice(),
    ) {
        (Some(name), _) | (None, &[name]) => Ok(logs.join(format!("{name}.log"))),
        (None, []) if names.is_empty() => bail!("no function has run yet in {}", logs.display()),
        (None, []) => bail!(
            "no function {function} has run; there are {}",
            names.join(", ")
        ),
        (None, several) => bail!(
            "{function} may be any of {}",
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
    let printed = line.splitn(3, ' ').nth(2);
    printed.is_some_and(|printed| printed.starts_with(r#"{"_aws":"#))
}

/// Which request each line belongs to. A line is `<time> <environment> <text>`, and an environment
/// serves one request at a time.
#[derive(Default)]
struct Requests {
    running: BTreeMap<String, String>,
}

impl Requests {
    fn of(&mut self, line: &str) -> Option<String> {
        let mut parts = line.trim_end().splitn(3, ' ').skip(1);
        let (environment, text) = (parts.next()?, parts.next().unwrap_or_default());
        if let Some(started) = text.strip_prefix("START RequestId: ") {
            let id = started.split(' ').next().unwrap_or_default();
            self.running.insert(environment.to_owned(), id.to_owned());
        }
        let running = self.running.get(environment).cloned();
        if text.starts_with("REPORT RequestId: ") {
            self.running.remove(environment);
        }
        running
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_belongs_to_the_request_that_its_environment_serves() {
        let mut requests = Requests::default();
        let mut of = |line: &str| requests.of(&format!("2026-01-01T00:00:00.000Z {line}\n"));
        assert_eq!(of("one before anything"), None);
        assert_eq!(
            of("one START RequestId: a Version: $LATEST").as_deref(),
            Some("a")
        );
        assert_eq!(
            of("two START RequestId: b Version: $LATEST").as_deref(),
            Some("b")
        );
        assert_eq!(of("one said in between").as_deref(), Some("a"));
        assert_eq!(of("two "), Some("b".to_owned()));
        assert_eq!(of("one END RequestId: a").as_deref(), Some("a"));
        assert_eq!(
            of("one REPORT RequestId: a\tDuration: 1 ms").as_deref(),
            Some("a")
        );
        assert_eq!(of("one after it"), None);
        assert_eq!(of("two still").as_deref(), Some("b"));
    }
}
