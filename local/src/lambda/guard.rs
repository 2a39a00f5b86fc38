//! One process group for all functions, and a guard process that kills it when the host is gone,
//! in whatever way the host went. It knows nothing of Lambda.
//!
//! The guard reads a pipe whose other end only the host holds. The kernel closes that end even
//! after kill -9, the read ends, and the guard kills its group, itself included. A process that is
//! busy, and would notice a vanished Runtime API only at its next request, dies with the rest.

use std::process::Stdio;
use std::sync::Mutex;

use anyhow::Context;
use tokio::process::{Child, ChildStdin, Command};

/// The group's leader. Dropping it ends the group too.
pub(super) struct Guard {
    group: i32,
    /// The end of the pipe that keeps the group alive, and the child to be reaped by the runtime.
    hold: Mutex<Option<(ChildStdin, Child)>>,
}

impl Guard {
    pub(super) fn start() -> anyhow::Result<Guard> {
        let mut child = Command::new("/bin/sh")
            .args(["-c", "read -r _; kill -s KILL 0"])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start the functions' guard process with /bin/sh")?;
        let group = child.id().context("the functions' guard ended at once")?;
        let stdin = child.stdin.take().context("the guard has no stdin")?;
        Ok(Guard {
            group: i32::try_from(group).context("a process id beyond i32")?,
            hold: Mutex::new(Some((stdin, child))),
        })
    }

    /// The process group that children join.
    pub(super) fn group(&self) -> i32 {
        self.group
    }

    /// Ends every process of the group.
    pub(super) fn kill_all(&self) {
        let held = self.hold.lock().unwrap_or_else(|held| held.into_inner());
        // The pipe closes with the drop; the runtime reaps the orphaned child handle.
        drop({ held }.take());
    }
}
