//! What still holds when processes are killed, calls fail and sockets drop.

pub mod aws_faults;
mod crash_matrix;
mod reconnects;
mod s3_faults;
mod soak;
pub mod stack_crash;
mod stale_worker;
mod turn_crashes;
