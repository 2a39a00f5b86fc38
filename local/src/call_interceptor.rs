//! Wraps each AWS call over HTTP: checks the caller's permissions, applies faults, writes the wire log.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};

use crate::aws_call::AwsCall;
use crate::capacity::CapacityUnits;
use crate::faults::FaultInjector;
use crate::faults::rules::Effects;
use crate::permissions::{Permissions, RequiredPermission};
use crate::wire_log::{WireLog, WireLogEntry};

/// What is applied to every call. Clones share it.
#[derive(Clone)]
pub struct CallInterceptor {
    pub permissions: Permissions,
    pub faults: FaultInjector,
    pub log: WireLog,
}

/// A call to be checked, performed and logged.
pub struct InterceptedCall<'a> {
    pub call: AwsCall<'a>,
    /// The permissions it needs; empty if the caller has no role.
    pub required_permissions: Vec<RequiredPermission>,
    /// Size of the request's body in bytes.
    pub request_bytes: usize,
}

/// A service's response and its consumed capacity, or an internal error of the embedded cloud.
pub type CallOutcome = anyhow::Result<(Response, CapacityUnits)>;

impl CallInterceptor {
    /// The permissions that a call needs; `required` is evaluated only if the caller has a role.
    pub fn required_permissions(
        &self,
        call: &AwsCall<'_>,
        required: impl FnOnce() -> Vec<RequiredPermission>,
    ) -> Vec<RequiredPermission> {
        match self.permissions.applies_to(call.caller) {
            true => required(),
            false => vec![],
        }
    }

    /// Performs the call with its faults and logs each execution; a call without permission is denied.
    pub async fn intercept<F: Future<Output = CallOutcome>>(
        &self,
        intercepted: &InterceptedCall<'_>,
        perform: impl Fn() -> F,
    ) -> Response {
        if let Some(denial) = self.deny(intercepted) {
            return denial;
        }
        let effects = self.faults.decide(&intercepted.call);
        self.apply_faults(effects, intercepted, perform).await
    }

    /// Like [`CallInterceptor::intercept`], for an allowed call with known fault effects.
    pub async fn apply_faults<F: Future<Output = CallOutcome>>(
        &self,
        effects: Effects,
        intercepted: &InterceptedCall<'_>,
        perform: impl Fn() -> F,
    ) -> Response {
        let perform = || async {
            let (response, units) = perform().await.unwrap_or_else(internal_error);
            self.record(intercepted, &response, units);
            response
        };
        let call = &intercepted.call;
        let outcome = self.faults.apply(effects, call, perform).await;
        outcome.unwrap_or_else(|error| {
            let response = error.response(call.service);
            self.record(intercepted, &response, CapacityUnits::default());
            response
        })
    }

    /// Denies a call that the caller's role does not allow; `None` if it is allowed.
    pub fn deny(&self, intercepted: &InterceptedCall<'_>) -> Option<Response> {
        let denial = self
            .permissions
            .deny(&intercepted.call, &intercepted.required_permissions)?;
        self.record(intercepted, &denial, CapacityUnits::default());
        Some(denial)
    }

    pub fn record(
        &self,
        intercepted: &InterceptedCall<'_>,
        response: &Response,
        units: CapacityUnits,
    ) {
        self.log.record(&WireLogEntry {
            caller: intercepted.call.caller,
            operation: intercepted.call.operation,
            required_permissions: &intercepted.required_permissions,
            status: response.status().as_u16(),
            request_bytes: intercepted.request_bytes,
            response_bytes: body_length(response.headers(), response.body()),
            write_units: units.write,
            read_units: units.read,
            ..WireLogEntry::new(intercepted.call.service.name())
        });
    }
}

/// The size in bytes of a body that has not been read: from its headers, else its lower size hint.
pub fn body_length(headers: &HeaderMap, body: &Body) -> usize {
    let header_value = |name: &str| headers.get(name)?.to_str().ok()?.parse().ok();
    header_value("content-length")
        .or_else(|| header_value("x-amz-decoded-content-length"))
        .unwrap_or_else(|| http_body::Body::size_hint(body).lower() as usize)
}

fn internal_error(error: anyhow::Error) -> (Response, CapacityUnits) {
    tracing::error!(error = format!("{error:#}"), "an embedded service failed");
    (
        StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        CapacityUnits::default(),
    )
}
