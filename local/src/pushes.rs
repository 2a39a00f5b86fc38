//! The `@connections` API's calls on their way to the gateway: faults befall them, the wire log
//! notes them. Other requests pass untouched.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};

use crate::caller::Caller;
use crate::faults::Faults;
use crate::faults::rules::{Called, Service};
use crate::wire_log::{Call, WireLog};

/// Far above the gateway's own limit, which it words itself.
const LARGEST_REQUEST: usize = 1 << 20;

/// What watches over the calls.
#[derive(Clone)]
pub struct Watch {
    pub log: WireLog,
    pub faults: Faults,
}

/// The middleware around the gateway.
pub async fn pass(State(watch): State<Watch>, request: Request, next: Next) -> Response {
    if !request.uri().path().contains("/@connections/") {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_REQUEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let caller = Caller::of(&parts.headers);
    let called = Called {
        service: Service::ExecuteApi,
        operation: match parts.method {
            Method::POST => "PostToConnection",
            Method::DELETE => "DeleteConnection",
            _ => "GetConnection",
        },
        caller: &caller.function,
        environment: caller.environment.as_deref(),
    };
    let note = |response: &Response| {
        watch.log.note(&Call {
            caller: called.caller,
            operation: called.operation,
            status: response.status().as_u16(),
            request_bytes: body.len(),
            response_bytes: http_body::Body::size_hint(response.body()).lower() as usize,
            ..Call::of(called.service.name())
        });
    };
    let perform = || {
        let request = Request::from_parts(parts.clone(), Body::from(body.clone()));
        let next = next.clone();
        async {
            let response = next.run(request).await;
            note(&response);
            response
        }
    };
    let answered = watch.faults.through(&called, perform).await;
    answered.unwrap_or_else(|failure| {
        let response = failure.response(called.service);
        note(&response);
        response
    })
}
