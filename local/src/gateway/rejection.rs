//! The responses to handshakes that are not upgraded.

use http::StatusCode;

use super::integration::IntegrationError;

/// The status and message of a rejected handshake, as API Gateway has them.
#[derive(Debug, Clone, Copy)]
pub(super) struct HandshakeRejection {
    pub(super) status: StatusCode,
    pub(super) message: &'static str,
}

impl HandshakeRejection {
    pub(super) const UNAUTHORIZED: HandshakeRejection = HandshakeRejection {
        status: StatusCode::UNAUTHORIZED,
        message: "Unauthorized",
    };
    pub(super) const DENIED: HandshakeRejection = HandshakeRejection {
        status: StatusCode::FORBIDDEN,
        message: "User is not authorized to access this resource",
    };
    pub(super) const AUTHORIZER_FAILED: HandshakeRejection = HandshakeRejection {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        message: "Internal server error",
    };
    pub(super) const NO_SUCH_STAGE: HandshakeRejection = HandshakeRejection {
        status: StatusCode::FORBIDDEN,
        message: "Forbidden",
    };
    /// AWS documents the limit, and not the response.
    pub(super) const URL_TOO_LONG: HandshakeRejection = HandshakeRejection {
        status: StatusCode::URI_TOO_LONG,
        message: "Request URI too long",
    };
    /// The embedded cloud stops, which AWS never does.
    pub(super) const CLOSING: HandshakeRejection = HandshakeRejection {
        status: StatusCode::SERVICE_UNAVAILABLE,
        message: "Service Unavailable",
    };
    pub(super) const THROTTLED: HandshakeRejection = HandshakeRejection {
        status: StatusCode::TOO_MANY_REQUESTS,
        message: "Too Many Requests",
    };

    pub(super) fn from_integration_error(error: IntegrationError) -> HandshakeRejection {
        HandshakeRejection {
            status: match error {
                IntegrationError::TimedOut => StatusCode::GATEWAY_TIMEOUT,
                IntegrationError::Failed => StatusCode::BAD_GATEWAY,
            },
            message: "Internal server error",
        }
    }

    /// The `$connect` function's own status. Its body is dropped.
    pub(super) fn from_function_status(status: u16) -> HandshakeRejection {
        match StatusCode::from_u16(status) {
            Ok(status) if status.as_u16() >= 300 => HandshakeRejection {
                status,
                message: status.canonical_reason().unwrap_or("Refused"),
            },
            _ => HandshakeRejection::from_integration_error(IntegrationError::Failed),
        }
    }
}
