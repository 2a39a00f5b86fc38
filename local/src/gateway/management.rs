//! The `@connections` API: post to a connection, ask after it, close it. It knows which connections
//! are open and nothing of who may ask: a local request must be signed, by whomever.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode, header};
use serde_json::json;

use super::Inner;
use super::connection::{Connection, Ending};
use super::message::PAYLOAD_LIMIT;
use super::request::percent_decoded;

/// The stage and the connection id of `/{stage}/@connections/{id}`, decoded.
pub(super) fn target(path: &str) -> Option<(String, String)> {
    let mut segments = path.trim_start_matches('/').split('/').map(percent_decoded);
    let (stage, word, id) = (segments.next()?, segments.next()?, segments.next()?);
    (word == "@connections" && segments.next().is_none()).then_some((stage, id))
}

/// Answers as the API Gateway Management API does, error types in `x-amzn-errortype`.
pub(super) async fn answer(
    gateway: &Arc<Inner>,
    stage: &str,
    id: &str,
    request: Request,
) -> Response {
    if !is_signed(&request) {
        return problem(
            StatusCode::FORBIDDEN,
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        );
    }
    if stage != gateway.spec.stage {
        return problem(StatusCode::FORBIDDEN, "ForbiddenException", "Forbidden");
    }
    // Read before the look-up, so that a post never goes to a connection that closed meanwhile.
    let method = request.method().clone();
    let Ok(payload) = to_bytes(request.into_body(), PAYLOAD_LIMIT).await else {
        let kind = "PayloadTooLargeException";
        return problem(
            StatusCode::PAYLOAD_TOO_LARGE,
            kind,
            "Message payload is too large",
        );
    };
    let Some(connection) = gateway.find(id) else {
        return gone();
    };
    match method {
        Method::POST => match connection.post(payload) {
            Ok(()) => StatusCode::OK.into_response(),
            Err(PostError::Gone) => gone(),
            Err(PostError::Full) => problem(
                StatusCode::TOO_MANY_REQUESTS,
                "LimitExceededException",
                "The client does not read what was already posted",
            ),
        },
        Method::GET => describe(&connection),
        Method::DELETE => {
            connection.close(Ending::deleted());
            StatusCode::NO_CONTENT.into_response()
        }
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

/// Whether it carries a signature, in its header or in its query.
fn is_signed(request: &Request) -> bool {
    let header = request.headers().get(header::AUTHORIZATION);
    let in_header = header.is_some_and(|value| value.as_bytes().starts_with(b"AWS4-HMAC-SHA256 "));
    let query = request.uri().query().unwrap_or_default();
    in_header || query.contains("X-Amz-Signature=")
}

/// Why a post was not queued.
#[derive(Debug)]
pub(super) enum PostError {
    Gone,
    /// The client reads too slowly.
    Full,
}

fn describe(connection: &Connection) -> Response {
    let body = json!({
        "connectedAt": format!("{:.3}", connection.peer().connected_at),
        "identity": connection.peer().identity(),
        "lastActiveAt": format!("{:.3}", connection.last_active()),
    });
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::OK, kind, body.to_string()).into_response()
}

fn gone() -> Response {
    problem(StatusCode::GONE, "GoneException", "Gone")
}

fn problem(status: StatusCode, kind: &str, message: &str) -> Response {
    let headers = [
        ("x-amzn-errortype", kind),
        ("content-type", "application/json"),
    ];
    let body = json!({ "message": message }).to_string();
    (status, headers, body).into_response()
}
