//! `GET /_local/wiring`: the stack's functions and what invokes them, for the operator's commands.

use axum::Router;
use axum::routing::get;
use http::header;
use serde_json::{Value, json};

use crate::stack_spec::StackSpec;

pub fn router(spec: &StackSpec) -> Router {
    let functions = spec.functions.iter().map(|function| {
        json!({
            "name": function.name,
            "timeoutSeconds": function.timeout.as_secs(),
            "memory": function.memory_mib,
        })
    });
    let sources = spec
        .event_sources
        .iter()
        .map(|source| json!({"queue": source.queue, "function": source.function}));
    let schedules = spec
        .schedules
        .iter()
        .map(|schedule| json!({"name": schedule.name, "function": schedule.function}));
    let wiring = json!({
        "functions": functions.collect::<Vec<Value>>(),
        "eventSources": sources.collect::<Vec<Value>>(),
        "schedules": schedules.collect::<Vec<Value>>(),
    });
    let response = (
        [(header::CONTENT_TYPE, "application/json")],
        wiring.to_string(),
    );
    Router::new().route("/_local/wiring", get(async move || response))
}
