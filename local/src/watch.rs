//! What each AWS call over HTTP passes on its way: its caller's role, faults, and the wire log.
//!
//! It does not know what a call does, nor who answers it.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};

use crate::aws_call::Called;
use crate::capacity::Units;
use crate::faults::Faults;
use crate::faults::rules::Effects;
use crate::permissions::{Need, Permissions};
use crate::wire_log::{Call, WireLog};

/// Who watches over the calls. Clones share it.
#[derive(Clone)]
pub struct Watch {
    pub permissions: Permissions,
    pub faults: Faults,
    pub log: WireLog,
}

/// A call on its way.
pub struct Passing<'a> {
    pub called: Called<'a>,
    /// What its caller's role must allow; nothing where the caller has no role.
    pub needs: Vec<Need>,
    /// Bytes of the request's body.
    pub request_bytes: usize,
}

/// A service's answer and what it cost, or an error that is the small cloud's own.
pub type Performed = anyhow::Result<(Response, Units)>;

impl Watch {
    /// What a call of this caller needs; worked out only where there is a role to allow it.
    pub fn needs(&self, called: &Called<'_>, needs: impl FnOnce() -> Vec<Need>) -> Vec<Need> {
        match self.permissions.bind(called.caller) {
            true => needs(),
            false => vec![],
        }
    }

    /// Performs the call, unless it is refused, with all that befalls it, and notes it each time.
    pub async fn pass<F: Future<Output = Performed>>(
        &self,
        passing: &Passing<'_>,
        perform: impl Fn() -> F,
    ) -> Response {
        if let Some(refusal) = self.refusal(passing) {
            return refusal;
        }
        let effects = self.faults.decide(&passing.called);
        self.suffer(effects, passing, perform).await
    }

    /// [`Watch::pass`], for a call that is not refused and whose effects are decided.
    pub async fn suffer<F: Future<Output = Performed>>(
        &self,
        effects: Effects,
        passing: &Passing<'_>,
        perform: impl Fn() -> F,
    ) -> Response {
        let perform = || async {
            let (response, units) = perform().await.unwrap_or_else(unanswered);
            self.note(passing, &response, units);
            response
        };
        let called = &passing.called;
        let answered = self.faults.suffer(effects, called, perform).await;
        answered.unwrap_or_else(|failure| {
            let response = failure.response(called.service);
            self.note(passing, &response, Units::default());
            response
        })
    }

    /// The answer to a call that the caller's role does not allow.
    pub fn refusal(&self, passing: &Passing<'_>) -> Option<Response> {
        let refusal = self.permissions.refusal(&passing.called, &passing.needs)?;
        self.note(passing, &refusal, Units::default());
        Some(refusal)
    }

    pub fn note(&self, passing: &Passing<'_>, response: &Response, units: Units) {
        self.log.note(&Call {
            caller: passing.called.caller,
            operation: passing.called.operation,
            needs: &passing.needs,
            status: response.status().as_u16(),
            request_bytes: passing.request_bytes,
            response_bytes: length(response.headers(), response.body()),
            write_units: units.write,
            read_units: units.read,
            ..Call::of(passing.called.service.name())
        });
    }
}

/// The size of a body before it has come: as its headers say, else as far as it is known.
pub fn length(headers: &HeaderMap, body: &Body) -> usize {
    let said = |name: &str| headers.get(name)?.to_str().ok()?.parse().ok();
    said("content-length")
        .or_else(|| said("x-amz-decoded-content-length"))
        .unwrap_or_else(|| http_body::Body::size_hint(body).lower() as usize)
}

fn unanswered(error: anyhow::Error) -> (Response, Units) {
    tracing::error!(
        error = format!("{error:#}"),
        "a service of the small cloud did not answer"
    );
    (
        StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Units::default(),
    )
}
