//! What a failed call of a check means: a missing permission, no answer, or an answer that is not AWS's.

use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// What was found, and what to do. `permission` is the one that the call needs.
pub fn explain<E, R>(error: &SdkError<E, R>, permission: &str) -> (String, String)
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match error.code() {
        Some(code) if is_denial(code) => {
            let found = error.message().unwrap_or(code).to_owned();
            (
                found,
                format!("this check needs the permission {permission}"),
            )
        }
        Some(code) => {
            let found = format!("{code}: {}", error.message().unwrap_or_default());
            (
                found,
                "AWS refused the call; its message says why".to_owned(),
            )
        }
        None if answered(error) => {
            let found = format!("the answer can't be read: {}", causes(error));
            let advice = "something else than AWS answers: check the endpoint and the proxy";
            (found, advice.to_owned())
        }
        None => {
            let found = format!("no answer: {}", causes(error));
            (found, "check region and network".to_owned())
        }
    }
}

/// An error and its causes on one line, each once.
pub fn causes(error: &dyn Error) -> String {
    let mut parts: Vec<String> = vec![];
    let mut next = Some(error);
    while let Some(error) = next {
        let part = error.to_string();
        // Some errors repeat their cause.
        if parts.last().is_none_or(|last| !last.ends_with(&part)) {
            parts.push(part);
        }
        next = error.source();
    }
    parts.join(": ")
}

/// Whether there was an answer at all.
pub fn answered<E, R>(error: &SdkError<E, R>) -> bool {
    matches!(
        error,
        SdkError::ServiceError(_) | SdkError::ResponseError(_)
    )
}

/// Whether AWS refused the caller.
pub fn is_denied<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.code().is_some_and(is_denial)
}

/// The codes with which AWS refuses a caller.
fn is_denial(code: &str) -> bool {
    code.starts_with("AccessDenied") || code.starts_with("UnauthorizedOperation")
}
