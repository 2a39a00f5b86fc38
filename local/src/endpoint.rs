//! The AWS endpoint: every service of the small cloud on one port, so that one `--endpoint-url` will do.
//!
//! Tells services apart by the protocol's own header, and forwards; knows what none of them does.

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

use crate::aws_call::{Called, Service};
use crate::caller::Caller;
use crate::capacity::{Costs, Units};
use crate::dynamodb::{Direct, DynamoDb};
use crate::faults::admin;
use crate::faults::rules::Effects;
use crate::lambda::{Lambda, api};
use crate::permissions;
use crate::publishing::{Publishing, Query, needed_for_events};
use crate::s3::{S3, Target, is_for_s3};
use crate::sqs::Sqs;
use crate::watch::{Passing, Watch, length};

/// No JSON request here is larger: DynamoDB takes 16 MB. S3 reads its bodies as they come.
const LARGEST_REQUEST: usize = 17 << 20;
/// What is held of a body that a fault befalls: S3's own limit of one request (5 GiB).
const LARGEST_HELD: usize = 5 << 30;
const JSON: &str = "application/x-amz-json-1.0";

/// What the endpoint forwards to.
#[derive(Clone)]
pub struct Endpoint {
    dynamodb: SocketAddr,
    direct: Direct,
    http: Client<HttpConnector, Body>,
    sqs: Sqs,
    s3: S3,
    publishing: Publishing,
    lambda: Lambda,
    watch: Watch,
}

impl Endpoint {
    pub fn new(
        dynamodb: &DynamoDb,
        sqs: Sqs,
        s3: S3,
        publishing: Publishing,
        lambda: Lambda,
        watch: Watch,
    ) -> Self {
        let http = Client::builder(TokioExecutor::new()).build_http();
        Self {
            dynamodb: dynamodb.address,
            direct: dynamodb.direct.clone(),
            http,
            sqs,
            s3,
            publishing,
            lambda,
            watch,
        }
    }

    pub fn router(self) -> Router {
        let admin = admin::router(self.watch.faults.clone());
        Router::new().fallback(answer).with_state(self).merge(admin)
    }

    /// A call of one of the services that speak JSON.
    async fn json(&self, headers: HeaderMap, body: Bytes) -> Response {
        let caller = Caller::of(&headers);
        let target = headers
            .get("x-amz-target")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let (service, operation) = target.split_once('.').unwrap_or_default();
        let service = match service {
            "DynamoDB_20120810" => Service::DynamoDb,
            "AmazonSQS" => Service::Sqs,
            "AWSEvents" => Service::Events,
            _ => return no_such_service(),
        };
        let called = caller.calls(service, operation);
        let needs = || match service {
            Service::Events => needed_for_events(operation, &body),
            _ => permissions::of_json(service, operation, &body),
        };
        let passing = Passing {
            called,
            needs: self.watch.needs(&called, needs),
            request_bytes: body.len(),
        };
        let perform = async || match service {
            Service::DynamoDb => self.dynamodb(&called, headers.clone(), body.clone()).await,
            Service::Events => {
                let answer = self.publishing.events(operation, &body).await;
                Ok((answer, Units::default()))
            }
            _ => Ok((self.sqs(operation, &body).await, Units::default())),
        };
        self.watch.pass(&passing, perform).await
    }

    /// A call of SNS, which speaks the query protocol.
    async fn sns(&self, headers: HeaderMap, body: Bytes) -> Response {
        let query = Query::read(&body);
        if !query.is_for_sns() {
            return no_such_service();
        }
        let caller = Caller::of(&headers);
        let called = caller.calls(Service::Sns, query.operation());
        let passing = Passing {
            called,
            needs: self.watch.needs(&called, || query.needs()),
            request_bytes: body.len(),
        };
        let perform = async || Ok((self.publishing.sns(&query).await, Units::default()));
        self.watch.pass(&passing, perform).await
    }

    /// A call of Lambda, which invokes a function.
    async fn lambda(&self, target: &api::Target, headers: HeaderMap, body: Bytes) -> Response {
        let caller = Caller::of(&headers);
        let called = caller.calls(Service::Lambda, target.operation());
        let passing = Passing {
            called,
            needs: self.watch.needs(&called, || target.needs()),
            request_bytes: body.len(),
        };
        let kind = headers.get("x-amz-invocation-type");
        let kind = kind.and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or("RequestResponse");
        let perform = async || {
            let answer = api::invoke(&self.lambda, target, kind, body.clone()).await;
            Ok((answer, Units::default()))
        };
        self.watch.pass(&passing, perform).await
    }

