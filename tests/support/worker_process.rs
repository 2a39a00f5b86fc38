//! The worker processes of a stack, found in `/proc`, and signals to them.

use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

use crate::support::stack::Stack;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkerProcess {
    pid: u32,
}

impl WorkerProcess {
    /// All living workers of this stack.
    pub fn all(stack: &Stack) -> Vec<Self> {
        let parent = stack.pid().map(|pid| pid.to_string());
        let is_worker = |pid: &u32| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // After the command's name in brackets: state, parent.
            let rest = status.rsplit(") ").next().unwrap_or_default();
            let is_child = rest.split(' ').nth(1).map(str::to_owned) == parent;
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            is_child
                && environment
                    .split(|byte| *byte == 0)
                    .any(|variable| variable == b"_HANDLER=worker")
        };
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(is_worker).map(|pid| Self { pid }).collect()
    }

    /// Suspends it until [`WorkerProcess::resume`].
    pub fn suspend(self) -> Result<()> {
        self.signal("-STOP")
    }

    pub fn resume(self) -> Result<()> {
        self.signal("-CONT")
    }

    /// Kill -9. It may have ended already.
    pub fn kill(self) {
        let _ = self.signal("-KILL");
    }

    fn signal(self, signal: &str) -> Result<()> {
        let sent = Command::new("kill")
            .args([signal, &self.pid.to_string()])
            .stderr(Stdio::null())
            .status()?;
        ensure!(sent.success(), "there is no process {}", self.pid);
        Ok(())
    }
}
