//! The `@connections` API's calls on their way to the gateway, watched over like those of every other
//! service. Other requests pass untouched.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};

use crate::aws_call::Service;
use crate::caller::Caller;
use crate::capacity::Units;
use crate::permissions;
use crate::watch::{Passing, Watch};

/// Far above the gateway's own limit, which it words itself.
const LARGEST_REQUEST: usize = 1 << 20;

/// What the middleware knows.
#[derive(Clone)]
pub struct Watched {
    pub watch: Watch,
    /// The API's id, which stands in the ARNs of its connections.
    pub api_id: String,
}

/// The middleware around the gateway.
pub async fn pass(State(watched): State<Watched>, request: Request, next: Next) -> Response {
    if !request.uri().path().contains("/@connections/") {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_REQUEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let Watched { watch, api_id } = watched;
    let operation = match parts.method {
        Method::POST => "PostToConnection",
        Method::DELETE => "DeleteConnection",
        _ => "GetConnection",
    };
    let caller = Caller::of(&parts.headers);
    let called = caller.calls(Service::ExecuteApi, operation);
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    let needs = || permissions::of_connection(&api_id, method, path);
    let passing = Passing {
        called,
        needs: watch.needs(&called, needs),
        request_bytes: body.len(),
    };
    let perform = async || {
        let request = Request::from_parts(parts.clone(), Body::from(body.clone()));
        Ok((next.clone().run(request).await, Units::default()))
    };
    watch.pass(&passing, perform).await
}
