//! Amazon Bedrock under test control: a real HTTP server that answers `ConverseStream` with frames of AWS's
//! event stream, and AgentCore's `InvokeAgentRuntime` with server-sent events.

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

/// What the next call is answered with.
pub enum Answer {
    /// No stream: this status and exception.
    Refused(u16, &'static str),
    /// These bytes, as a stream of this content type, and how it ends.
    Streamed(&'static str, Vec<Vec<u8>>, Ending),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Whole,
    /// The connection is cut.
    Cut,
    /// Nothing more comes, and the connection stays.
    Silence,
}

/// A call as it came in.
#[derive(Clone)]
pub struct Call {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Value,
}

#[derive(Default)]
struct Shared {
    answers: Mutex<VecDeque<Answer>>,
    calls: Mutex<Vec<Call>>,
    /// Streams that the client closed before their end.
    closed: AtomicUsize,
}

pub struct Bedrock {
    /// Such as `http://127.0.0.1:40001`.
    pub endpoint: String,
    shared: Arc<Shared>,
}

impl Bedrock {
    /// Answers so many calls, in this order, and refuses the rest.
    pub async fn start(answers: Vec<Answer>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            answers: Mutex::new(answers.into()),
            ..Shared::default()
        });
        let routes = Router::new().fallback(take).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { endpoint, shared })
    }

    /// The SDK's own variables that lead here.
    pub fn environment(&self) -> Vec<(String, String)> {
        let name = |service: &str| format!("AWS_ENDPOINT_URL_{service}");
        let to = |service| (name(service), self.endpoint.clone());
        vec![to("BEDROCK_RUNTIME"), to("BEDROCK_AGENTCORE")]
    }

    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().expect("unpoisoned").clone()
    }

    /// How many streams were closed from the other side before their end.
    pub fn closed(&self) -> usize {
        self.shared.closed.load(Ordering::SeqCst)
    }
}

async fn take(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let path = uri.path().to_owned();
    let call = Call {
        path,
        headers,
        body,
    };
    shared.calls.lock().expect("unpoisoned").push(call);
    let answer = shared.answers.lock().expect("unpoisoned").pop_front();
    match answer {
        None => refusal(500, "NothingMorePlanned"),
        Some(Answer::Refused(status, exception)) => refusal(status, exception),
        Some(Answer::Streamed(content_type, pieces, ending)) => {
            let open = Open {
                shared,
                pieces: pieces.into(),
                ending,
                over: false,
            };
            let body = Body::from_stream(stream::unfold(open, next));
            ([("content-type", content_type)], body).into_response()
        }
    }
}

fn refusal(status: u16, exception: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let message = json!({"message": "arn:aws:bedrock: what only operators should read"});
    let headers = [
        ("x-amzn-errortype", exception),
        ("content-type", "application/json"),
    ];
    (status, headers, message.to_string()).into_response()
}

/// A stream under way; it counts itself as closed if it is dropped before its end.
struct Open {
    shared: Arc<Shared>,
    pieces: VecDeque<Vec<u8>>,
    ending: Ending,
    over: bool,
}

async fn next(mut open: Open) -> Option<(std::io::Result<Vec<u8>>, Open)> {
    match (open.pieces.pop_front(), open.ending) {
        (Some(piece), _) => Some((Ok(piece), open)),
        (None, Ending::Silence) => std::future::pending().await,
        (None, Ending::Cut) if !open.over => {
            open.over = true;
            // A server that has nothing at once sends what it has; else the cut would come before the head.
            tokio::task::yield_now().await;
            Some((Err(std::io::Error::other("cut")), open))
        }
        (None, _) => {
            open.over = true;
            None
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.over {
            self.shared.closed.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// An event of `ConverseStream`.
fn said(kind: &str, payload: Value) -> Vec<u8> {
    event(kind, "application/json", payload.to_string().as_bytes())
}

fn text(pieces: &[&str]) -> Vec<Vec<u8>> {
    let mut events = vec![said("messageStart", json!({"role": "assistant"}))];
    for piece in pieces {
        let delta = json!({"contentBlockIndex": 0, "delta": {"text": piece}});
        events.push(said("contentBlockDelta", delta));
    }
    events
}

fn end(mut events: Vec<Vec<u8>>, stop: &str, tokens: (u32, u32)) -> Answer {
    let (input, output) = tokens;
    let usage =
        json!({"inputTokens": input, "outputTokens": output, "totalTokens": input + output});
    events.push(said("contentBlockStop", json!({"contentBlockIndex": 0})));
    events.push(said("messageStop", json!({"stopReason": stop})));
    let metadata = json!({"usage": usage, "metrics": {"latencyMs": 100}});
    events.push(said("metadata", metadata));
    Answer::Streamed(CONTENT_TYPE, events, Ending::Whole)
}

/// Says these pieces, and stops for this reason.
pub fn says(pieces: &[&str], stop: &str, tokens: (u32, u32)) -> Answer {
    end(text(pieces), stop, tokens)
}

/// Says these pieces, and then no more.
pub fn breaks(pieces: &[&str], ending: Ending) -> Answer {
    Answer::Streamed(CONTENT_TYPE, text(pieces), ending)
}

/// Says these pieces, and then this exception.
pub fn fails(pieces: &[&str], kind: &str) -> Answer {
    let mut events = text(pieces);
    events.push(exception(kind, br#"{"message":"arn:aws:bedrock: inside"}"#));
    Answer::Streamed(CONTENT_TYPE, events, Ending::Whole)
}

/// Says these pieces, and asks its tool this, whose input comes in two halves.
pub fn asks(pieces: &[&str], question: &str, tokens: (u32, u32)) -> Answer {
    let mut events = text(pieces);
    let start = json!({"toolUse": {"toolUseId": "tooluse_1", "name": "finops"}});
    events.push(said(
        "contentBlockStart",
        json!({"contentBlockIndex": 1, "start": start}),
    ));
    let input = json!({"question": question}).to_string();
    let (first, second) = input.split_at(input.len() / 2);
    for half in [first, second] {
        let delta = json!({"toolUse": {"input": half}});
        events.push(said(
            "contentBlockDelta",
            json!({"contentBlockIndex": 1, "delta": delta}),
        ));
    }
    events.push(said("contentBlockStop", json!({"contentBlockIndex": 1})));
    end(events, "tool_use", tokens)
}

/// An agent's server-sent events, each cut in two.
pub fn sends(events: &[&str], ending: Ending) -> Answer {
    let mut pieces = vec![];
    for event in events {
        let event = format!("data: {event}\n\n");
        let (first, second) = event.as_bytes().split_at(event.len() / 2);
        pieces.extend([first.to_vec(), second.to_vec()]);
    }
    Answer::Streamed("text/event-stream; charset=utf-8", pieces, ending)
}
