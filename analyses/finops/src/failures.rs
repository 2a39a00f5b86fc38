//! Failures that any source of costs can cause.

use longhaul_worker::analysis::Failure;

/// A source that cannot be read, now or later. The job fails with `BILL_UNREADABLE`.
pub(crate) fn unreadable(message: String) -> Failure {
    Failure::Reject {
        code: "BILL_UNREADABLE",
        message,
    }
}

/// Amounts that cannot be added without rounding.
pub(crate) fn inexact_sum(name: &str) -> Failure {
    unreadable(format!(
        "The amounts of the bill {name} have too many digits to be added exactly."
    ))
}

/// A plan that can't be followed. The message names its field.
pub(crate) fn refused_plan(message: &str) -> Failure {
    Failure::Reject {
        code: "BAD_PARAMS",
        message: format!("params.{message}."),
    }
}
