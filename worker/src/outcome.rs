//! What can come of a queue record, of an attempt, and of a write under a lease.

use std::time::Duration;

use serde_json::Value;

use crate::failure::Failure;

/// What happens to a record of the queue.
#[derive(Debug, PartialEq, Eq)]
pub enum RecordOutcome {
    /// Nothing more is to be done for it: the queue deletes it.
    Delete,
    /// It becomes visible again after this long.
    RetryAfter(Duration),
    /// It becomes visible again when its visibility timeout is over.
    RetryAtTimeout,
}

/// How an attempt at a job under a lease stopped.
pub enum AttemptOutcome {
    /// The analysis returned, or the engine failed the job in its place.
    Returned(Result<Value, Failure>),
    /// The invocation's time is over, and what was stored so far is worth continuing from.
    HandOver,
    /// The job's deadline has passed.
    PastDeadline,
    /// The job is no longer this worker's.
    LeaseLost(LeaseLost),
}

impl AttemptOutcome {
    /// The job fails, and can never succeed.
    pub fn rejected(code: impl Into<&'static str>, message: impl Into<String>) -> Self {
        Self::Returned(Err(Failure::reject(code, message)))
    }

    /// The attempt fails, and another may succeed.
    pub fn failed(code: impl Into<&'static str>, message: impl Into<String>) -> Self {
        Self::Returned(Err(Failure::retry(code, message)))
    }
}

/// Why a worker no longer holds a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseLost {
    /// The job was cancelled, or the sweep ended it.
    Ended,
    /// Another worker has claimed it.
    Superseded,
}

impl LeaseLost {
    /// What happens to the record that named the job.
    pub fn record_outcome(self) -> RecordOutcome {
        match self {
            Self::Ended => RecordOutcome::Delete,
            Self::Superseded => RecordOutcome::RetryAtTimeout,
        }
    }
}

/// What came of a write under the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    Written,
    /// The row had changed so that the condition did not hold; the lease now has the row as it is.
    Stale,
    /// The store failed; a later write may succeed.
    Failed,
}
