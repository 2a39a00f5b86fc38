//! An HTTP server that plays a trace collector: it receives OTLP's protocol buffers and stores the spans.

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

/// A span; its ids are in hexadecimal.
#[derive(Debug, Clone)]
pub struct Span {
    /// The name of the function that recorded it.
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

pub struct TraceCollector {
    /// Such as `http://127.0.0.1:40001`.
    pub endpoint: String,
    spans: Spans,
}

impl TraceCollector {
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let spans = Spans::default();
        let routes = Router::new()
            .route("/v1/traces", post(receive))
            .with_state(spans.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { endpoint, spans })
    }

    /// The received spans of a trace, by their start.
    pub fn trace(&self, id: &str) -> Vec<Span> {
        let mut spans = self.spans.lock().expect("no test panics here").clone();
        spans.retain(|span| span.trace == id);
        spans.sort_by_key(|span| span.start);
        spans
    }

    /// The ids of all received traces.
    pub fn trace_ids(&self) -> Vec<String> {
        let spans = self.spans.lock().expect("no test panics here");
        let mut ids: Vec<String> = spans.iter().map(|span| span.trace.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

async fn receive(State(spans): State<Spans>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST;
    };
    let mut received = spans.lock().expect("no test panics here");
    for resource in request.resource_spans {
        let resource_attributes = resource.resource.unwrap_or_default().attributes;
        let service = attribute_texts(resource_attributes)
            .remove("service.name")
            .unwrap_or_default();
        for span in resource
            .scope_spans
            .into_iter()
            .flat_map(|scope| scope.spans)
        {
            received.push(Span {
                service: service.clone(),
                name: span.name,
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                start: span.start_time_unix_nano,
                end: span.end_time_unix_nano,
                attributes: attribute_texts(span.attributes),
            });
        }
    }
    StatusCode::OK
}

fn attribute_texts(
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
