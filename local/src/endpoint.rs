//! The AWS endpoint: all embedded services on one port, so that one `--endpoint-url` suffices.
//!
//! Routes each request to its service, which [`AwsRequest`] names.

use std::net::SocketAddr;

use anyhow::Result;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use http::{HeaderMap, StatusCode, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::aws_call::{AwsCall, Service};
use crate::aws_request::AwsRequest;
use crate::call_interceptor::{CallInterceptor, InterceptedCall, body_length};
use crate::caller::Caller;
use crate::capacity::{CapacityProbe, CapacityUnits};
use crate::cloudwatch_logs::{CloudWatchLogs, required_for_logs};
use crate::dynamodb::{DynamoDb, FastPath};
use crate::faults::admin;
use crate::faults::rules::Effects;
use crate::lambda::{Lambda, invoke_api};
use crate::permissions;
use crate::s3::{S3, S3Target};
use crate::secrets_manager::{SecretsManager, required_for_secret};
use crate::sns_eventbridge::{QueryRequest, SnsEventBridge, required_for_put_events};
use crate::sqs::Sqs;
use crate::sts;

/// Limit of a JSON request: DynamoDB accepts 16 MB. S3 bodies are streamed and not limited by this.
const MAX_JSON_REQUEST_BYTES: usize = 17 << 20;
/// Limit of an S3 body that is buffered because a fault applies: S3's limit of one request (5 GiB).
const MAX_BUFFERED_BYTES: usize = 5 << 30;
const JSON: &str = "application/x-amz-json-1.0";

/// The services behind the endpoint. Clones share them.
#[derive(Clone)]
pub struct Endpoint {
    dynamodb: SocketAddr,
    fast_path: FastPath,
    http: Client<HttpConnector, Body>,
    services: Services,
    interceptor: CallInterceptor,
}

/// The services that are called in this process.
#[derive(Clone)]
pub struct Services {
    pub sqs: Sqs,
    pub s3: S3,
    pub sns_eventbridge: SnsEventBridge,
    pub secrets: SecretsManager,
    pub logs: CloudWatchLogs,
    pub lambda: Lambda,
}

impl Endpoint {
    pub fn new(dynamodb: &DynamoDb, services: Services, interceptor: CallInterceptor) -> Self {
        let http = Client::builder(TokioExecutor::new()).build_http();
        Self {
            dynamodb: dynamodb.address,
            fast_path: dynamodb.fast_path.clone(),
            http,
            services,
            interceptor,
        }
    }

    pub fn router(self) -> Router {
        let admin = admin::router(self.interceptor.faults.clone());
        Router::new()
            .fallback(dispatch)
            .with_state(self)
            .merge(admin)
    }

    /// A call of a service with a JSON protocol.
    async fn json(&self, headers: HeaderMap, body: Bytes) -> Response {
        let caller = Caller::from_headers(&headers);
        let target = headers
            .get("x-amz-target")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let (service, operation) = target.split_once('.').unwrap_or_default();
        let service = match service {
            "DynamoDB_20120810" => Service::DynamoDb,
            "AmazonSQS" => Service::Sqs,
            "AWSEvents" => Service::Events,
            "secretsmanager" => Service::SecretsManager,
            "Logs_20140328" => Service::Logs,
            _ => return unknown_service(),
        };
        let call = caller.call(service, operation);
        let required = || match service {
            Service::Events => required_for_put_events(operation, &body),
            Service::SecretsManager => required_for_secret(operation, &body),
            Service::Logs => required_for_logs(operation, &body),
            _ => permissions::required_for_json(service, operation, &body),
        };
        let intercepted = InterceptedCall {
            call,
            required_permissions: self.interceptor.required_permissions(&call, required),
            request_bytes: body.len(),
        };
        let perform = async || match service {
            Service::DynamoDb => self.dynamodb(&call, headers.clone(), body.clone()).await,
            Service::Events => {
                let response = self.services.sns_eventbridge.events(operation, &body).await;
                Ok((response, CapacityUnits::default()))
            }
            Service::SecretsManager => {
                let response = self.services.secrets.call(operation, &body);
                Ok((response, CapacityUnits::default()))
            }
            Service::Logs => {
                // A log may be long, and is read from its beginning.
                let (logs, operation) = (self.services.logs.clone(), operation.to_owned());
                let body = body.clone();
                let read = tokio::task::spawn_blocking(move || logs.call(&operation, &body));
                Ok((read.await?, CapacityUnits::default()))
            }
            _ => Ok((self.sqs(operation, &body).await, CapacityUnits::default())),
        };
        self.interceptor.intercept(&intercepted, perform).await
    }

    /// A call of SNS or STS, which use the query protocol.
    async fn query(&self, headers: HeaderMap, body: Bytes) -> Response {
        let query = QueryRequest::parse(&body);
        let caller = Caller::from_headers(&headers);
        if query.is_for_sts() {
            let call = caller.call(Service::Sts, query.operation());
            let intercepted = InterceptedCall {
                call,
                required_permissions: vec![],
                request_bytes: body.len(),
            };
            let perform = async || Ok((sts::handle(&call), CapacityUnits::default()));
            return self.interceptor.intercept(&intercepted, perform).await;
        }
        if !query.is_for_sns() {
            return unknown_service();
        }
        let call = caller.call(Service::Sns, query.operation());
        let intercepted = InterceptedCall {
            call,
            required_permissions: self
                .interceptor
                .required_permissions(&call, || query.required_permissions()),
            request_bytes: body.len(),
        };
        let perform = async || {
            Ok((
                self.services.sns_eventbridge.sns(&query).await,
                CapacityUnits::default(),
            ))
        };
        self.interceptor.intercept(&intercepted, perform).await
    }

    /// A Lambda invocation.
    async fn lambda(
        &self,
        target: &invoke_api::InvokeTarget,
        headers: HeaderMap,
        body: Bytes,
    ) -> Response {
        let caller = Caller::from_headers(&headers);
        let call = caller.call(Service::Lambda, target.operation());
        let intercepted = InterceptedCall {
            call,
            required_permissions: self
                .interceptor
                .required_permissions(&call, || target.needs()),
            request_bytes: body.len(),
        };
        let kind = headers.get("x-amz-invocation-type");
        let kind = kind.and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or("RequestResponse");
        let perform = async || {
            let response =
                invoke_api::invoke(&self.services.lambda, target, kind, body.clone()).await;
            Ok((response, CapacityUnits::default()))
        };
        self.interceptor.intercept(&intercepted, perform).await
    }

    async fn dynamodb(
        &self,
        call: &AwsCall<'_>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(Response, CapacityUnits)> {
        if !self.interceptor.log.is_enabled() {
            let response = self.call_dynamodb(call, headers, body).await?;
            return Ok((response, CapacityUnits::default()));
        }
        let (probe, body) = CapacityProbe::inject(call.operation, body);
        let response = self.call_dynamodb(call, headers, body).await?;
        let (mut parts, response) = response.into_parts();
        let response = to_bytes(response, usize::MAX).await?;
        let (units, response) = probe.extract(response);
        // Both describe the response before the consumed capacity was removed.
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove("x-amz-crc32");
        Ok((Response::from_parts(parts, Body::from(response)), units))
    }

    /// Uses the fast path for functions: their clients are typed, so the request checks of the engine's
    /// HTTP server are not needed.
    async fn call_dynamodb(
        &self,
        call: &AwsCall<'_>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response> {
        if !call.caller.is_empty()
            && let Some(response) = self.fast_path.call(call.operation, &body).await
        {
            return Ok(([(header::CONTENT_TYPE, JSON)], response).into_response());
        }
        self.forward_to_engine(headers, body).await
    }

    async fn forward_to_engine(&self, mut headers: HeaderMap, body: Bytes) -> Result<Response> {
        headers.remove(header::CONTENT_LENGTH);
        // The engine lets every origin read its responses.
        headers.remove(header::ORIGIN);
        let mut request =
            http::Request::post(format!("http://{}/", self.dynamodb)).body(Body::from(body))?;
        *request.headers_mut() = headers;
        Ok(self.http.request(request).await?.map(Body::new))
    }

    async fn sqs(&self, operation: &str, body: &Bytes) -> Response {
        match self.services.sqs.call(operation, body).await {
            Ok(response) => ([(header::CONTENT_TYPE, JSON)], response).into_response(),
            Err(error) => {
                let status =
                    StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let headers = [
                    (header::CONTENT_TYPE.as_str(), JSON),
                    ("x-amzn-query-error", &error.query_error()),
                ];
                (status, headers, error.body()).into_response()
            }
        }
    }

    /// Streams the body to S3. If a fault applies, the body is buffered first, so that it can be sent
    /// again and an early response reaches the client.
    async fn s3(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let caller = Caller::from_headers(&parts.headers);
        let target = S3Target::from_request(&parts);
        let copy_source = parts.headers.get("x-amz-copy-source");
        let copy_source = copy_source.and_then(|source| source.to_str().ok());
        let call = caller.call(Service::S3, target.operation);
        let intercepted = InterceptedCall {
            call,
            required_permissions: self
                .interceptor
                .required_permissions(&call, || permissions::required_for_s3(&target, copy_source)),
            request_bytes: body_length(&parts.headers, &body),
        };
        if let Some(denial) = self.interceptor.deny(&intercepted) {
            drain(body).await;
            return denial;
        }
        let effects = self.interceptor.faults.decide(&call);
        if effects == Effects::default() {
            let response = self
                .services
                .s3
                .call(Request::from_parts(parts, body))
                .await;
            self.interceptor
                .record(&intercepted, &response, CapacityUnits::default());
            return response;
        }
        let Ok(body) = to_bytes(body, MAX_BUFFERED_BYTES).await else {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        };
        let perform = async || {
            let request = Request::from_parts(parts.clone(), Body::from(body.clone()));
            Ok((
                self.services.s3.call(request).await,
                CapacityUnits::default(),
            ))
        };
        let cut_after = effects.cut_after;
        let response = self
            .interceptor
            .apply_faults(effects, &intercepted, perform)
            .await;
        match cut_after {
            Some(bytes) => response.map(|body| truncate(body, bytes)),
            None => response,
        }
    }
}

/// A body that fails after this many bytes, which have been sent by then.
fn truncate(body: Body, limit: u64) -> Body {
    let mut remaining = limit;
    let frames = body.into_data_stream().flat_map(move |frame| {
        let length = frame.as_ref().map_or(0, Bytes::len) as u64;
        let is_cut = length > remaining;
        let prefix = frame.map(|bytes| bytes.slice(..length.min(remaining) as usize));
        remaining -= length.min(remaining);
        let end = stream::iter(is_cut.then_some(())).then(|()| async {
            // Pending data is sent before the stream is polled again.
            tokio::task::yield_now().await;
            Err(axum::Error::new(std::io::Error::other(
                "connection cut by an injected fault",
            )))
        });
        stream::iter([prefix]).chain(end)
    });
    Body::from_stream(frames.boxed())
}

/// Reads a body to its end, so that an early response reaches the client.
async fn drain(body: Body) {
    let mut frames = body.into_data_stream();
    while let Some(Ok(_)) = frames.next().await {}
}

fn unknown_service() -> Response {
    let message = r#"{"__type":"UnknownOperationException","message":"The embedded cloud does not have this service."}"#;
    let headers = [(header::CONTENT_TYPE, JSON)];
    (StatusCode::BAD_REQUEST, headers, message).into_response()
}

async fn dispatch(State(endpoint): State<Endpoint>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let service = AwsRequest::classify(&parts);
    if service == AwsRequest::S3 {
        return endpoint.s3(Request::from_parts(parts, body)).await;
    }
    let Ok(body) = to_bytes(body, MAX_JSON_REQUEST_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    match service {
        AwsRequest::Lambda(target) => endpoint.lambda(&target, parts.headers, body).await,
        AwsRequest::Json => endpoint.json(parts.headers, body).await,
        AwsRequest::Query => endpoint.query(parts.headers, body).await,
        AwsRequest::LocalApi | AwsRequest::S3 => StatusCode::NOT_FOUND.into_response(),
    }
}
