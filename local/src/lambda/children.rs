//! The processes of the execution environments by id, so that one can be killed from outside while
//! its environment waits for it. It knows neither functions nor invocations.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process};

/// Clones share it.
#[derive(Clone, Default)]
pub(super) struct Children {
    pids: Arc<Mutex<HashMap<String, Pid>>>,
}

/// A process's place in the list; dropping it leaves the list.
pub(super) struct Entry {
    children: Children,
    id: String,
}

impl Children {
    /// A process that has ended already gets a place and no kill.
    pub(super) fn enter(&self, id: &str, pid: Option<u32>) -> Entry {
        let pid = pid.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        if let Some(pid) = pid {
            self.lock().insert(id.to_owned(), pid);
        }
        Entry {
            children: self.clone(),
            id: id.to_owned(),
        }
    }

    /// Sends SIGKILL; false if there is no such process any more. Its id is not another's yet: an
    /// entry goes with its environment, at once after the process was waited for.
    pub(super) fn kill(&self, id: &str) -> bool {
        let pids = self.lock();
        pids.get(id)
            .is_some_and(|pid| kill_process(*pid, Signal::KILL).is_ok())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Pid>> {
        // The map is whole between any two statements.
        self.pids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.children.lock().remove(&self.id);
    }
}
