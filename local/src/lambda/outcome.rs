//! How an invocation ends.

use bytes::Bytes;

use super::invocation::error_payload;

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvokeOutcome {
    /// The function's response as posted. Empty if the response was streamed.
    Returned(Bytes),
    /// `payload` is JSON with `errorMessage` and `errorType`, as Lambda returns it to callers.
    Failed {
        kind: FailureKind,
        payload: Bytes,
    },
    /// Rejected by a concurrency limit (the function's or the account's); nothing ran.
    Throttled,
    NoSuchFunction,
}

/// Why an invocation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The function posted an error, or a response above Lambda's limit of 6 MB.
    Unhandled,
    /// Killed at the function's timeout.
    TimedOut,
    /// The process ended during the invocation, with this exit code, or `None` after a signal. A process that
    /// exceeds its memory limit is killed by a signal.
    Crashed(Option<i32>),
    /// The process did not request its first invocation.
    Init,
}

impl InvokeOutcome {
    /// The outcome of an invocation that found no process to run it.
    pub(super) fn init_failure(reason: &str) -> InvokeOutcome {
        InvokeOutcome::Failed {
            kind: FailureKind::Init,
            payload: error_payload("Runtime.InitError", reason),
        }
    }
}
