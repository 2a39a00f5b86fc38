//! The processes of the execution environments by environment id, so that one can be killed from outside
//! while its environment waits for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process};

/// Clones share it.
#[derive(Clone, Default)]
pub(super) struct ProcessRegistry {
    pids: Arc<Mutex<HashMap<String, Pid>>>,
}

/// A registered process. Dropping it removes the process from the registry.
pub(super) struct Registration {
    registry: ProcessRegistry,
    environment_id: String,
}

impl ProcessRegistry {
    /// `pid` is `None` for a process that has already ended; there is nothing to kill then.
    pub(super) fn register(&self, environment_id: &str, pid: Option<u32>) -> Registration {
        let pid = pid.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        if let Some(pid) = pid {
            self.lock().insert(environment_id.to_owned(), pid);
        }
        Registration {
            registry: self.clone(),
            environment_id: environment_id.to_owned(),
        }
    }

    /// Sends SIGKILL; false if the process no longer exists. The pid cannot have been reused: the registration
    /// is dropped with its environment, right after the process was waited for.
    pub(super) fn kill(&self, environment_id: &str) -> bool {
        let pids = self.lock();
        pids.get(environment_id)
            .is_some_and(|pid| kill_process(*pid, Signal::KILL).is_ok())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Pid>> {
        // The map is consistent between any two statements.
        self.pids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.registry.lock().remove(&self.environment_id);
    }
}
