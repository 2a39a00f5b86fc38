//! What calls of AWS's cost services share: their region and their failures.

use aws_sdk_costexplorer::config::http::HttpResponse;
use aws_sdk_costexplorer::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use longhaul_worker::analysis::Failure;

/// The endpoint of all three services in the commercial partition, wherever the worker runs.
pub(crate) const REGION: &str = "us-east-1";

/// The failure of a call. Transient errors are retried where no other source answers the question. AWS's own error
/// goes to the log only.
pub(crate) fn call_failure<E>(
    service: &str,
    error: &SdkError<E, HttpResponse>,
    refusal_hint: &str,
) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let code = error.code().unwrap_or("no answer").to_owned();
    let status = error.raw_response().map(|answer| answer.status().as_u16());
    tracing::warn!(service, code, status, error = %DisplayErrorContext(error), "a cost source did not answer");
    let transient = [
        "ThrottlingException",
        "LimitExceededException",
        "RequestChangedException",
    ];
    if status.is_none_or(|status| status >= 500 || status == 429)
        || transient.contains(&code.as_str())
    {
        return Failure::Retry {
            code: "SOURCE_UNREACHABLE",
            message: format!("{service} is not available now ({code})."),
        };
    }
    Failure::reject(
        "SOURCE_REFUSED",
        format!("{service} refused the request ({code}): {refusal_hint}"),
    )
}
