//! The wire log: each AWS call of a stack, a line of JSON in the file that `--wire-log` names.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::wait::MAX_WAIT;

/// A wire log in a temporary folder.
pub struct WireLog {
    _folder: TempDir,
    path: PathBuf,
}

impl WireLog {
    pub fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("wire.log");
        Ok(Self {
            _folder: folder,
            path,
        })
    }

    /// The options of `longhaul up` that write it.
    pub fn options(&self) -> Result<[&str; 2]> {
        let path = self.path.to_str().context("a path is text")?;
        Ok(["--wire-log", path])
    }

    pub fn text(&self) -> Result<String> {
        Ok(std::fs::read_to_string(&self.path)?)
    }

    /// Its length in bytes, to read only what comes later.
    pub fn len(&self) -> Result<usize> {
        Ok(self.text()?.len())
    }

    pub fn calls(&self) -> Result<Vec<Value>> {
        self.calls_after(0)
    }

    /// The calls written after the log had this length.
    pub fn calls_after(&self, length: usize) -> Result<Vec<Value>> {
        let text = self.text()?;
        // The last line may still be being written.
        let whole = text[length..].lines().filter(|line| line.ends_with('}'));
        Ok(whole
            .map(serde_json::from_str)
            .collect::<serde_json::Result<_>>()?)
    }

    /// All calls, once they meet the condition.
    pub async fn wait_for_calls(&self, condition: impl Fn(&[Value]) -> bool) -> Result<Vec<Value>> {
        let wait = async {
            loop {
                let calls = self.calls()?;
                if condition(&calls) {
                    return Ok(calls);
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(MAX_WAIT, wait)
            .await
            .context("the calls did not come about")?
    }
}
