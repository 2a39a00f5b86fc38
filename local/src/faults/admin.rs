//! `/_local/faults`: rules set, shown and cleared while the cloud runs. Its port is loopback's.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use serde_json::{Value, json};

use super::FaultInjector;
use super::rules::FaultPlan;

pub fn router(faults: FaultInjector) -> Router {
    Router::new()
        .route("/_local/faults", get(show).post(set).delete(clear))
        .layer(middleware::from_fn(reject_browsers))
        .with_state(faults)
}

/// A page that a developer happens to visit must not be able to break their cloud.
async fn reject_browsers(request: Request, next: Next) -> Response {
    let headers = request.headers();
    if headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site") {
        let message = json!({ "message": "Faults are not for browsers." });
        return json_response(StatusCode::FORBIDDEN, &message);
    }
    next.run(request).await
}

async fn show(State(faults): State<FaultInjector>) -> Response {
    json_response(StatusCode::OK, &faults.report())
}

/// The new rules stand in place of all before them, and count from nothing.
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
