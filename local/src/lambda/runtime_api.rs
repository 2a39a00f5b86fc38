//! The Lambda Runtime API (version 2018-06-01) of one environment, on a port of its own: runtime
//! clients build `http://{AWS_LAMBDA_RUNTIME_API}/2018-06-01/...`, and not all keep a path prefix.
//! It passes one invocation at a time through and knows no process.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::invocation::{Invocation, error_payload};
use super::log::Log;
use crate::plan;

/// The most that a function may answer to a synchronous invocation (Lambda's quota: 6 MB).
const RESPONSE_LIMIT: usize = 6 * 1024 * 1024;

/// What the child posted as the invocation's end.
pub(super) enum Reply {
    Response(Bytes),
    Error(Bytes),
}

/// An invocation that waits for the child's `/next`.
pub(super) struct Delivery {
    invocation: Invocation,
    taken: oneshot::Sender<Instant>,
    reply: oneshot::Sender<Reply>,
}

impl Delivery {
    /// The delivery, the moment at which the child took it, and the child's reply.
    pub(super) fn of(
        invocation: Invocation,
    ) -> (Self, oneshot::Receiver<Instant>, oneshot::Receiver<Reply>) {
        let (taken, when) = oneshot::channel();
        let (reply, answer) = oneshot::channel();
        (
            Delivery {
                invocation,
                taken,
                reply,
            },
            when,
            answer,
        )
    }
}

/// The host's end.
pub(super) struct RuntimeApi {
    shared: Arc<Shared>,
    inbox: mpsc::Sender<Delivery>,
    init_errors: mpsc::Receiver<Bytes>,
}

struct Shared {
    waiting: tokio::sync::Mutex<mpsc::Receiver<Delivery>>,
    /// The invocation that the child works on.
    running: Mutex<Option<Running>>,
    init_error: mpsc::Sender<Bytes>,
    log: Log,
    arn: String,
    timeout: std::time::Duration,
}

struct Running {
    id: String,
    /// Where its end goes.
    reply: oneshot::Sender<Reply>,
    /// Where a response goes that streams.
    pieces: Option<mpsc::Sender<Bytes>>,
}

/// How a response came that streams.
enum Streamed {
    Whole(Bytes),
    /// The child told an error in the middle.
    Error(Bytes),
    TooLarge,
    /// It did not come to its end, which the child's own end explains.
    Broken,
}

impl RuntimeApi {
    pub(super) fn new(log: Log, function: &plan::Function) -> RuntimeApi {
        let (inbox, waiting) = mpsc::channel(1);
        let (init_error, init_errors) = mpsc::channel(1);
        RuntimeApi {
            shared: Arc::new(Shared {
                waiting: tokio::sync::Mutex::new(waiting),
                running: Mutex::default(),
                init_error,
                log,
                arn: function.arn.clone(),
                timeout: function.timeout,
            }),
            inbox,
            init_errors,
        }
    }

    /// Answers on a free port of the loopback until the task is aborted.
    pub(super) async fn listen(&self) -> anyhow::Result<(SocketAddr, JoinHandle<()>)> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("no port for a function's Runtime API")?;
        let address = listener.local_addr().context("a listener has an address")?;
        let runtime = Router::new()
            .route("/invocation/next", get(next))
            .route("/invocation/{id}/response", post(response))
            .route("/invocation/{id}/error", post(error))
            .route("/init/error", post(init_error))
            .with_state(self.shared.clone());
        let app = Router::new().nest("/2018-06-01/runtime", runtime);
        // Small answers must not wait for the acknowledgement of the ones before.
        let listener = listener.tap_io(|socket| {
            if let Err(error) = socket.set_nodelay(true) {
                tracing::debug!(%error, "no TCP_NODELAY for a Runtime API");
            }
        });
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::error!(%error, "a Runtime API ended");
            }
        });
        Ok((address, task))
    }

    /// Leaves a delivery for the child; false if it has not taken the one before.
    pub(super) fn offer(&self, delivery: Delivery) -> bool {
        self.inbox.try_send(delivery).is_ok()
    }

    /// The error that the child posts instead of asking for its first invocation.
    pub(super) async fn init_error(&mut self) -> Option<Bytes> {
        self.init_errors.recv().await
    }
}

impl Shared {
    /// The reply channel of the invocation with this id, if it is the one that runs.
    fn finish(&self, id: &str) -> Option<oneshot::Sender<Reply>> {
        // A panic under this lock can't leave half an entry.
        let mut running = self
            .running
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        match running.as_ref() {
            Some(current) if current.id == id => running.take().map(|ended| ended.reply),
            _ => None,
        }
    }

    /// Where a response to this invocation goes as it comes, if its caller wants that.
    fn pieces(&self, id: &str) -> Option<mpsc::Sender<Bytes>> {
        let running = self
            .running
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let current = running.as_ref().filter(|current| current.id == id)?;
        current.pieces.clone()
    }
}

