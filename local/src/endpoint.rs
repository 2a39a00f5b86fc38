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

use crate::caller::Caller;
use crate::faults::rules::{Called, Effects, Service};
use crate::faults::{Faults, admin};
use crate::s3::{S3, Target, is_for_s3};
use crate::sqs::Sqs;
use crate::wire_log::{Call, Costs, WireLog};

/// No JSON request here is larger: DynamoDB takes 16 MB. S3 reads its bodies as they come.
const LARGEST_REQUEST: usize = 17 << 20;
/// What is held of a body that a fault befalls: S3's own limit of one request (5 GiB).
const LARGEST_HELD: usize = 5 << 30;
const JSON: &str = "application/x-amz-json-1.0";

/// What the endpoint forwards to.
#[derive(Clone)]
pub struct Endpoint {
    dynamodb: SocketAddr,
    http: Client<HttpConnector, Body>,
    sqs: Sqs,
    s3: S3,
    log: WireLog,
    faults: Faults,
}

impl Endpoint {
    pub fn new(dynamodb: SocketAddr, sqs: Sqs, s3: S3, log: WireLog, faults: Faults) -> Self {
        let http = Client::builder(TokioExecutor::new()).build_http();
        Self {
            dynamodb,
            http,
            sqs,
            s3,
            log,
            faults,
        }
    }

    pub fn router(self) -> Router {
        let admin = admin::router(self.faults.clone());
        Router::new().fallback(answer).with_state(self).merge(admin)
    }

    /// The call, with whatever befalls it on its way.
    async fn call(&self, headers: HeaderMap, body: Bytes) -> Result<Response> {
        let caller = Caller::of(&headers);
        let target = headers
            .get("x-amz-target")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let (service, operation) = target.split_once('.').unwrap_or_default();
        let service = match service {
            "DynamoDB_20120810" => Service::DynamoDb,
            "AmazonSQS" => Service::Sqs,
            _ => return Ok(no_such_service()),
        };
        let called = Called {
            service,
            operation,
            caller: &caller.function,
            environment: caller.environment.as_deref(),
        };
        let perform = async || match service {
            Service::DynamoDb => self.dynamodb(&called, headers.clone(), body.clone()).await,
            _ => Ok(self.sqs(&called, body.clone()).await),
        };
        let answered = self.faults.through(&called, perform).await;
        answered.unwrap_or_else(|failure| {
            let response = failure.response(service);
            self.note(&called, body.len(), &response);
            Ok(response)
        })
    }

    async fn dynamodb(
        &self,
        called: &Called<'_>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response> {
        if !self.log.is_on() {
            return self.forward(headers, body).await;
        }
        let request_bytes = body.len();
        let (costs, body) = Costs::ask(called.operation, body);
        let (mut parts, answer) = self.forward(headers, body).await?.into_parts();
        let answer = to_bytes(answer, usize::MAX).await?;
        let (units, answer) = costs.take(answer);
        // Both are of the answer before the costs were taken out of it.
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove("x-amz-crc32");
        self.log.note(&Call {
            caller: called.caller,
            operation: called.operation,
            status: parts.status.as_u16(),
            request_bytes,
            response_bytes: answer.len(),
            write_units: units.write,
            read_units: units.read,
            ..Call::of(called.service.name())
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

    async fn sqs(&self, called: &Called<'_>, body: Bytes) -> Response {
        let response = match self.sqs.call(called.operation, &body).await {
            Ok(answer) => ([(header::CONTENT_TYPE, JSON)], answer).into_response(),
            Err(error) => {
                let status =
                    StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let headers = [
                    (header::CONTENT_TYPE.as_str(), JSON),
                    ("x-amzn-query-error", &error.query_error()),
                ];
                (status, headers, error.body()).into_response()
            }
        };
        self.note(called, body.len(), &response);
        response
    }

    /// A body goes to S3 as it comes, unless something befalls its call: then it is read whole
    /// before, to be there for a second time, and so that an early answer finds a reader.
    async fn s3(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let caller = Caller::of(&parts.headers);
        let called = Called {
            service: Service::S3,
            operation: Target::of(&parts).operation,
            caller: &caller.function,
            environment: caller.environment.as_deref(),
        };
        let request_bytes = length(&parts.headers, &body);
        let effects = self.faults.decide(&called);
        if effects == Effects::default() {
            let response = self.s3.call(Request::from_parts(parts, body)).await;
            self.note(&called, request_bytes, &response);
            return response;
        }
        let Ok(body) = to_bytes(body, LARGEST_HELD).await else {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        };
        let perform = async || {
            let request = Request::from_parts(parts.clone(), Body::from(body.clone()));
            let response = self.s3.call(request).await;
            self.note(&called, request_bytes, &response);
            response
        };
        let answered = self.faults.suffer(effects, &called, perform).await;
        answered.unwrap_or_else(|failure| {
            let response = failure.response(Service::S3);
            self.note(&called, request_bytes, &response);
            response
        })
    }

    /// Notes a call that costs no units.
    fn note(&self, called: &Called<'_>, request_bytes: usize, response: &Response) {
        self.log.note(&Call {
            caller: called.caller,
            operation: called.operation,
            status: response.status().as_u16(),
            request_bytes,
            response_bytes: length(response.headers(), response.body()),
            ..Call::of(called.service.name())
        });
    }
}

/// The size of a body before it has come: as its headers say, else as far as it is known.
fn length(headers: &HeaderMap, body: &Body) -> usize {
    let said = |name: &str| headers.get(name)?.to_str().ok()?.parse().ok();
    said("content-length")
        .or_else(|| said("x-amz-decoded-content-length"))
        .unwrap_or_else(|| http_body::Body::size_hint(body).lower() as usize)
}

fn no_such_service() -> Response {
    let message = r#"{"__type":"UnknownOperationException","message":"The small cloud has no such service."}"#;
    let headers = [(header::CONTENT_TYPE, JSON)];
    (StatusCode::BAD_REQUEST, headers, message).into_response()
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
