//! `/_local/wiring`: which functions there are, and what calls them, for those who look after a stack.
//!
//! Says what the template asked for. Its port is loopback's.

use axum::Router;
use axum::routing::get;
use http::header;
use serde_json::{Value, json};

use crate::plan::Plan;

pub fn router(plan: &Plan) -> Router {
    let functions = plan.functions.iter().map(|function| {
        json!({"name": function.name, "timeoutSeconds": function.timeout.as_secs(), "memory": function.memory})
    });
    let sources = plan
        .event_sources
        .iter()
        .map(|source| json!({"queue": source.queue, "function": source.function}));
    let schedules = plan
        .schedules
        .iter()
        .map(|schedule| json!({"name": schedule.name, "function": schedule.function}));
    let wiring = json!({
        "functions": functions.collect::<Vec<Value>>(),
        "eventSources": sources.collect::<Vec<Value>>(),
        "schedules": schedules.collect::<Vec<Value>>(),
    });
    let answer = (
        [(header::CONTENT_TYPE, "application/json")],
        wiring.to_string(),
    );
    Router::new().route("/_local/wiring", get(async move || answer))
}
