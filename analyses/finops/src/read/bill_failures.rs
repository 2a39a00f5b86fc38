//! Failures of opening or downloading a bill's file.

use longhaul_worker::analysis::Failure;

use crate::failures::unreadable;

/// The failure code of a file that is no longer the version that was listed.
pub(crate) const REPLACED_CODE: &str = "BILL_REPLACED";

/// The failure of an S3 call. Denied access and missing or moved buckets are final; anything else is retried.
pub(crate) fn s3_failure(name: &str, error: &aws_sdk_s3::Error) -> Failure {
    use aws_sdk_s3::error::ProvideErrorMetadata;
    let code = error.code().unwrap_or("no answer");
    // The listed version was replaced or deleted. A list call returns neither code.
    if matches!(code, "PreconditionFailed" | "NoSuchKey") {
        return replaced_failure(name);
    }
    let message = format!("The bill {name} could not be read from S3 ({code}).");
    match code {
        "AccessDenied" | "NoSuchBucket" | "PermanentRedirect" => unreadable(message),
        _ => Failure::Retry {
            code: "BILL_UNREACHABLE",
            message,
        },
    }
}

pub(crate) fn open_failure(name: &str, error: &std::io::Error) -> Failure {
    unreadable(format!(
        "The bill {name} cannot be opened: {}.",
        error.kind()
    ))
}

pub(crate) fn replaced_failure(name: &str) -> Failure {
    let message = format!("The bill {name} was replaced before it was read.");
    Failure::Retry {
        code: REPLACED_CODE,
        message,
    }
}

pub(crate) fn interrupted_failure(name: &str) -> Failure {
    let message = format!("The bill {name} could not be downloaded from S3 completely.");
    Failure::Retry {
        code: "BILL_UNREACHABLE",
        message,
    }
}