async fn next(State(api): State<Arc<Shared>>) -> Response {
    let Some(delivery) = api.waiting.lock().await.recv().await else {
        return problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Runtime.Stopped",
            "the environment has ended",
        );
    };
    let invocation = delivery.invocation;
    let id = invocation.id;
    api.log
        .mark(vec![format!("START RequestId: {id} Version: $LATEST")])
        .await;
    let deadline = jiff::Timestamp::now().as_millisecond() + api.timeout.as_millis() as i64;
    *api.running
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(Running {
        id: id.clone(),
        reply: delivery.reply,
        pieces: invocation.pieces,
    });
    // The host may have given up meanwhile; then nobody waits for the reply either.
    let _ = delivery.taken.send(Instant::now());
    Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", id)
        .header("lambda-runtime-deadline-ms", deadline)
        .header("lambda-runtime-invoked-function-arn", &api.arn)
        .header("lambda-runtime-trace-id", invocation.trace)
        .body(Body::from(invocation.payload))
        .unwrap_or_else(|error| {
            // Only a trace id that is no header value gets here.
            problem(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Runtime.InvalidHeader",
                &error.to_string(),
            )
        })
}

async fn response(
    State(api): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let mode = headers.get("lambda-runtime-function-response-mode");
    let read = match mode.is_some_and(|mode| mode == "streaming") {
        true => streamed(body, api.pieces(&id)).await,
        false => match to_bytes(body, RESPONSE_LIMIT).await {
            Ok(payload) => Streamed::Whole(payload),
            Err(_) => Streamed::TooLarge,
        },
    };
    if matches!(read, Streamed::Broken) {
        let message = "the response broke off";
        return problem(StatusCode::BAD_REQUEST, "Runtime.Truncated", message);
    }
    let Some(reply) = api.finish(&id) else {
        return unknown(&id);
    };
    let (answer, reply_with) = match read {
        Streamed::Whole(payload) => (accepted(), Reply::Response(payload)),
        Streamed::Error(payload) => (accepted(), Reply::Error(payload)),
        Streamed::TooLarge | Streamed::Broken => {
            let kind = "Function.ResponseSizeTooLarge";
            let message = format!("Response payload size exceeded {RESPONSE_LIMIT} bytes");
            (
                problem(StatusCode::PAYLOAD_TOO_LARGE, kind, &message),
                Reply::Error(error_payload(kind, &message)),
            )
        }
    };
    let _ = reply.send(reply_with);
    answer
}

/// Hands a response on as it comes, or gathers it for a caller who waits for the whole. An error in the
/// middle comes as trailers.
async fn streamed(mut body: Body, pieces: Option<mpsc::Sender<Bytes>>) -> Streamed {
    let mut whole = vec![];
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Streamed::Broken;
        };
        match frame.into_data() {
            Ok(data) => match &pieces {
                // A function runs to its end, whether its caller is still there or not.
                Some(pieces) => drop(pieces.send(data).await),
                None if whole.len() + data.len() > RESPONSE_LIMIT => return Streamed::TooLarge,
                None => whole.extend(data),
            },
            Err(frame) => {
                let trailers = frame.into_trailers().unwrap_or_default();
                if let Some(kind) = trailers.get("lambda-runtime-function-error-type") {
                    let kind = kind.to_str().unwrap_or("Runtime.Unknown");
                    return Streamed::Error(error_payload(kind, "the response ended in an error"));
                }
            }
        }
    }
    Streamed::Whole(whole.into())
}

async fn error(State(api): State<Arc<Shared>>, Path(id): Path<String>, body: Body) -> Response {
    let payload = error_body(body).await;
    let Some(reply) = api.finish(&id) else {
        return unknown(&id);
    };
    let _ = reply.send(Reply::Error(payload));
    accepted()
}

async fn init_error(State(api): State<Arc<Shared>>, body: Body) -> Response {
    // One is enough: the environment ends with it.
    let _ = api.init_error.try_send(error_body(body).await);
    accepted()
}

async fn error_body(body: Body) -> Bytes {
    to_bytes(body, RESPONSE_LIMIT).await.unwrap_or_else(|_| {
        error_payload(
            "Runtime.Unknown",
            "the function's error could not be read, or was too large",
        )
    })
}

fn accepted() -> Response {
    let body = serde_json::json!({ "status": "OK" }).to_string();
    (StatusCode::ACCEPTED, body).into_response()
}

fn unknown(id: &str) -> Response {
    problem(
        StatusCode::BAD_REQUEST,
        "InvalidRequestID",
        &format!("Invalid request ID: {id}"),
    )
}

fn problem(status: StatusCode, kind: &str, message: &str) -> Response {
    (status, error_payload(kind, message)).into_response()
}
