//! One process group for all functions, with a guard process that kills the group when the host ends in any
//! way.
//!
//! The guard reads from a pipe whose other end only the host holds. The kernel closes that end even after
//! kill -9; then the read ends and the guard kills the group, itself included. This also ends processes that
//! are busy and would notice the missing Runtime API only at their next request.

use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use tokio::process::{Child, ChildStdin, Command};

/// The process group of all functions. Dropping it kills the group.
pub(super) struct ProcessGroup {
    id: i32,
    /// The guard's stdin, which keeps the group alive while it is open, and the guard, which the runtime reaps.
    guard: Mutex<Option<(ChildStdin, Child)>>,
}

impl ProcessGroup {
    /// Starts the guard, which leads the group.
    ///
    /// # Errors
    /// The guard cannot be started with `/bin/sh`.
    pub(super) fn start() -> anyhow::Result<ProcessGroup> {
        let mut guard = Command::new("/bin/sh")
            .args(["-c", "read -r _; kill -s KILL 0"])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start the functions' guard process with /bin/sh")?;
        let id = guard
            .id()
            .context("the functions' guard process ended at once")?;
        let stdin = guard
            .stdin
            .take()
            .context("the functions' guard process has no stdin")?;
        Ok(ProcessGroup {
            id: i32::try_from(id).context("the guard's process id exceeds i32")?,
            guard: Mutex::new(Some((stdin, guard))),
        })
    }

    /// The id of the group that the functions' processes join.
    pub(super) fn id(&self) -> i32 {
        self.id
    }

    /// Kills every process of the group.
    pub(super) fn kill_all(&self) {
        let guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        // Dropping stdin closes the pipe. The runtime reaps the guard.
        drop({ guard }.take());
    }
}
