//! A job's life: its states, and the changes that lead from one to the next.
//!
//! Pure. Each transition is a function that returns a [`Change`]: a condition and the fields that it sets, as data. The
//! store turns a change into one conditional write; the tests apply it in memory; so both mean the same.

mod change;
mod claim;
mod ending;
mod error_code;
mod followers;
mod input;
mod lease;
mod log_write;
mod outcome;
mod recovery;
mod replay;
mod state;
#[cfg(test)]
mod tests;
mod turn;

pub use change::{Assignment, Change, Condition, Increment, Removal};
pub use claim::Claimant;
pub use error_code::JobErrorCode;
pub use input::JobInput;
pub use lease::{Lease, RENEWALS_PER_LEASE, Report};
pub use log_write::{LogWrite, TAIL_BYTES};
pub use outcome::{JobError, JobResult, OPERATOR, Outcome, StoredResult};
pub use recovery::{Availability, Repair, resend_after};
pub use state::{AttemptError, Job, OPEN_SHARDS, QUEUED_PROGRESS, Status, SubmitOptions};
pub use turn::{DialectFollower, Turn};
