//! What every attempt works with: stores, queues, analyses, settings, and the sources of time, randomness and tasks.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use longhaul_shared::clock::Clock;
use longhaul_shared::messaging::job_queue::JobQueue;
use longhaul_shared::messaging::push::ConnectionPusher;
use longhaul_shared::orchestration::job_end_notifier::JobEndNotifier;
use longhaul_shared::random::Random;
use longhaul_shared::store::event_log::EventLog;
use longhaul_shared::store::jobs::Jobs;
use tokio::runtime::Handle;

use crate::analysis::Analysis;

/// The parts that attempts share.
pub struct Engine {
    pub jobs: Jobs,
    pub event_log: EventLog,
    pub pusher: ConnectionPusher,
    pub job_end_notifier: JobEndNotifier,
    /// The queue of jobs that continue in the next invocation.
    pub continuations: JobQueue,
    /// By kind.
    pub analyses: HashMap<String, Arc<dyn Analysis>>,
    pub limits: AttemptLimits,
    pub sources: Sources,
}

/// The settings of attempts.
#[derive(Debug, Clone, Copy)]
pub struct AttemptLimits {
    /// How long a claim holds unless it is renewed.
    pub lease: Duration,
    pub max_attempts: u32,
    /// How long a job is kept after its end.
    pub retention: Duration,
}

/// Everything that differs from one run of the engine to the next. A simulation gives a clock and random numbers
/// of its own, and one runtime with paused time for all tasks.
pub struct Sources {
    pub clock: Clock,
    pub random: Random,
    /// Runs the analyses. A runtime apart from the engine's, so that an analysis that blocks its thread can't delay
    /// a heartbeat.
    pub analysis_tasks: Handle,
    /// Runs the pushes to followers.
    pub push_tasks: Handle,
}

impl Sources {
    /// The wall clock and the system's random numbers; analyses on the given runtime, pushes on the current one.
    pub fn of_system(analysis_tasks: Handle) -> Self {
        Self {
            clock: Clock::system(),
            random: Random::system(),
            analysis_tasks,
            push_tasks: Handle::current(),
        }
    }
}

impl Engine {
    pub fn now(&self) -> Timestamp {
        self.sources.clock.now()
    }
}
