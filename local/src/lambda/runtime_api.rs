//! The Lambda Runtime API (version 2018-06-01) of one environment.
//!
//! Each environment has its own port: runtime clients build `http://{AWS_LAMBDA_RUNTIME_API}/2018-06-01/...`,
//! and not all of them support a path prefix in that variable.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::function_log::FunctionLog;
use super::invocation::{Invocation, error_payload};
use crate::browser_guard;
use crate::stack_spec::Function;

/// Lambda's quota for the response to a synchronous invocation: 6 MB.
const MAX_RESPONSE_BYTES: usize = 6 * 1024 * 1024;

/// What the process posted as the invocation's result.
pub(super) enum InvocationResult {
    Response(Bytes),
    Error(Bytes),
}

/// An invocation that waits for the process to request it with `/next`.
pub(super) struct PendingInvocation {
    invocation: Invocation,
    started: oneshot::Sender<Instant>,
    result: oneshot::Sender<InvocationResult>,
}

/// The host's view of a [`PendingInvocation`].
pub(super) struct InvocationProgress {
    /// When the process received the invocation.
    pub(super) started: oneshot::Receiver<Instant>,
    pub(super) result: oneshot::Receiver<InvocationResult>,
}

impl PendingInvocation {
    pub(super) fn new(invocation: Invocation) -> (PendingInvocation, InvocationProgress) {
        let (started, when_started) = oneshot::channel();
        let (result, when_finished) = oneshot::channel();
        (
            PendingInvocation {
                invocation,
                started,
                result,
            },
            InvocationProgress {
                started: when_started,
                result: when_finished,
            },
        )
    }
}

/// The host's handle of the Runtime API.
pub(super) struct RuntimeApi {
    state: Arc<ApiState>,
    pending: mpsc::Sender<PendingInvocation>,
    init_errors: mpsc::Receiver<Bytes>,
}

struct ApiState {
    pending: tokio::sync::Mutex<mpsc::Receiver<PendingInvocation>>,
    /// The invocation that the process is working on.
    running: Mutex<Option<RunningInvocation>>,
    init_error: mpsc::Sender<Bytes>,
    /// Notified when the process requests an invocation.
    requested: Notify,
    log: FunctionLog,
    function_arn: String,
    timeout: std::time::Duration,
}

struct RunningInvocation {
    id: String,
    result: oneshot::Sender<InvocationResult>,
    /// Receives a streamed response as it arrives.
    response_chunks: Option<mpsc::Sender<Bytes>>,
}

/// The body of a response request.
enum ResponseBody {
    /// What remains to be returned: empty if the chunks were forwarded as they arrived.
    Complete(Bytes),
    /// A streamed response that ended with an error.
    Error(Bytes),
    TooLarge,
    /// A streamed response that broke off. How the process ended explains it.
    Truncated,
}

impl RuntimeApi {
    pub(super) fn new(log: FunctionLog, function: &Function) -> RuntimeApi {
        let (sender, pending) = mpsc::channel(1);
        let (init_error, init_errors) = mpsc::channel(1);
        RuntimeApi {
            state: Arc::new(ApiState {
                pending: tokio::sync::Mutex::new(pending),
                running: Mutex::default(),
                init_error,
                requested: Notify::new(),
                log,
                function_arn: function.arn.clone(),
                timeout: function.timeout,
            }),
            pending: sender,
            init_errors,
        }
    }

    /// Serves the API on a free loopback port until the task is aborted.
    pub(super) async fn listen(&self) -> anyhow::Result<(SocketAddr, JoinHandle<()>)> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("cannot listen on a port for a function's Runtime API")?;
        let address = listener
            .local_addr()
            .context("cannot read the address of a function's Runtime API")?;
        let runtime = Router::new()
            .route("/invocation/next", get(next))
            .route("/invocation/{id}/response", post(response))
            .route("/invocation/{id}/error", post(error))
            .route("/init/error", post(init_error))
            .with_state(self.state.clone());
        let app = Router::new()
            .nest("/2018-06-01/runtime", runtime)
            .layer(middleware::from_fn(browser_guard::reject_browsers));
        // Without TCP_NODELAY, a small response waits for the acknowledgement of the previous one.
        let listener = listener.tap_io(|socket| {
            if let Err(error) = socket.set_nodelay(true) {
                tracing::debug!(%error, "cannot set TCP_NODELAY for a Runtime API");
            }
        });
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::error!(%error, "a Runtime API stopped");
            }
        });
        Ok((address, task))
    }

    /// Queues an invocation for the process; false if the previous one is still queued.
    pub(super) fn offer(&self, invocation: PendingInvocation) -> bool {
        self.pending.try_send(invocation).is_ok()
    }

    /// Waits until the process has requested an invocation, or has posted the error of its init phase.
    pub(super) async fn initialized(&mut self) -> Result<(), Bytes> {
        tokio::select! {
            biased;
            Some(payload) = self.init_errors.recv() => Err(payload),
            () = self.state.requested.notified() => Ok(()),
        }
    }

    /// The error that the process posts instead of requesting its first invocation.
    pub(super) async fn init_error(&mut self) -> Option<Bytes> {
        self.init_errors.recv().await
    }
}

impl ApiState {
    /// Ends the running invocation if it has this id, and returns the channel for its result.
    fn finish(&self, id: &str) -> Option<oneshot::Sender<InvocationResult>> {
        let mut running = self.running();
        match running.as_ref() {
            Some(current) if current.id == id => running.take().map(|ended| ended.result),
            _ => None,
        }
    }

