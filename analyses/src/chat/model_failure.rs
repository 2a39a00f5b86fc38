//! The failure of a job for each error of a model or an agent runtime.
//!
//! Pure. The provider's own message goes to the log and not to the user.

use aws_sdk_bedrockruntime::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::types::error::ConverseStreamOutputError;

use longhaul_worker::analysis::{Failure, JobErrorCode as Code};

/// The failure for an exception, by Bedrock's and AgentCore's names for them; `None` for an error on the way.
pub fn from_exception(exception: Option<&str>) -> Failure {
    let (code, message) = match exception.unwrap_or_default() {
        "ThrottlingException" => (
            Code::ModelThrottled,
            "The assistant gets too many requests just now.",
        ),
        "ServiceQuotaExceededException" => (Code::ModelQuota, "The assistant's quota is used up."),
        "ModelNotReadyException" => (Code::ModelNotReady, "The assistant is not ready yet."),
        "ServiceUnavailableException" | "InternalServerException" => (
            Code::ModelUnavailable,
            "The assistant can't be reached just now.",
        ),
        "ModelTimeoutException" => (Code::ModelTimeout, "The assistant took too long to answer."),
        "ModelStreamErrorException" | "ModelErrorException" | "RuntimeClientError" => {
            (Code::ModelFailed, "The assistant failed while it answered.")
        }
        "ValidationException" => {
            let message = "The assistant rejected this conversation as invalid.";
            return Failure::reject(Code::ModelRefusedInput, message);
        }
        "AccessDeniedException" => {
            let message = "This installation is not allowed to use the assistant.";
            return Failure::reject(Code::ModelAccessDenied, message);
        }
        "ResourceNotFoundException" => {
            let message = "The configured assistant does not exist.";
            return Failure::reject(Code::ModelNotFound, message);
        }
        _ => (
            Code::ModelInterrupted,
            "The assistant's answer ended early.",
        ),
    };
    Failure::retry(code, message)
}

/// The failure for an error before the answer begins. A connection that could not be made counts as an unavailable
/// service, and one without a response as a timeout.
pub fn from_sdk_error<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Failure {
    match error {
        SdkError::TimeoutError(_) => from_exception(Some("ModelTimeoutException")),
        SdkError::DispatchFailure(_) => from_exception(Some("ServiceUnavailableException")),
        SdkError::ServiceError(error) => from_exception(error.err().code()),
        _ => from_exception(None),
    }
}

/// The name of an exception in the middle of a stream.
pub fn exception_in_stream(error: &ConverseStreamOutputError) -> Option<&'static str> {
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
    fn transient_exceptions_are_retried_and_lasting_ones_are_not() {
        let transient = [
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
        let mut codes = BTreeSet::from([from_exception(None).code()]);
        for exception in transient {
            let failure = from_exception(Some(exception));
            assert!(matches!(failure, Failure::Retry { .. }), "{exception}");
            codes.insert(failure.code());
        }
        for exception in lasting {
            let failure = from_exception(Some(exception));
            assert!(matches!(failure, Failure::Reject { .. }), "{exception}");
            codes.insert(failure.code());
        }
        assert_eq!(
            codes.len(),
            transient.len() + lasting.len() + 1,
            "each has its own code"
        );
    }
}
