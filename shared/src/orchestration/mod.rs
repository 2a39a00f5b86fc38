//! Operations that use several tables and queues: what follows the end of a job, turns, and replays of failed
//! jobs.

pub mod failed_runs;
pub mod job_backend;
pub mod job_end_notifier;
pub mod job_replayer;
pub mod turn_scheduler;