    async fn dynamodb(
        &self,
        called: &Called<'_>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(Response, Units)> {
        if !self.watch.log.is_on() {
            let answer = self.tables(called, headers, body).await?;
            return Ok((answer, Units::default()));
        }
        let (costs, body) = Costs::ask(called.operation, body);
        let answer = self.tables(called, headers, body).await?;
        let (mut parts, answer) = answer.into_parts();
        let answer = to_bytes(answer, usize::MAX).await?;
        let (units, answer) = costs.take(answer);
        // Both are of the answer before the costs were taken out of it.
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove("x-amz-crc32");
        Ok((Response::from_parts(parts, Body::from(answer)), units))
    }

    /// A function's client is typed, so its calls need none of what the engine's own door checks.
    async fn tables(
        &self,
        called: &Called<'_>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response> {
        if !called.caller.is_empty()
            && let Some(answer) = self.direct.call(called.operation, &body).await
        {
            return Ok(([(header::CONTENT_TYPE, JSON)], answer).into_response());
        }
        self.forward(headers, body).await
    }

    async fn forward(&self, mut headers: HeaderMap, body: Bytes) -> Result<Response> {
        headers.remove(header::CONTENT_LENGTH);
        let mut request =
            http::Request::post(format!("http://{}/", self.dynamodb)).body(Body::from(body))?;
        *request.headers_mut() = headers;
        Ok(self.http.request(request).await?.map(Body::new))
    }

    async fn sqs(&self, operation: &str, body: &Bytes) -> Response {
        match self.sqs.call(operation, body).await {
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
        }
    }

    /// A body goes to S3 as it comes, unless something befalls its call: then it is read whole
    /// before, to be there for a second time, and so that an early answer finds a reader.
    async fn s3(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let caller = Caller::of(&parts.headers);
        let target = Target::of(&parts);
        let copied = parts.headers.get("x-amz-copy-source");
        let copied = copied.and_then(|source| source.to_str().ok());
        let called = caller.calls(Service::S3, target.operation);
        let passing = Passing {
            called,
            needs: self
                .watch
                .needs(&called, || permissions::of_s3(&target, copied)),
            request_bytes: length(&parts.headers, &body),
        };
        if let Some(refusal) = self.watch.refusal(&passing) {
            drained(body).await;
            return refusal;
        }
        let effects = self.watch.faults.decide(&called);
        if effects == Effects::default() {
            let response = self.s3.call(Request::from_parts(parts, body)).await;
            self.watch.note(&passing, &response, Units::default());
            return response;
        }
        let Ok(body) = to_bytes(body, LARGEST_HELD).await else {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        };
        let perform = async || {
            let request = Request::from_parts(parts.clone(), Body::from(body.clone()));
            Ok((self.s3.call(request).await, Units::default()))
        };
        let cut = effects.cut;
        let response = self.watch.suffer(effects, &passing, perform).await;
        match cut {
            Some(bytes) => response.map(|body| broken_off(body, bytes)),
            None => response,
        }
    }
}

/// A body that breaks off after so many bytes, which have left by then.
fn broken_off(body: Body, after: u64) -> Body {
    let mut left = after;
    let frames = body.into_data_stream().flat_map(move |frame| {
        let whole = frame.as_ref().map_or(0, Bytes::len) as u64;
        let cut = whole > left;
        let kept = frame.map(|bytes| bytes.slice(..whole.min(left) as usize));
        left -= whole.min(left);
        let end = stream::iter(cut.then_some(())).then(|()| async {
            // What waits to be sent is sent before more is asked for.
            tokio::task::yield_now().await;
            Err(axum::Error::new(std::io::Error::other("cut by a fault")))
        });
        stream::iter([kept]).chain(end)
    });
    Body::from_stream(frames.boxed())
}

/// Reads a body to its end, so that an early answer finds a reader.
async fn drained(body: Body) {
    let mut frames = body.into_data_stream();
    while let Some(Ok(_)) = frames.next().await {}
}

fn no_such_service() -> Response {
    let message = r#"{"__type":"UnknownOperationException","message":"The small cloud has no such service."}"#;
    let headers = [(header::CONTENT_TYPE, JSON)];
    (StatusCode::BAD_REQUEST, headers, message).into_response()
}

async fn answer(State(endpoint): State<Endpoint>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let function = api::Target::of(&parts);
    if is_for_s3(&parts) {
        return endpoint.s3(Request::from_parts(parts, body)).await;
    }
    let Ok(body) = to_bytes(body, LARGEST_REQUEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    if let Some(function) = function {
        return endpoint.lambda(&function, parts.headers, body).await;
    }
    match parts.headers.contains_key("x-amz-target") {
        true => endpoint.json(parts.headers, body).await,
        false => endpoint.sns(parts.headers, body).await,
    }
}
