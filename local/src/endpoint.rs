//! The AWS endpoint: every service of the small cloud on one port, so that one `--endpoint-url` will do.
//!
//! Tells services apart by the protocol's own header, and forwards; knows what none of them does.

use std::net::SocketAddr;

use anyhow::Result;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::sqs::Sqs;
use crate::wire_log::{Call, Costs, WireLog, caller};

/// No request of any service here is larger: DynamoDB takes 16 MB.
const LARGEST_REQUEST: usize = 17 << 20;
const JSON: &str = "application/x-amz-json-1.0";

/// What the endpoint forwards to.
#[derive(Clone)]
pub struct Endpoint {
    dynamodb: SocketAddr,
    http: Client<HttpConnector, Body>,
    sqs: Sqs,
    log: WireLog,
}

impl Endpoint {
    pub fn new(dynamodb: SocketAddr, sqs: Sqs, log: WireLog) -> Self {
        let http = Client::builder(TokioExecutor::new()).build_http();
        Self {
            dynamodb,
            http,
            sqs,
            log,
        }
    }

    pub fn router(self) -> Router {
        Router::new().fallback(answer).with_state(self)
    }

    async fn call(&self, headers: HeaderMap, body: Bytes) -> Result<Response> {
        let text = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_owned()
        };
        let (target, agent) = (text("x-amz-target"), text("user-agent"));
        let (service, operation) = target.split_once('.').unwrap_or_default();
        match service {
            "DynamoDB_20120810" => {
                self.dynamodb(operation, caller(&agent), headers, body)
                    .await
            }
            "AmazonSQS" => Ok(self.sqs(operation, caller(&agent), body).await),
            _ => {
                let message = r#"{"__type":"UnknownOperationException","message":"The small cloud has no such service."}"#;
                Ok((
                    StatusCode::BAD_REQUEST,
                    [(header::CONTENT_TYPE, JSON)],
                    message,
                )
                    .into_response())
            }
        }
    }

    async fn dynamodb(
        &self,
        operation: &str,
        caller: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response> {
        if !self.log.is_on() {
            return self.forward(headers, body).await;
        }
        let request_bytes = body.len();
        let (costs, body) = Costs::ask(operation, body);
        let (mut parts, answer) = self.forward(headers, body).await?.into_parts();
        let answer = to_bytes(answer, usize::MAX).await?;
        let (units, answer) = costs.take(answer);
        // Both are of the answer before the costs were taken out of it.
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove("x-amz-crc32");
        self.log.note(&Call {
            caller,
            service: "dynamodb",
            operation,
            status: parts.status.as_u16(),
            request_bytes,
            response_bytes: answer.len(),
            write_units: units.write,
            read_units: units.read,
        });
        Ok(Response::from_parts(parts, Body::from(answer)))
    }

    async fn forward(&self, mut headers: HeaderMap, body: Bytes) -> Result<Response> {
        headers.remove(header::CONTENT_LENGTH);
        let mut request =
            http::Request::post(format!("http://{}/", self.dynamodb)).body(Body::from(body))?;
        *request.headers_mut() = headers;
        Ok(self.http.request(request).await?.map(Body::new))
    }

    async fn sqs(&self, operation: &str, caller: &str, body: Bytes) -> Response {
        let (status, response) = match self.sqs.call(operation, &body).await {
            Ok(answer) => (
                StatusCode::OK,
                ([(header::CONTENT_TYPE, JSON)], answer).into_response(),
            ),
            Err(error) => {
                let status =
                    StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let headers = [
                    (header::CONTENT_TYPE.as_str(), JSON),
                    ("x-amzn-query-error", &error.query_error()),
                ];
                (status, (status, headers, error.body()).into_response())
            }
        };
        self.log.note(&Call {
            caller,
            service: "sqs",
            operation,
            status: status.as_u16(),
            request_bytes: body.len(),
            response_bytes: http_body::Body::size_hint(response.body()).lower() as usize,
            write_units: 0.0,
            read_units: 0.0,
        });
        response
    }
}

async fn answer(State(endpoint): State<Endpoint>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_REQUEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    endpoint
        .call(parts.headers, body)
        .await
        .unwrap_or_else(|error| {
            tracing::error!(
                error = format!("{error:#}"),
                "a service of the small cloud did not answer"
            );
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        })
}
