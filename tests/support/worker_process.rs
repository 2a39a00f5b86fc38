//! The processes behind a stack's functions: found, stopped, woken and killed, as a machine does it.
//!
//! By `/proc`, and only those of the stack under test.

use std::process::Command;

use crate::support::stack::Stack;
use anyhow::{Result, ensure};

/// A worker's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Worker(u32);

impl Worker {
    /// The workers of this stack that live.
    pub fn all(stack: &Stack) -> Vec<Self> {
        let parent = stack.pid().map(|pid| pid.to_string());
        let is_worker = |pid: &u32| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // After the command's name in brackets: state, parent.
            let rest = status.rsplit(") ").next().unwrap_or_default();
            let of_this = rest.split(' ').nth(1).map(str::to_owned) == parent;
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            of_this
                && environment
                    .split(|byte| *byte == 0)
                    .any(|var| var == b"_HANDLER=worker")
        };
        let numbered = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = numbered.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(is_worker).map(Self).collect()
    }

    pub fn stop(self) -> Result<()> {
        self.signal("-STOP")
    }

    pub fn wake(self) -> Result<()> {
        self.signal("-CONT")
    }

    /// Kill -9; of one that is gone already there is nothing to kill.
    pub fn kill(self) {
        let _ = self.signal("-KILL");
    }

    fn signal(self, signal: &str) -> Result<()> {
        let sent = Command::new("kill")
            .args([signal, &self.0.to_string()])
            .stderr(std::process::Stdio::null())
            .status()?;
        ensure!(sent.success(), "there is no process {}", self.0);
        Ok(())
    }
}
