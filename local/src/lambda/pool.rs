//! Which environments of a function are idle, and how many invocations may run at once. It starts
//! no process and knows no payload.

use std::sync::{Arc, Mutex, Weak};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use anyhow::bail;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Host;
use super::environment::Environment;
use crate::plan;

/// Invocations of a function that are at work at once before the next waits, for each processor: one computes
/// while others wait for the cloud. Each environment is a process, and more of them would only share the same
/// processors (bench/README.md has what two and five did).
const PLACES: usize = 3;
/// An invocation that takes longer mostly waits, for AWS or for its clock, and keeps nobody else waiting: on two
/// processors ten long jobs that come at once begin within a quarter of a second.
pub(super) const SHORT: Duration = Duration::from_millis(100);

/// The account's concurrency, less what functions reserve: shared by those that reserve nothing.
pub(super) struct Admission {
    shared: Arc<Semaphore>,
}

impl Admission {
    /// # Errors
    /// Functions reserve everything: AWS refuses that too, for the sake of the others.
    pub(super) fn divide(
        concurrency: u32,
        functions: &[plan::Function],
    ) -> anyhow::Result<Admission> {
        let reserved: u32 = functions
            .iter()
            .filter_map(|function| function.reserved_concurrency)
            .fold(0, u32::saturating_add);
        if reserved >= concurrency {
            bail!(
                "ReservedConcurrentExecutions of all functions is {reserved} of {concurrency} in \
                 the account: nothing is left for functions that reserve nothing"
            );
        }
        Ok(Admission {
            shared: Arc::new(Semaphore::new((concurrency - reserved) as usize)),
        })
    }

    /// What limits this function: its own reservation, or the shared rest.
    pub(super) fn of(&self, function: &plan::Function) -> Arc<Semaphore> {
        match function.reserved_concurrency {
            Some(reserved) => Arc::new(Semaphore::new(reserved as usize)),
            None => self.shared.clone(),
        }
    }
}

/// The environments of one function that wait for work, the most recently used last.
pub(super) struct Pool {
    admission: Arc<Semaphore>,
    places: Arc<Semaphore>,
    /// `None` once the host stops: what comes back then is dropped, which kills it.
    idle: Mutex<Option<Vec<(Instant, Environment)>>>,
}

impl Pool {
    pub(super) fn new(admission: Arc<Semaphore>) -> Pool {
        let processors = available_parallelism().map_or(2, usize::from);
        Pool {
            admission,
            places: Arc::new(Semaphore::new(PLACES * processors)),
            idle: Mutex::new(Some(Vec::new())),
        }
    }

    /// A place among the invocations that are at work, for no longer than [`SHORT`].
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        // Only a closed semaphore has none, and nobody closes this one.
        self.places.clone().acquire_owned().await.ok()
    }

    /// A permit for one invocation, or `None`: throttled.
    pub(super) fn admit(&self) -> Option<OwnedSemaphorePermit> {
        self.admission.clone().try_acquire_owned().ok()
    }

    /// The most recently used environment that still lives.
    pub(super) fn take(&self) -> Option<Environment> {
        let mut idle = self.lock();
        let idle = idle.as_mut()?;
        while let Some((_, mut environment)) = idle.pop() {
            if environment.is_alive() {
                return Some(environment);
            }
        }
        None
    }

    pub(super) fn put(&self, environment: Environment) {
        if let Some(idle) = self.lock().as_mut() {
            idle.push((Instant::now(), environment));
        }
    }

    /// Ends the pool and gives back what was idle.
    pub(super) fn close(&self) -> Vec<Environment> {
        let idle = self.lock().take().unwrap_or_default();
        idle.into_iter()
            .map(|(_, environment)| environment)
            .collect()
    }

    /// Kills what has been idle for so long.
    pub(super) fn kill_idle_for(&self, longest: Duration) {
        if let Some(idle) = self.lock().as_mut() {
            idle.retain(|(since, _)| since.elapsed() < longest);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Vec<(Instant, Environment)>>> {
        // A panic elsewhere leaves a list of environments, whole in any case.
        self.idle
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Kills, for as long as the host is there, what has been idle for `longest`.
pub(super) fn reap_idle(host: Weak<Host>, longest: Duration) {
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(longest / 20);
        loop {
            ticks.tick().await;
            let Some(host) = host.upgrade() else { return };
            for function in host.functions.values() {
                function.pool.kill_idle_for(longest);
            }
        }
    });
}
