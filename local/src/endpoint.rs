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

use crate::s3::{S3, Target, is_for_s3};
use crate::sqs::Sqs;
use crate::wire_log::{Call, Costs, WireLog, caller};

/// No JSON request here is larger: DynamoDB takes 16 MB. S3 reads its bodies as they come.
const LARGEST_REQUEST: usize = 17 << 20;
const JSON: &str = "application/x-amz-json-1.0";

/// What the endpoint forwards to.
#[derive(Clone)]
pub struct Endpoint {
    dynamodb: SocketAddr,
    http: Client<HttpConnector, Body>,
    sqs: Sqs,
    s3: S3,
    log: WireLog,
}

impl Endpoint {
    pub fn new(dynamodb: SocketAddr, sqs: Sqs, s3: S3, log: WireLog) -> Self {
        let http = Client::builder(TokioExecutor::new()).build_http();
        Self {
            dynamodb,
            http,
            sqs,
            s3,
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

    async fn s3(&self, request: Request) -> Response {
        if !self.log.is_on() {
            return self.s3.call(request).await;
        }
        let (parts, body) = request.into_parts();
        let operation = Target::of(&parts).operation;
        let agent = agent(&parts.headers).to_owned();
        let request_bytes = http_body::Body::size_hint(&body).lower() as usize;
        let response = self.s3.call(Request::from_parts(parts, body)).await;
        let length = response.headers().get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        let known = http_body::Body::size_hint(response.body()).lower() as usize;
        self.log.note(&Call {
            caller: caller(&agent),
            service: "s3",
            operation,
            status: response.status().as_u16(),
            request_bytes,
            response_bytes: length.unwrap_or(known),
            write_units: 0.0,
            read_units: 0.0,
        });
        response
    }
}

fn agent(headers: &HeaderMap) -> &str {
    let agent = headers.get(header::USER_AGENT);
    agent.and_then(|value| value.to_str().ok()).unwrap_or("")
}

async fn answer(State(endpoint): State<Endpoint>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if is_for_s3(&parts) {
        return endpoint.s3(Request::from_parts(parts, body)).await;
    }
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
