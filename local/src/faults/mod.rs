//! Faults by call: AWS calls that fail, come late, are repeated, or whose caller dies of them.
//!
//! Every call of the cloud's services passes here on its way; what a call does is not known.

pub mod admin;
pub mod rules;

use std::future::{Future, pending};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use crate::aws_call::{Called, Service};
use crate::error_response::refused;
use crate::lambda::Lambda;
use rules::{Effects, Failure, Moment, Plan, Rules};

/// Why nothing else is wrong with the call.
const MESSAGE: &str = "A fault of the small cloud.";

/// The rules in force. Clones share them.
#[derive(Clone)]
pub struct Faults {
    state: Arc<Mutex<State>>,
    /// Where callers live.
    lambda: Lambda,
}

#[derive(Default)]
struct State {
    rules: Rules,
    kills: u64,
}

impl Failure {
    /// The HTTP answer. SQS's older error names (`x-amzn-query-error`) are taken to be the codes.
    pub fn response(&self, service: Service) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        refused(service, status, &self.code, MESSAGE)
    }
}

impl Faults {
    pub fn new(plan: Plan, lambda: Lambda) -> Self {
        let faults = Self {
            state: Arc::default(),
            lambda,
        };
        faults.set(plan);
        faults
    }

    /// Puts a plan in place of the one before; everything counts from nothing.
    pub fn set(&self, plan: Plan) {
        *self.state() = State {
            rules: Rules::new(plan),
            kills: 0,
        };
    }

    /// The plan, with how often each rule has met calls and fired, and how many processes died.
    pub fn report(&self) -> Value {
        let state = self.state();
        let rules = state.rules.tallies().iter().map(|(rule, tally)| {
            let mut shown = json!(rule);
            shown["matched"] = tally.matched.into();
            shown["fired"] = tally.fired.into();
            shown
        });
        json!({
            "seed": state.rules.seed(),
            "kills": state.kills,
            "rules": rules.collect::<Vec<_>>(),
        })
    }

    /// Performs the call with all that befalls it: late, fatal before, refused, repeated, fatal after.
    /// A caller that dies of it gets no answer: this ends when its connection does.
    ///
    /// # Errors
    /// The error that a rule asks for; then nothing was performed.
    pub async fn through<T, F: Future<Output = T>>(
        &self,
        call: &Called<'_>,
        perform: impl Fn() -> F,
    ) -> Result<T, Failure> {
        self.suffer(self.decide(call), call, perform).await
    }

    /// What befalls this call, which counts: for who must know it before [`Faults::suffer`].
    pub fn decide(&self, call: &Called<'_>) -> Effects {
        self.state().rules.decide(call)
    }

    /// [`Faults::through`], for effects that are decided.
    ///
    /// # Errors
    /// The error that a rule asks for; then nothing was performed.
    pub async fn suffer<T, F: Future<Output = T>>(
        &self,
        effects: Effects,
        call: &Called<'_>,
        perform: impl Fn() -> F,
    ) -> Result<T, Failure> {
        if !effects.delay.is_zero() {
            tokio::time::sleep(effects.delay).await;
        }
        if effects.kill == Some(Moment::Before) && self.kill(call, "before it took effect") {
            pending::<()>().await;
        }
        if let Some(failure) = effects.fail {
            let (service, operation) = (call.service.name(), call.operation);
            tracing::info!(
                service,
                operation,
                caller = call.caller,
                code = failure.code,
                "a fault refuses a call"
            );
            return Err(failure);
        }
        let mut answer = perform().await;
        for _ in 0..effects.repeat {
            answer = perform().await;
        }
        if effects.kill == Some(Moment::After) && self.kill(call, "after it took effect") {
            pending::<()>().await;
        }
        Ok(answer)
    }

    /// Whether the messages that this call has brought are to be delivered once more.
    pub fn delivers_twice(&self, call: &Called<'_>) -> bool {
        self.state().rules.delivers_twice(call)
    }

    /// Kills the very process that calls; false if it is dead already, or nobody's.
    fn kill(&self, call: &Called<'_>, when: &str) -> bool {
        let Some(environment) = call.environment else {
            return false;
        };
        let killed = self.lambda.kill(environment);
        if killed {
            self.state().kills += 1;
            let (service, operation) = (call.service.name(), call.operation);
            tracing::warn!(
                service,
                operation,
                caller = call.caller,
                environment,
                when,
                "a call has killed its caller"
            );
        }
        killed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Counts are whole between any two statements, so a panic elsewhere leaves them right.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
