//! Fault injection: AWS calls that fail, are delayed or repeated, or whose caller is killed.

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

/// The message of an injected error.
const MESSAGE: &str = "Injected fault of the embedded cloud.";

/// The active rules. Clones share them.
#[derive(Clone)]
pub struct FaultInjector {
    state: Arc<Mutex<State>>,
    /// Runs the callers that a rule may kill.
    lambda: Lambda,
}

#[derive(Default)]
struct State {
    rules: Rules,
    kills: u64,
}

impl InjectedError {
    /// The HTTP response. SQS's query-protocol error (`x-amzn-query-error`) uses the same code.
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

    /// Replaces the plan and resets all counts.
    pub fn set(&self, plan: FaultPlan) {
        *self.state() = State {
            rules: Rules::new(plan),
            kills: 0,
        };
    }

    /// The plan as JSON, with each rule's matches and firings and the number of killed processes.
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

    /// Performs the call with its fault effects, in this order: delay, kill before, fail, repeat, kill
    /// after. After a kill this never completes; the caller's connection ends with its process.
    ///
    /// # Errors
    /// The injected error; then the call was not performed.
    pub async fn run<T, F: Future<Output = T>>(
        &self,
        call: &AwsCall<'_>,
        perform: impl Fn() -> F,
    ) -> Result<T, InjectedError> {
        self.apply(self.decide(call), call, perform).await
    }

    /// The effects on this call, which is counted. For callers that need them before
    /// [`FaultInjector::apply`].
    pub fn decide(&self, call: &AwsCall<'_>) -> Effects {
        self.state().rules.decide(call)
    }

    /// Like [`FaultInjector::run`], with effects that are already decided.
    ///
    /// # Errors
    /// The injected error; then the call was not performed.
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
                "a call failed by an injected fault"
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

    /// Whether the messages that this call received must be delivered a second time.
    pub fn delivers_twice(&self, call: &AwsCall<'_>) -> bool {
        self.state().rules.delivers_twice(call)
    }

    /// Kills the calling process; false if it has ended already or the caller is not a function.
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
                "an injected fault killed the caller"
            );
        }
        killed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The counts are consistent between any two statements, so they survive a panic elsewhere.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
