//! Errors of the template reader: what is wrong, and on which line.

/// A problem in a template, with the file and line where it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: line {line}: {problem}")]
pub struct TemplateError {
    /// The file name that the caller passed in.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// One sentence without a full stop.
    pub problem: String,
}

/// A [`TemplateError`] without the file name, as the reader's own functions return it.
#[derive(Debug)]
pub(super) struct LineError {
    pub(super) line: usize,
    pub(super) problem: String,
}

pub(super) type Result<T> = std::result::Result<T, LineError>;

impl LineError {
    pub(super) fn at(line: usize, problem: impl Into<String>) -> LineError {
        LineError {
            line,
            problem: problem.into(),
        }
    }

    pub(super) fn in_file(self, file: &str) -> TemplateError {
        TemplateError {
            file: file.to_string(),
            line: self.line,
            problem: self.problem,
        }
    }
}
