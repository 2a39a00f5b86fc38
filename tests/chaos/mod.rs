//! Killed processes, failing AWS calls and dropped sockets.

mod aws_faults;
mod crash_matrix;
mod dead_workers;
mod reconnects;
mod s3_faults;
mod soak;
mod stack_crash;
mod stale_worker;
mod turn_crashes;
