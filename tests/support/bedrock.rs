//! An HTTP server that plays Amazon Bedrock: it answers `ConverseStream` with frames of AWS's event stream, and AgentCore's
//! `InvokeAgentRuntime` with server-sent events.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::Result;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use longhaul_local::event_stream::{CONTENT_TYPE, event, exception};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The response to one call.
pub enum PlannedResponse {
    /// This status and exception.
    Error(u16, &'static str),
    /// These bytes, as a stream of this content type.
    Stream(&'static str, Vec<Vec<u8>>, StreamEnd),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum StreamEnd {
    /// The body is complete.
    Complete,
    /// The connection is cut.
    ConnectionCut,
    /// The connection stays open and sends nothing more.
    Hang,
}

/// A call that was received.
#[derive(Clone)]
pub struct ReceivedCall {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Value,
}

#[derive(Default)]
struct Shared {
    responses: Mutex<VecDeque<PlannedResponse>>,
    calls: Mutex<Vec<ReceivedCall>>,
    /// Streams that the client closed before their end.
    closed_streams: AtomicUsize,
}

pub struct BedrockServer {
    /// Such as `http://127.0.0.1:40001`.
    pub endpoint: String,
    shared: Arc<Shared>,
}

impl BedrockServer {
    /// Answers calls with these responses in order, and any further call with HTTP 500.
    pub async fn start(responses: Vec<PlannedResponse>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            responses: Mutex::new(responses.into()),
            ..Shared::default()
        });
        let routes = Router::new().fallback(respond).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { endpoint, shared })
    }

    /// The variables that make the AWS SDK call this server.
    pub fn environment(&self) -> Vec<(String, String)> {
        let name = |service: &str| format!("AWS_ENDPOINT_URL_{service}");
        let variable = |service| (name(service), self.endpoint.clone());
        vec![variable("BEDROCK_RUNTIME"), variable("BEDROCK_AGENTCORE")]
    }

    pub fn calls(&self) -> Vec<ReceivedCall> {
        self.shared.calls.lock().expect("unpoisoned").clone()
    }

    /// The number of streams that the client closed before their end.
    pub fn closed_streams(&self) -> usize {
        self.shared.closed_streams.load(Ordering::SeqCst)
    }
}

async fn respond(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let path = uri.path().to_owned();
    let call = ReceivedCall {
        path,
        headers,
        body,
    };
    shared.calls.lock().expect("unpoisoned").push(call);
    let response = shared.responses.lock().expect("unpoisoned").pop_front();
    match response {
        None => error_response(500, "NoResponsePlanned"),
        Some(PlannedResponse::Error(status, exception)) => error_response(status, exception),
        Some(PlannedResponse::Stream(content_type, pieces, end)) => {
            let stream = OpenStream {
                shared,
                pieces: pieces.into(),
                end,
                ended: false,
            };
            let body = Body::from_stream(stream::unfold(stream, next_piece));
            ([("content-type", content_type)], body).into_response()
        }
    }
}

fn error_response(status: u16, exception: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let message = json!({"message": "arn:aws:bedrock: what only operators should read"});
    let headers = [
        ("x-amzn-errortype", exception),
        ("content-type", "application/json"),
    ];
    (status, headers, message.to_string()).into_response()
}

/// A stream being sent. It counts as closed by the client if it is dropped before its end.
struct OpenStream {
    shared: Arc<Shared>,
    pieces: VecDeque<Vec<u8>>,
    end: StreamEnd,
    ended: bool,
}

async fn next_piece(mut stream: OpenStream) -> Option<(std::io::Result<Vec<u8>>, OpenStream)> {
    match (stream.pieces.pop_front(), stream.end) {
        (Some(piece), _) => Some((Ok(piece), stream)),
        (None, StreamEnd::Hang) => std::future::pending().await,
        (None, StreamEnd::ConnectionCut) if !stream.ended => {
            stream.ended = true;
            // Lets the server send the head and what it has before the cut.
            tokio::task::yield_now().await;
            Some((Err(std::io::Error::other("cut")), stream))
        }
        (None, _) => {
            stream.ended = true;
            None
        }
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        if !self.ended {
            self.shared.closed_streams.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// An event of `ConverseStream`.
fn frame(kind: &str, payload: Value) -> Vec<u8> {
    event(kind, "application/json", payload.to_string().as_bytes())
}

fn text_events(pieces: &[&str]) -> Vec<Vec<u8>> {
    let mut events = vec![frame("messageStart", json!({"role": "assistant"}))];
    for piece in pieces {
        let delta = json!({"contentBlockIndex": 0, "delta": {"text": piece}});
        events.push(frame("contentBlockDelta", delta));
    }
    events
}

/// Completes a message's events: the stop reason, and the input and output tokens.
fn finish_response(mut events: Vec<Vec<u8>>, stop: &str, tokens: (u32, u32)) -> PlannedResponse {
    let (input, output) = tokens;
    let usage =
        json!({"inputTokens": input, "outputTokens": output, "totalTokens": input + output});
    events.push(frame("contentBlockStop", json!({"contentBlockIndex": 0})));
    events.push(frame("messageStop", json!({"stopReason": stop})));
    let metadata = json!({"usage": usage, "metrics": {"latencyMs": 100}});
    events.push(frame("metadata", metadata));
    PlannedResponse::Stream(CONTENT_TYPE, events, StreamEnd::Complete)
}

/// Text in pieces, and the reason why the model stopped.
pub fn text_response(pieces: &[&str], stop: &str, tokens: (u32, u32)) -> PlannedResponse {
    finish_response(text_events(pieces), stop, tokens)
}

/// Text in pieces, without the message's end.
pub fn interrupted_response(pieces: &[&str], end: StreamEnd) -> PlannedResponse {
    PlannedResponse::Stream(CONTENT_TYPE, text_events(pieces), end)
}

/// Text in pieces, and then an exception in the stream.
pub fn failed_response(pieces: &[&str], kind: &str) -> PlannedResponse {
    let mut events = text_events(pieces);
    events.push(exception(
        kind,
        br#"{"message":"arn:aws:bedrock: internal detail"}"#,
    ));
    PlannedResponse::Stream(CONTENT_TYPE, events, StreamEnd::Complete)
}

/// Text in pieces, and a call of the tool with this question, whose input comes in two halves.
pub fn tool_call_response(pieces: &[&str], question: &str, tokens: (u32, u32)) -> PlannedResponse {
    let mut events = text_events(pieces);
    let start = json!({"toolUse": {"toolUseId": "tooluse_1", "name": "finops"}});
    events.push(frame(
        "contentBlockStart",
        json!({"contentBlockIndex": 1, "start": start}),
    ));
    let input = json!({"question": question}).to_string();
    let (first, second) = input.split_at(input.len() / 2);
    for half in [first, second] {
        let delta = json!({"toolUse": {"input": half}});
        events.push(frame(
            "contentBlockDelta",
            json!({"contentBlockIndex": 1, "delta": delta}),
        ));
    }
    events.push(frame("contentBlockStop", json!({"contentBlockIndex": 1})));
    finish_response(events, "tool_use", tokens)
}

/// An agent's server-sent events, each sent in two pieces.
pub fn server_sent_events(events: &[&str], end: StreamEnd) -> PlannedResponse {
    let mut pieces = vec![];
    for event in events {
        let event = format!("data: {event}\n\n");
        let (first, second) = event.as_bytes().split_at(event.len() / 2);
        pieces.extend([first.to_vec(), second.to_vec()]);
    }
    PlannedResponse::Stream("text/event-stream; charset=utf-8", pieces, end)
}
