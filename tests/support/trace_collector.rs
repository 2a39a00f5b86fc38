//! A collector of traces under test control: a real HTTP server that takes OTLP's protocol buffers and
//! keeps the spans.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message;
use tokio::net::TcpListener;

/// A span as the test looks at it; ids in hexadecimal.
#[derive(Debug, Clone)]
pub struct Span {
    /// The function that it was worked in.
    pub service: String,
    pub name: String,
    pub trace: String,
    pub id: String,
    /// Empty at the root.
    pub parent: String,
    /// Nanoseconds since 1970.
    pub start: u64,
    pub end: u64,
    pub attributes: BTreeMap<String, String>,
}

type Spans = Arc<Mutex<Vec<Span>>>;

pub struct Collector {
    /// Such as `http://127.0.0.1:40001`.
    pub endpoint: String,
    spans: Spans,
}

impl Collector {
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let spans = Spans::default();
        let routes = Router::new()
            .route("/v1/traces", post(take))
            .with_state(spans.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { endpoint, spans })
    }

    /// The spans of a trace that have come in, in the order in which they began.
    pub fn trace(&self, id: &str) -> Vec<Span> {
        let mut spans = self.spans.lock().expect("no test panics here").clone();
        spans.retain(|span| span.trace == id);
        spans.sort_by_key(|span| span.start);
        spans
    }

    /// All traces that have come in, by id.
    pub fn traces(&self) -> Vec<String> {
        let spans = self.spans.lock().expect("no test panics here");
        let mut ids: Vec<String> = spans.iter().map(|span| span.trace.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

async fn take(State(spans): State<Spans>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST;
    };
    let mut kept = spans.lock().expect("no test panics here");
    for resource in request.resource_spans {
        let named = resource.resource.unwrap_or_default().attributes;
        let service = texts(named).remove("service.name").unwrap_or_default();
        for span in resource
            .scope_spans
            .into_iter()
            .flat_map(|scope| scope.spans)
        {
            kept.push(Span {
                service: service.clone(),
                name: span.name,
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                start: span.start_time_unix_nano,
                end: span.end_time_unix_nano,
                attributes: texts(span.attributes),
            });
        }
    }
    StatusCode::OK
}

fn texts(
    attributes: Vec<opentelemetry_proto::tonic::common::v1::KeyValue>,
) -> BTreeMap<String, String> {
    let text = |value| match value {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    attributes
        .into_iter()
        .filter_map(|pair| Some((pair.key, text(pair.value?.value?))))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
