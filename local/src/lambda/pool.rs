//! The idle environments of one function, and the limits on its concurrent invocations.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::environment::Environment;

/// Start slots of a function per processor. An invocation computes while others wait for AWS services; more
/// processes at once would only share the same processors (bench/README.md has measurements for two and
/// five).
const START_SLOTS_PER_PROCESSOR: usize = 3;
/// How long an invocation occupies a start slot at most. Longer invocations mostly wait for AWS or a timer,
/// so they do not hold up others: on two processors, ten long jobs that arrive together start within 250 ms.
pub(super) const START_SLOT_LIMIT: Duration = Duration::from_millis(100);

/// The environments of one function that wait for an invocation.
pub(super) struct EnvironmentPool {
    concurrency: Arc<Semaphore>,
    start_slots: Arc<Semaphore>,
    /// With the time since when each is idle; the most recently used last. `None` after [`close`]: an
    /// environment that is returned then is dropped, which kills it.
    ///
    /// [`close`]: EnvironmentPool::close
    idle: Mutex<Option<Vec<(Instant, Environment)>>>,
}

impl EnvironmentPool {
    pub(super) fn new(concurrency: Arc<Semaphore>) -> EnvironmentPool {
        let processors = available_parallelism().map_or(2, usize::from);
        EnvironmentPool {
            concurrency,
            start_slots: Arc::new(Semaphore::new(START_SLOTS_PER_PROCESSOR * processors)),
            idle: Mutex::new(Some(Vec::new())),
        }
    }

    /// Waits for a start slot, which the invocation holds for [`START_SLOT_LIMIT`] at most.
    pub(super) async fn acquire_start_slot(&self) -> Option<OwnedSemaphorePermit> {
        // `None` only for a closed semaphore, and this one is never closed.
        self.start_slots.clone().acquire_owned().await.ok()
    }

    /// A permit for one invocation; `None` if the function is throttled.
    pub(super) fn try_acquire_concurrency(&self) -> Option<OwnedSemaphorePermit> {
        self.concurrency.clone().try_acquire_owned().ok()
    }

    /// Removes the most recently used environment whose process is alive.
    pub(super) fn pop(&self) -> Option<Environment> {
        let mut idle = self.lock();
        let idle = idle.as_mut()?;
        while let Some((_, mut environment)) = idle.pop() {
            if environment.is_alive() {
                return Some(environment);
            }
        }
        None
    }

    pub(super) fn push(&self, environment: Environment) {
        if let Some(idle) = self.lock().as_mut() {
            idle.push((Instant::now(), environment));
        }
    }

    /// Closes the pool and returns its idle environments.
    pub(super) fn close(&self) -> Vec<Environment> {
        let idle = self.lock().take().unwrap_or_default();
        idle.into_iter()
            .map(|(_, environment)| environment)
            .collect()
    }

    /// Kills environments that have been idle for `max_idle` or longer.
    pub(super) fn kill_idle(&self, max_idle: Duration) {
        if let Some(idle) = self.lock().as_mut() {
            idle.retain(|(since, _)| since.elapsed() < max_idle);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<(Instant, Environment)>>> {
        // The list is consistent between any two statements, even after a panic elsewhere.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
