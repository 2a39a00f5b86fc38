//! What a model's or an agent runtime's errors mean for a job: whether another attempt is worth it, and what
//! its user is told.
//!
//! Pure. What the provider says stays in the log.

use aws_sdk_bedrockruntime::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::types::error::ConverseStreamOutputError;

use longhaul_worker::analysis::Failure;

/// The failure that an error of this code is, by Bedrock's and AgentCore's names for their exceptions. One
/// that has none came about on the way.
pub fn failure(exception: Option<&str>) -> Failure {
    let (code, message) = match exception.unwrap_or_default() {
        "ThrottlingException" => (
            "MODEL_THROTTLED",
            "The assistant is asked too much just now.",
        ),
        "ServiceQuotaExceededException" => {
            ("MODEL_QUOTA", "The assistant has been asked too much.")
        }
        "ModelNotReadyException" => ("MODEL_NOT_READY", "The assistant is not ready yet."),
        "ServiceUnavailableException" | "InternalServerException" => (
            "MODEL_UNAVAILABLE",
            "The assistant can't be reached just now.",
        ),
        "ModelTimeoutException" => ("MODEL_TIMEOUT", "The assistant took too long to answer."),
        "ModelStreamErrorException" | "ModelErrorException" | "RuntimeClientError" => {
            ("MODEL_FAILED", "The assistant failed while it answered.")
        }
        "ValidationException" => {
            let message = "The assistant can't take this conversation as it is.";
            return Failure::reject("MODEL_REFUSED_INPUT", message);
        }
        "AccessDeniedException" => {
            let message = "The assistant may not be asked by this installation.";
            return Failure::reject("MODEL_ACCESS_DENIED", message);
        }
        "ResourceNotFoundException" => {
            let message = "The assistant that is configured here does not exist.";
            return Failure::reject("MODEL_NOT_FOUND", message);
        }
        _ => ("MODEL_INTERRUPTED", "The assistant's answer broke off."),
    };
    let message = message.to_owned();
    Failure::Retry { code, message }
}

/// The failure that an error before any answer is; of a connection that was not made, and of one on which
/// nothing came in time, as of the exceptions that say so.
pub fn unanswered<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Failure {
    match error {
        SdkError::TimeoutError(_) => failure(Some("ModelTimeoutException")),
        SdkError::DispatchFailure(_) => failure(Some("ServiceUnavailableException")),
        SdkError::ServiceError(error) => failure(error.err().code()),
        _ => failure(None),
    }
}

/// The name of an exception that came in the middle of a stream.
pub fn in_stream(error: &ConverseStreamOutputError) -> Option<&'static str> {
    use ConverseStreamOutputError as Error;
    Some(match error {
        Error::InternalServerException(_) => "InternalServerException",
        Error::ModelStreamErrorException(_) => "ModelStreamErrorException",
        Error::ServiceUnavailableException(_) => "ServiceUnavailableException",
        Error::ThrottlingException(_) => "ThrottlingException",
        Error::ValidationException(_) => "ValidationException",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_may_pass_is_tried_again_and_the_rest_is_not() {
        let passing = [
            "ThrottlingException",
            "ServiceQuotaExceededException",
            "ModelNotReadyException",
            "ServiceUnavailableException",
            "ModelTimeoutException",
            "ModelErrorException",
        ];
        let lasting = [
            "ValidationException",
            "AccessDeniedException",
            "ResourceNotFoundException",
        ];
        let mut codes = BTreeSet::from([failure(None).code()]);
        for exception in passing {
            let failure = failure(Some(exception));
            assert!(matches!(failure, Failure::Retry { .. }), "{exception}");
            codes.insert(failure.code());
        }
        for exception in lasting {
            let failure = failure(Some(exception));
            assert!(matches!(failure, Failure::Reject { .. }), "{exception}");
            codes.insert(failure.code());
        }
        assert_eq!(codes.len(), passing.len() + lasting.len() + 1, "told apart");
    }
}
