//! `/_local/faults`: sets, shows and clears fault rules at run time. The port is bound to loopback.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use serde_json::{Value, json};

use super::FaultInjector;
use super::rules::FaultPlan;
use crate::browser_guard;

pub fn router(faults: FaultInjector) -> Router {
    Router::new()
        .route("/_local/faults", get(show).post(set).delete(clear))
        .layer(middleware::from_fn(browser_guard::reject_browsers))
        .with_state(faults)
}

async fn show(State(faults): State<FaultInjector>) -> Response {
    json_response(StatusCode::OK, &faults.report())
}

/// Replaces all rules and resets their counts.
async fn set(State(faults): State<FaultInjector>, body: Bytes) -> Response {
    match FaultPlan::parse(&body) {
        Ok(plan) => {
            faults.set(plan);
            json_response(StatusCode::OK, &faults.report())
        }
        Err(error) => {
            let message = json!({ "message": format!("{error:#}") });
            json_response(StatusCode::BAD_REQUEST, &message)
        }
    }
}

async fn clear(State(faults): State<FaultInjector>) -> Response {
    faults.set(FaultPlan::default());
    json_response(StatusCode::OK, &faults.report())
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json")];
    (status, headers, body.to_string()).into_response()
}
