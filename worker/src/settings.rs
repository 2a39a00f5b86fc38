//! The settings of the worker function. Each analysis reads its own.

use std::time::Duration;

use longhaul_shared::orchestration::job_backend::JobBackendSettings;
use longhaul_shared::settings;
use longhaul_shared::settings::{days, group, number, seconds, text};

settings! {
    /// Settings of `worker`.
    pub struct WorkerSettings {
        /// How long a claim holds unless it is renewed.
        pub lease: Duration = seconds("LEASE_SECONDS"),
        /// Attempts of a job before it fails.
        pub max_attempts: u32 = number("MAX_ATTEMPTS"),
        /// How long a job is stored after its end.
        pub retention: Duration = days("JOB_RETENTION_DAYS"),
        /// The queue of jobs that continue in the next invocation.
        pub continuations_queue_url: String = text("CONTINUATIONS_QUEUE_URL"),
        /// The queue of dead letters.
        pub dead_letter_queue_url: String = text("JOBS_DEAD_LETTER_QUEUE_URL"),
        /// Where jobs are stored, queued and pushed.
        pub backend: JobBackendSettings = group(),
    }
}