    /// The channel for a streamed response of this invocation, if the caller wants one.
    fn response_chunks(&self, id: &str) -> Option<mpsc::Sender<Bytes>> {
        let running = self.running();
        let current = running.as_ref().filter(|current| current.id == id)?;
        current.response_chunks.clone()
    }

    fn running(&self) -> MutexGuard<'_, Option<RunningInvocation>> {
        // The value is consistent between any two statements, even after a panic elsewhere.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn next(State(api): State<Arc<ApiState>>) -> Response {
    api.requested.notify_one();
    let Some(pending) = api.pending.lock().await.recv().await else {
        return error_response(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Runtime.Stopped",
            "the environment has ended",
        );
    };
    let invocation = pending.invocation;
    let id = invocation.id;
    api.log
        .write_lines(vec![format!("START RequestId: {id} Version: $LATEST")])
        .await;
    let deadline = jiff::Timestamp::now().as_millisecond() + api.timeout.as_millis() as i64;
    *api.running() = Some(RunningInvocation {
        id: id.clone(),
        result: pending.result,
        response_chunks: invocation.response_chunks,
    });
    // An error means that the host has stopped waiting for the start, and for the result.
    let _ = pending.started.send(Instant::now());
    Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", id)
        .header("lambda-runtime-deadline-ms", deadline)
        .header("lambda-runtime-invoked-function-arn", &api.function_arn)
        .header("lambda-runtime-trace-id", invocation.trace)
        .body(Body::from(invocation.payload))
        .unwrap_or_else(|error| {
            // Reached only if the trace id is not a valid header value.
            error_response(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Runtime.InvalidHeader",
                &error.to_string(),
            )
        })
}

async fn response(
    State(api): State<Arc<ApiState>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let mode = headers.get("lambda-runtime-function-response-mode");
    let body = match mode.is_some_and(|mode| mode == "streaming") {
        true => read_streamed(body, api.response_chunks(&id)).await,
        false => match to_bytes(body, MAX_RESPONSE_BYTES).await {
            Ok(payload) => ResponseBody::Complete(payload),
            Err(_) => ResponseBody::TooLarge,
        },
    };
    if matches!(body, ResponseBody::Truncated) {
        let message = "the response was truncated";
        return error_response(StatusCode::BAD_REQUEST, "Runtime.Truncated", message);
    }
    let Some(result_channel) = api.finish(&id) else {
        return unknown_request_id(&id);
    };
    let (response, result) = match body {
        ResponseBody::Complete(payload) => (accepted(), InvocationResult::Response(payload)),
        ResponseBody::Error(payload) => (accepted(), InvocationResult::Error(payload)),
        ResponseBody::TooLarge | ResponseBody::Truncated => {
            let kind = "Function.ResponseSizeTooLarge";
            let message = format!("Response payload size exceeded {MAX_RESPONSE_BYTES} bytes");
            (
                error_response(StatusCode::PAYLOAD_TOO_LARGE, kind, &message),
                InvocationResult::Error(error_payload(kind, &message)),
            )
        }
    };
    let _ = result_channel.send(result);
    response
}

/// Forwards a response to `chunks` as it arrives, or collects it without them. Trailers report an error in
/// the middle of a response.
async fn read_streamed(mut body: Body, chunks: Option<mpsc::Sender<Bytes>>) -> ResponseBody {
    let mut collected = vec![];
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return ResponseBody::Truncated;
        };
        match frame.into_data() {
            Ok(data) => match &chunks {
                // The function runs to its end even if its caller has gone.
                Some(chunks) => drop(chunks.send(data).await),
                None if collected.len() + data.len() > MAX_RESPONSE_BYTES => {
                    return ResponseBody::TooLarge;
                }
                None => collected.extend(data),
            },
            Err(frame) => {
                let trailers = frame.into_trailers().unwrap_or_default();
                if let Some(kind) = trailers.get("lambda-runtime-function-error-type") {
                    let kind = kind.to_str().unwrap_or("Runtime.Unknown");
                    let message = "the response ended with an error";
                    return ResponseBody::Error(error_payload(kind, message));
                }
            }
        }
    }
    ResponseBody::Complete(collected.into())
}

async fn error(State(api): State<Arc<ApiState>>, Path(id): Path<String>, body: Body) -> Response {
    let payload = read_error(body).await;
    let Some(result) = api.finish(&id) else {
        return unknown_request_id(&id);
    };
    let _ = result.send(InvocationResult::Error(payload));
    accepted()
}

async fn init_error(State(api): State<Arc<ApiState>>, body: Body) -> Response {
    // Only the first error counts: it ends the environment.
    let _ = api.init_error.try_send(read_error(body).await);
    accepted()
}

async fn read_error(body: Body) -> Bytes {
    to_bytes(body, MAX_RESPONSE_BYTES)
        .await
        .unwrap_or_else(|_| {
            error_payload(
                "Runtime.Unknown",
                "the function's error could not be read or was too large",
            )
        })
}

fn accepted() -> Response {
    let body = serde_json::json!({ "status": "OK" }).to_string();
    (StatusCode::ACCEPTED, body).into_response()
}

fn unknown_request_id(id: &str) -> Response {
    error_response(
        StatusCode::BAD_REQUEST,
        "InvalidRequestID",
        &format!("Invalid request ID: {id}"),
    )
}

fn error_response(status: StatusCode, kind: &str, message: &str) -> Response {
    (status, error_payload(kind, message)).into_response()
}
