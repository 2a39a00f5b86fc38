//! What each AWS call over HTTP passes on its way: its caller's role, faults, and the wire log.
//!
//! It does not know what a call does, nor who answers it.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};

use crate::aws_call::AwsCall;
use crate::capacity::CapacityUnits;
use crate::faults::FaultInjector;
use crate::faults::rules::Effects;
use crate::permissions::{Permissions, RequiredPermission};
use crate::wire_log::{WireLog, WireLogEntry};

/// Who watches over the calls. Clones share it.
#[derive(Clone)]
pub struct CallInterceptor {
    pub permissions: Permissions,
    pub faults: FaultInjector,
    pub log: WireLog,
}

/// A call on its way.
pub struct InterceptedCall<'a> {
    pub call: AwsCall<'a>,
    /// What its caller's role must allow; nothing where the caller has no role.
    pub required_permissions: Vec<RequiredPermission>,
    /// Bytes of the request's body.
    pub request_bytes: usize,
}

/// A service's answer and what it cost, or an error that is the small cloud's own.
pub type CallOutcome = anyhow::Result<(Response, CapacityUnits)>;

impl CallInterceptor {
    /// What a call of this caller needs; worked out only where there is a role to allow it.
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

    /// Performs the call, unless it is refused, with all that befalls it, and notes it each time.
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

    /// [`CallInterceptor::intercept`], for a call that is not refused and whose effects are decided.
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

    /// The answer to a call that the caller's role does not allow.
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

/// The size of a body before it has come: as its headers say, else as far as it is known.
pub fn body_length(headers: &HeaderMap, body: &Body) -> usize {
    let header_value = |name: &str| headers.get(name)?.to_str().ok()?.parse().ok();
    header_value("content-length")
        .or_else(|| header_value("x-amz-decoded-content-length"))
        .unwrap_or_else(|| http_body::Body::size_hint(body).lower() as usize)
}

fn internal_error(error: anyhow::Error) -> (Response, CapacityUnits) {
    tracing::error!(
        error = format!("{error:#}"),
        "a service of the small cloud did not answer"
    );
    (
        StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        CapacityUnits::default(),
    )
}
