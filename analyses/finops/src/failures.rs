//! Failures of the analysis that any source can cause.

use longhaul_worker::analysis::Failure;

/// What can't be read, and never will be.
pub(crate) fn unreadable(message: String) -> Failure {
    Failure::Reject {
        code: "BILL_UNREADABLE",
        message,
    }
}

/// A bill whose sums would have to be rounded.
pub(crate) fn inexact_sum(name: &str) -> Failure {
    unreadable(format!(
        "The amounts of the bill {name} have too many digits to be added exactly."
    ))
}
