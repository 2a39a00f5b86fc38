//! Traces by OpenTelemetry: one for each job, from the frame that submitted it to its last push, sent by OTLP over HTTP
//! at the end of each invocation.
//!
//! The spans are `tracing`'s: this project's own, and those of the AWS SDK's calls inside of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    SdkTracerProvider, Span, SpanData, SpanExporter as _, SpanProcessor,
};
use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::registry::LookupSpan;

use crate::domain::ids::Traceparent;

/// The header that names the parent span (W3C Trace Context).
const TRACEPARENT: &str = "traceparent";
/// Spans of one invocation; further ones are dropped, which bounds memory and the size of an export.
const MAX_SPANS: usize = 4096;
/// One export. It delays the invocation's response.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(2);

static TRACES: OnceLock<Traces> = OnceLock::new();

struct Traces {
    ended: EndedSpans,
    exporter: tokio::sync::Mutex<SpanExporter>,
}

/// Spans that have ended since the last export. A background exporter would be frozen with the process between
/// invocations.
#[derive(Debug, Clone, Default)]
struct EndedSpans(Arc<Mutex<Vec<SpanData>>>);

impl SpanProcessor for EndedSpans {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        let mut ended = self.0.lock().expect("no holder of this lock panics");
        if ended.len() < MAX_SPANS {
            ended.push(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// The layer that makes traces for the collector at `endpoint`, such as `http://127.0.0.1:4318`.
pub(super) fn start<S>(endpoint: &str, function: &str) -> anyhow::Result<impl Layer<S> + use<S>>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let resource = Resource::builder_empty()
        .with_service_name(function.to_owned())
        .build();
    let mut exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .context("OTLP_ENDPOINT")?;
    exporter.set_resource(&resource);
    let ended = EndedSpans::default();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(ended.clone())
        .with_resource(resource)
        .build();
    let exporter = tokio::sync::Mutex::new(exporter);
    let _ = TRACES.set(Traces { ended, exporter });
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("longhaul"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false);
    // A call of AWS is traced inside a span of ours only. An invocation may serve several jobs, so it has no span.
    Ok(layer.with_filter(dynamic_filter_fn(|metadata, here| {
        metadata.is_span()
            && match metadata.target() {
                target if target.starts_with("longhaul") => match metadata.name() {
                    "invocation" => false,
                    "call" => here.lookup_current().is_some(),
                    _ => true,
                },
                target => target.starts_with("aws_sdk_") && here.lookup_current().is_some(),
            }
    })))
}

/// Makes the span that `traceparent` names the parent of a span that was not entered yet.
pub fn parent(span: &tracing::Span, traceparent: &Traceparent) {
    if TRACES.get().is_some() {
        let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_string())]);
        let context = TraceContextPropagator::new().extract(&carrier);
        // Fails for a span that is not collected.
        let _ = span.set_parent(context);
    }
}

/// The current span, to be the parent of others; `None` where traces are off.
pub fn current() -> Option<Traceparent> {
    TRACES.get()?;
    let context = tracing::Span::current().context();
    let span = context.span().span_context().clone();
    span.is_valid()
        .then(|| Traceparent::new(span.trace_id().to_bytes(), span.span_id().to_bytes()))
}

/// Exports the ended spans. If the collector fails, they are lost and nothing else is affected.
pub(super) async fn flush() {
    let Some(traces) = TRACES.get() else {
        return;
    };
    let ended = std::mem::take(
        &mut *traces
            .ended
            .0
            .lock()
            .expect("no holder of this lock panics"),
    );
    if ended.is_empty() {
        return;
    }
    let exporter = traces.exporter.lock().await;
    match tokio::time::timeout(EXPORT_TIMEOUT, exporter.export(ended)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "traces were lost"),
        Err(_) => tracing::warn!("traces were lost: the collector does not answer"),
    }
}
