//! How an analysis fails.

/// Why an analysis can't continue.
///
/// ```
/// use longhaul_worker::analysis::Failure;
///
/// let rejected = Failure::reject("NO_SUCH_TABLE", "There is no table 'sales'.");
/// assert_eq!(rejected.code(), "NO_SUCH_TABLE");
/// let busy = Failure::retry("DATABASE_BUSY", "The database is busy.");
/// assert_eq!(busy.message(), "The database is busy.");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The work can never succeed: the job fails at once.
    Reject {
        /// The machine-readable reason, in capitals and underscores.
        code: &'static str,
        /// A sentence for the user who submitted the job.
        message: String,
    },
    /// The work may succeed later: the job goes back to the queue while it has attempts left.
    Retry {
        /// The machine-readable reason, in capitals and underscores.
        code: &'static str,
        /// A sentence for the user who submitted the job.
        message: String,
    },
}

impl Failure {
    /// The work can never succeed. The code is one of your own or a [`JobErrorCode`](crate::analysis::JobErrorCode).
    pub fn reject(code: impl Into<&'static str>, message: impl Into<String>) -> Self {
        Self::Reject {
            code: code.into(),
            message: message.into(),
        }
    }

    /// The work may succeed later. The code is one of your own or a [`JobErrorCode`](crate::analysis::JobErrorCode).
    pub fn retry(code: impl Into<&'static str>, message: impl Into<String>) -> Self {
        Self::Retry {
            code: code.into(),
            message: message.into(),
        }
    }

    /// The machine-readable reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Reject { code, .. } | Self::Retry { code, .. } => code,
        }
    }

    /// The sentence for the user who submitted the job.
    pub fn message(&self) -> &str {
        match self {
            Self::Reject { message, .. } | Self::Retry { message, .. } => message,
        }
    }

    /// The failure of a whole whose parts all failed: the first that may succeed later, since that is worth another
    /// attempt, else the first. `None` without any failure.
    pub fn of_all(mut failures: Vec<Self>) -> Option<Self> {
        let is_retry = |failure: &Self| matches!(failure, Self::Retry { .. });
        let chosen = failures.iter().position(is_retry).unwrap_or(0);
        (!failures.is_empty()).then(|| failures.swap_remove(chosen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_outweighs_rejections() {
        let refused = || Failure::reject("REFUSED", "The bill a is refused.");
        let throttled = || Failure::retry("BILL_UNREACHABLE", "The bill b is not there now.");
        let of_all = Failure::of_all;
        assert_eq!(of_all(vec![refused(), throttled()]), Some(throttled()));
        assert_eq!(of_all(vec![throttled(), refused()]), Some(throttled()));
        assert_eq!(of_all(vec![refused(), refused()]), Some(refused()));
        assert_eq!(of_all(Vec::new()), None);
    }
}
