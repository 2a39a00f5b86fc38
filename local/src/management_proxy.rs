//! Middleware that intercepts calls of the `@connections` management API before the gateway.
//! Other requests pass unchanged.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};

use crate::aws_call::Service;
use crate::call_interceptor::{CallInterceptor, InterceptedCall};
use crate::caller::Caller;
use crate::capacity::CapacityUnits;
use crate::gateway::GatewayRequest;
use crate::permissions;

/// Well above the gateway's own limit, so that the gateway reports the error.
const MAX_REQUEST_BYTES: usize = 1 << 20;

/// The middleware's state.
#[derive(Clone)]
pub struct ManagementProxy {
    pub interceptor: CallInterceptor,
    /// The API's id, part of the ARNs of its connections.
    pub api_id: String,
}

/// The middleware function.
pub async fn intercept(
    State(proxy): State<ManagementProxy>,
    request: Request,
    next: Next,
) -> Response {
    let kind = GatewayRequest::classify(request.uri().path());
    let GatewayRequest::Management {
        stage,
        connection_id,
    } = kind
    else {
        return next.run(request).await;
    };
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_REQUEST_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let ManagementProxy {
        interceptor,
        api_id,
    } = proxy;
    let operation = match parts.method {
        Method::POST => "PostToConnection",
        Method::DELETE => "DeleteConnection",
        _ => "GetConnection",
    };
    let caller = Caller::from_headers(&parts.headers);
    let call = caller.call(Service::ExecuteApi, operation);
    let method = parts.method.as_str();
    let required = || permissions::required_for_connection(&api_id, &stage, method, &connection_id);
    let intercepted = InterceptedCall {
        call,
        required_permissions: interceptor.required_permissions(&call, required),
        request_bytes: body.len(),
    };
    let perform = async || {
        let request = Request::from_parts(parts.clone(), Body::from(body.clone()));
        Ok((next.clone().run(request).await, CapacityUnits::default()))
    };
    interceptor.intercept(&intercepted, perform).await
}
