//! `/_local/faults`: rules set, shown and cleared while the cloud runs. Its port is loopback's.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use serde_json::{Value, json};

use super::Faults;
use super::rules::Plan;

pub fn router(faults: Faults) -> Router {
    Router::new()
        .route("/_local/faults", get(show).post(set).delete(clear))
        .layer(middleware::from_fn(no_browser))
        .with_state(faults)
}

/// A page that a developer happens to visit must not be able to break their cloud.
async fn no_browser(request: Request, next: Next) -> Response {
    let headers = request.headers();
    if headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site") {
        let message = json!({ "message": "Faults are not for browsers." });
        return answer(StatusCode::FORBIDDEN, &message);
    }
    next.run(request).await
}

async fn show(State(faults): State<Faults>) -> Response {
    answer(StatusCode::OK, &faults.report())
}

/// The new rules stand in place of all before them, and count from nothing.
async fn set(State(faults): State<Faults>, body: Bytes) -> Response {
    match Plan::parse(&body) {
        Ok(plan) => {
            faults.set(plan);
            answer(StatusCode::OK, &faults.report())
        }
        Err(error) => {
            let message = json!({ "message": format!("{error:#}") });
            answer(StatusCode::BAD_REQUEST, &message)
        }
    }
}

async fn clear(State(faults): State<Faults>) -> Response {
    faults.set(Plan::default());
    answer(StatusCode::OK, &faults.report())
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (status, kind, body.to_string()).into_response()
}
