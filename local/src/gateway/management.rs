//! The `@connections` API: posts to a connection, describes it, and closes it.
//!
//! Requests must have a signature, which is not verified.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode, header};
use serde_json::json;

use super::close_reason::CloseReason;
use super::connection::{Connection, MAX_PAYLOAD_BYTES, PostError};
use super::ids::is_connection_id;
use super::state::GatewayState;

/// Responds like the API Gateway Management API, with error types in `x-amzn-errortype`.
pub(super) async fn handle(
    gateway: &Arc<GatewayState>,
    stage: &str,
    connection_id: &str,
    request: Request,
) -> Response {
    if !is_signed(&request) {
        return error_response(
            StatusCode::FORBIDDEN,
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        );
    }
    if stage != gateway.spec.stage {
        return error_response(StatusCode::FORBIDDEN, "ForbiddenException", "Forbidden");
    }
    // The body is read before the lookup, so that the connection cannot close in between.
    let method = request.method().clone();
    let Ok(payload) = to_bytes(request.into_body(), MAX_PAYLOAD_BYTES).await else {
        return error_response(
            StatusCode::PAYLOAD_TOO_LARGE,
            "PayloadTooLargeException",
            "Message payload is too large",
        );
    };
    if !is_connection_id(connection_id) {
        let message = format!("Invalid connectionId: {connection_id}");
        return error_response(StatusCode::BAD_REQUEST, "BadRequestException", &message);
    }
    let Some(connection) = gateway.find(connection_id) else {
        return gone();
    };
    match method {
        Method::POST => match connection.post(payload) {
            Ok(()) => StatusCode::OK.into_response(),
            Err(PostError::Gone) => gone(),
            Err(PostError::QueueFull) => error_response(
                StatusCode::TOO_MANY_REQUESTS,
                "LimitExceededException",
                "The client reads its frames too slowly",
            ),
        },
        Method::GET => describe(&connection),
        Method::DELETE => {
            connection.close(CloseReason::deleted());
            StatusCode::NO_CONTENT.into_response()
        }
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

/// Whether the request has a signature in its header or query.
fn is_signed(request: &Request) -> bool {
    let header = request.headers().get(header::AUTHORIZATION);
    let in_header = header.is_some_and(|value| value.as_bytes().starts_with(b"AWS4-HMAC-SHA256 "));
    let query = request.uri().query().unwrap_or_default();
    in_header || query.contains("X-Amz-Signature=")
}

fn describe(connection: &Connection) -> Response {
    let body = json!({
        "connectedAt": format!("{:.3}", connection.peer().connected_at),
        "identity": connection.peer().identity(),
        "lastActiveAt": format!("{:.3}", connection.last_active()),
    });
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::OK, content_type, body.to_string()).into_response()
}

fn gone() -> Response {
    error_response(StatusCode::GONE, "GoneException", "Gone")
}

fn error_response(status: StatusCode, error_type: &str, message: &str) -> Response {
    let headers = [
        ("x-amzn-errortype", error_type),
        ("content-type", "application/json"),
    ];
    let body = json!({ "message": message }).to_string();
    (status, headers, body).into_response()
}
