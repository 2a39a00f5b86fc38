//! The exit codes of the commands. They are a part of the command line's interface.

use std::process::ExitCode;

/// The result of a command that ran to its end. A command that returns an error exits with 2.
pub enum ExitStatus {
    /// 0.
    Success,
    /// A job failed (1).
    JobFailed,
    /// Only a part was done; the output says what is left (1).
    Partial,
    /// A check failed; the output says what to do (2).
    Broken,
    /// Nothing matches the request (3).
    NotFound,
}

impl ExitStatus {
    pub fn code(self) -> ExitCode {
        match self {
            Self::Success => ExitCode::SUCCESS,
            Self::JobFailed | Self::Partial => ExitCode::from(1),
            Self::Broken => ExitCode::from(2),
            Self::NotFound => ExitCode::from(3),
        }
    }
}
