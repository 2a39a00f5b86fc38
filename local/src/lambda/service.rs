//! [`Lambda`]: invokes the functions of one stack.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::host::{Host, STOPPING};
use super::invocation::Invocation;
use super::launch::LaunchOptions;
use super::outcome::InvokeOutcome;
use super::pool::START_SLOT_LIMIT;
use crate::stack_spec::Function;
use crate::wire_log::{WireLog, WireLogEntry};

/// The functions of one stack. Clones share them.
#[derive(Clone)]
pub struct Lambda {
    pub(super) host: Arc<Host>,
    log: WireLog,
    /// The caller that the wire log shows for this clone's invocations.
    caller: &'static str,
}

impl Lambda {
    /// Prepares the functions. A function's process is started by its first invocation.
    ///
    /// # Errors
    /// The log folder cannot be created, the guard process cannot be started, or the functions reserve the
    /// whole account's concurrency.
    pub async fn start(functions: Vec<Function>, launch: LaunchOptions) -> anyhow::Result<Lambda> {
        Ok(Lambda {
            host: Host::start(functions, launch).await?,
            log: WireLog::default(),
            caller: "",
        })
    }

    /// The same functions, with invocations logged under this caller.
    pub(crate) fn with_wire_log(&self, log: &WireLog, caller: &'static str) -> Lambda {
        Lambda {
            host: self.host.clone(),
            log: log.clone(),
            caller,
        }
    }

    /// Starts the functions with this handler before their first invocation.
    ///
    /// # Errors
    /// A program did not ask for work. The error has the last lines of its output.
    pub async fn warm_up(&self, handler: &str) -> anyhow::Result<()> {
        self.host.warm_up(handler).await
    }

    /// Sends SIGKILL to the process of this execution environment; false if it no longer runs.
    pub(crate) fn kill(&self, environment_id: &str) -> bool {
        self.host.kill(environment_id)
    }

    /// Invokes a function and waits for its end. `trace` is the `X-Amzn-Trace-Id` to pass on; without it a new
    /// one is generated. The invocation continues if the caller stops waiting.
    pub async fn invoke(
        &self,
        function: &str,
        payload: Bytes,
        trace: Option<String>,
    ) -> InvokeOutcome {
        self.run_invocation(function, Invocation::new(payload, trace))
            .await
    }

    /// Like [`Lambda::invoke`], with the caller's request id.
    pub(crate) async fn invoke_as(
        &self,
        request_id: &str,
        function: &str,
        payload: Bytes,
        trace: Option<String>,
    ) -> InvokeOutcome {
        let invocation = Invocation {
            id: request_id.to_owned(),
            ..Invocation::new(payload, trace)
        };
        self.run_invocation(function, invocation).await
    }

    /// Like [`Lambda::invoke`]. A response that the function streams is sent to `chunks` as it arrives, and the
    /// outcome does not contain it.
    pub async fn invoke_streaming(
        &self,
        function: &str,
        payload: Bytes,
        chunks: mpsc::Sender<Bytes>,
    ) -> InvokeOutcome {
        let invocation = Invocation {
            response_chunks: Some(chunks),
            ..Invocation::new(payload, None)
        };
        self.run_invocation(function, invocation).await
    }

    async fn run_invocation(&self, function: &str, invocation: Invocation) -> InvokeOutcome {
        let request_bytes = invocation.payload.len();
        let Some(hosted) = self.host.functions.get(function).cloned() else {
            let outcome = InvokeOutcome::NoSuchFunction;
            self.log_invocation(function, request_bytes, &outcome);
            return outcome;
        };
        let lambda = self.clone();
        let running = tokio::spawn(async move {
            let start_slot = hosted.pool.acquire_start_slot().await;
            let outcome = match hosted.pool.try_acquire_concurrency() {
                Some(_permit) => {
                    let mut running = pin!(lambda.host.run(&hosted, invocation));
                    let ended = timeout(START_SLOT_LIMIT, running.as_mut()).await;
                    drop(start_slot);
                    match ended {
                        Ok(outcome) => outcome,
                        Err(_) => running.await,
                    }
                }
                None => InvokeOutcome::Throttled,
            };
            lambda.log_invocation(&hosted.spec.name, request_bytes, &outcome);
            outcome
        });
        running
            .await
            .unwrap_or_else(|_| InvokeOutcome::init_failure(STOPPING))
    }

    fn log_invocation(&self, function: &str, request_bytes: usize, outcome: &InvokeOutcome) {
        // Lambda responds 200 to a function's own failure too, and marks it in a header.
        let (status, response_bytes) = match outcome {
            InvokeOutcome::Returned(payload) | InvokeOutcome::Failed { payload, .. } => {
                (200, payload.len())
            }
            InvokeOutcome::Throttled => (429, 0),
            InvokeOutcome::NoSuchFunction => (404, 0),
        };
        self.log.record(&WireLogEntry {
            caller: self.caller,
            operation: "Invoke",
            function,
            status,
            function_error: matches!(outcome, InvokeOutcome::Failed { .. }),
            request_bytes,
            response_bytes,
            ..WireLogEntry::new("lambda")
        });
    }

    /// Kills all processes, waits until they are reaped, and rejects later invocations.
    pub async fn stop(&self) {
        self.host.stop().await;
    }
}
