//! The request pipeline: CORS, authentication, body decoding, then the `s3s` protocol over the store.

use axum::body::Body;
use futures_util::{StreamExt, TryStreamExt};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::StreamBody;
use s3s::dto::Range;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Error, S3Result, StdError, s3_error};
use uuid::Uuid;

use super::chunked::{self, Trailers};
use super::cors;
use super::operations::Operations;
use super::request_auth::{
    HeaderSigned, LocalKeys, SignedOnly, accept_header_signature, check_presigned,
};
use super::store::Store;
use super::target::{BucketHosts, S3Target};

/// Builds the `s3s` service over the store.
pub(super) fn build(store: Store, function_secret: &str) -> S3Service {
    let mut builder = S3ServiceBuilder::new(Operations(store));
    builder.set_auth(LocalKeys::new(function_secret));
    builder.set_access(SignedOnly);
    builder.set_host(BucketHosts);
    builder.build()
}

/// Handles one request; every response has CORS headers where a rule matches, and a request id.
pub(super) async fn handle(
    store: &Store,
    service: &S3Service,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let bucket = S3Target::from_request(&parts).bucket;
    let rules = match bucket.filter(|_| parts.headers.contains_key(header::ORIGIN)) {
        Some(bucket) => store.bucket(&bucket).await.map(|bucket| bucket.cors),
        None => Ok(vec![]),
    };
    let rules = rules.unwrap_or_default();
    let (method, headers) = (parts.method.clone(), parts.headers.clone());
    let outcome = if method == Method::OPTIONS {
        cors::preflight(&rules, &headers).map(|headers| {
            let mut response = Response::new(Body::empty());
            *response.headers_mut() = headers;
            response
        })
    } else {
        let outcome = call_protocol(service, parts, body).await;
        outcome.map(|mut response| {
            let cors_headers = cors::response_headers(&rules, method.as_str(), &headers);
            response.headers_mut().extend(cors_headers);
            response
        })
    };
    let mut response = outcome.unwrap_or_else(|error| {
        let mut response = error_response(error);
        let cors_headers = cors::response_headers(&rules, method.as_str(), &headers);
        response.headers_mut().extend(cors_headers);
        response
    });
    let id = Uuid::new_v4().simple().to_string().to_ascii_uppercase();
    let id = HeaderValue::from_str(&id[..16]).expect("hexadecimal digits are a header");
    response.headers_mut().insert("x-amz-request-id", id);
    response
}

async fn call_protocol(
    service: &S3Service,
    mut parts: Parts,
    body: Body,
) -> S3Result<Response<Body>> {
    check_presigned(&parts)?;
    accept_header_signature(&mut parts);
    drop_unsupported_range(&mut parts.headers);
    let body = decode_body(&mut parts, body)?;
    let response = service.call(Request::from_parts(parts, body)).await;
    let response = response.map_err(|error| S3Error::internal_error(ProtocolFailure(error)))?;
    Ok(response.map(Body::new))
}

/// A failure of the `s3s` crate that has no S3 error response.
#[derive(Debug, thiserror::Error)]
#[error("the S3 protocol layer failed: {0:?}")]
struct ProtocolFailure(s3s::HttpError);

fn error_response(error: S3Error) -> Response<Body> {
    if error
        .status_code()
        .is_none_or(|status| status.is_server_error())
    {
        tracing::error!(%error, "an S3 request failed");
    }
    match error.to_http_response() {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::error!(%error, "building an S3 error response failed");
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    }
}

/// Removes a `Range` header that is invalid or has several ranges: S3 then returns the whole object.
fn drop_unsupported_range(headers: &mut HeaderMap) {
    let range = headers.get(header::RANGE);
    let range = range.map(|value| value.to_str().ok().and_then(|text| Range::parse(text).ok()));
    if let Some(None) = range {
        headers.remove(header::RANGE);
    }
}

/// Removes the `aws-chunked` framing from the body and adapts the headers.
fn decode_body(parts: &mut Parts, body: Body) -> S3Result<s3s::Body> {
    let hash = parts.headers.get("x-amz-content-sha256");
    let is_framed = hash.is_some_and(|hash| hash.as_bytes().starts_with(b"STREAMING-"));
    if !is_framed || parts.extensions.get::<HeaderSigned>().is_none() {
        return Ok(s3s::Body::http_body_unsync(body));
    }
    let length = parts.headers.remove("x-amz-decoded-content-length");
    let length = length.ok_or_else(|| {
        s3_error!(
            MissingContentLength,
            "You must provide the x-amz-decoded-content-length HTTP header."
        )
    })?;
    parts.headers.insert(header::CONTENT_LENGTH, length);
    parts.headers.remove("x-amz-content-sha256");
    parts.headers.remove(header::TRANSFER_ENCODING);
    let encoding = parts.headers.remove(header::CONTENT_ENCODING);
    let encoding = encoding.as_ref().and_then(|value| value.to_str().ok());
    let encodings: Vec<_> = encoding
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty() && *name != "aws-chunked")
        .collect();
    if let (false, Ok(encodings)) = (
        encodings.is_empty(),
        HeaderValue::from_str(&encodings.join(",")),
    ) {
        parts.headers.insert(header::CONTENT_ENCODING, encodings);
    }
    let trailers = Trailers::default();
    parts.extensions.insert(trailers.clone());
    let frames = body.into_data_stream().map_err(StdError::from).boxed();
    let chunks = chunked::decode(frames, trailers);
    let chunks = chunks.map_ok(http_body::Frame::data).map_err(BrokenBody);
    Ok(s3s::Body::http_body_unsync(StreamBody::new(Box::pin(
        chunks,
    ))))
}

/// A body that ended early or has invalid framing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct BrokenBody(StdError);
