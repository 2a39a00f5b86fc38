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

use crate::aws_call::{AwsCall, Service};
use crate::error_response::error_response;
use crate::lambda::Lambda;
use rules::{Effects, FaultPlan, InjectedError, KillPoint, Rules};

/// Why nothing else is wrong with the call.
const MESSAGE: &str = "A fault of the small cloud.";

/// The rules in force. Clones share them.
#[derive(Clone)]
pub struct FaultInjector {
    state: Arc<Mutex<State>>,
    /// Where callers live.
    lambda: Lambda,
}

#[derive(Default)]
struct State {
    rules: Rules,
    kills: u64,
}

impl InjectedError {
    /// The HTTP answer. SQS's older error names (`x-amzn-query-error`) are taken to be the codes.
    pub fn response(&self, service: Service) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        error_response(service, status, &self.code, MESSAGE)
    }
}

impl FaultInjector {
    pub fn new(plan: FaultPlan, lambda: Lambda) -> Self {
        let faults = Self {
            state: Arc::default(),
            lambda,
        };
        faults.set(plan);
        faults
    }

    /// Puts a plan in place of the one before; everything counts from nothing.
    pub fn set(&self, plan: FaultPlan) {
        *self.state() = State {
            rules: Rules::new(plan),
            kills: 0,
        };
    }

    /// The plan, with how often each rule has met calls and fired, and how many processes died.
    pub fn report(&self) -> Value {
        let state = self.state();
        let rules = state.rules.hit_counts().iter().map(|(rule, hits)| {
            let mut entry = json!(rule);
            entry["matched"] = hits.matched.into();
            entry["fired"] = hits.fired.into();
            entry
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
    pub async fn run<T, F: Future<Output = T>>(
        &self,
        call: &AwsCall<'_>,
        perform: impl Fn() -> F,
    ) -> Result<T, InjectedError> {
        self.apply(self.decide(call), call, perform).await
    }

    /// What befalls this call, which counts: for who must know it before [`FaultInjector::apply`].
    pub fn decide(&self, call: &AwsCall<'_>) -> Effects {
        self.state().rules.decide(call)
    }

    /// [`FaultInjector::run`], for effects that are decided.
    ///
    /// # Errors
    /// The error that a rule asks for; then nothing was performed.
    pub async fn apply<T, F: Future<Output = T>>(
        &self,
        effects: Effects,
        call: &AwsCall<'_>,
        perform: impl Fn() -> F,
    ) -> Result<T, InjectedError> {
        if !effects.delay.is_zero() {
            tokio::time::sleep(effects.delay).await;
        }
        if effects.kill == Some(KillPoint::Before) && self.kill(call, "before it took effect") {
            pending::<()>().await;
        }
        if let Some(error) = effects.fail {
            let (service, operation) = (call.service.name(), call.operation);
            tracing::info!(
                service,
                operation,
                caller = call.caller,
                code = error.code,
                "a fault refuses a call"
            );
            return Err(error);
        }
        let mut response = perform().await;
        for _ in 0..effects.repeat {
            response = perform().await;
        }
        if effects.kill == Some(KillPoint::After) && self.kill(call, "after it took effect") {
            pending::<()>().await;
        }
        Ok(response)
    }

    /// Whether the messages that this call has brought are to be delivered once more.
    pub fn delivers_twice(&self, call: &AwsCall<'_>) -> bool {
        self.state().rules.delivers_twice(call)
    }

    /// Kills the very process that calls; false if it is dead already, or nobody's.
    fn kill(&self, call: &AwsCall<'_>, when: &str) -> bool {
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
