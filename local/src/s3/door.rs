//! How a request enters S3: who asks, from which page, and what its body really is; and what every
//! answer has in common.
//!
//! Signatures in a header are taken on trust, as by every service here: whoever reaches loopback is
//! the account's owner. Presigned URLs are verified in full, since those are made to be given away.

use axum::body::Body;
use futures_util::{StreamExt, TryStreamExt};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::StreamBody;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::dto::Range;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Error, S3Result, StdError, s3_error};
use uuid::Uuid;

use super::chunked::{self, Trailers};
use super::cors;
use super::operations::Operations;
use super::store::Store;
use super::target::{Hosts, Target};

/// The credentials that functions and the documentation use: what presigned URLs are signed with.
const ACCESS_KEY: &str = "local";
const SECRET_KEY: &str = "local";
/// The longest life of a presigned URL, in seconds: a week (S3 user guide).
const LONGEST_LIFE: i64 = 7 * 24 * 60 * 60;
/// What a presigned URL must say (S3 API reference, "Authenticating Requests: Using Query Parameters").
const PRESIGNED: [&str; 6] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
];

/// Marks a request that came with a signature in its header.
#[derive(Debug, Clone)]
struct Signed;

/// The one key that presigned URLs are verified with.
struct LocalKey;

#[async_trait::async_trait]
impl S3Auth for LocalKey {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        // Each execution environment signs as `local-<its id>`.
        let environment = access_key.strip_prefix(ACCESS_KEY);
        if environment.is_some_and(|id| id.is_empty() || id.starts_with('-')) {
            return Ok(SecretKey::from(SECRET_KEY));
        }
        Err(s3_error!(
            InvalidAccessKeyId,
            "The AWS Access Key Id you provided does not exist in our records."
        ))
    }
}

/// Lets in who signed, by header or by URL; there are no public buckets here.
struct SignedOnly;

#[async_trait::async_trait]
impl S3Access for SignedOnly {
    async fn check(&self, request: &mut S3AccessContext<'_>) -> S3Result<()> {
        let signed = request.extensions_mut().get::<Signed>().is_some();
        if signed || request.credentials().is_some() {
            return Ok(());
        }
        Err(s3_error!(AccessDenied, "Access Denied"))
    }
}

/// The protocol over the store.
pub(super) fn service(store: Store) -> S3Service {
    let mut builder = S3ServiceBuilder::new(Operations(store));
    builder.set_auth(LocalKey);
    builder.set_access(SignedOnly);
    builder.set_host(Hosts);
    builder.build()
}

pub(super) async fn answer(
    store: &Store,
    service: &S3Service,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let bucket = Target::of(&parts).bucket;
    let rules = match bucket.filter(|_| parts.headers.contains_key(header::ORIGIN)) {
        Some(bucket) => store.bucket(&bucket).await.map(|bucket| bucket.cors),
        None => Ok(vec![]),
    };
    let rules = rules.unwrap_or_default();
    let (method, headers) = (parts.method.clone(), parts.headers.clone());
    let answered = if method == Method::OPTIONS {
        cors::preflight(&rules, &headers).map(|headers| {
            let mut response = Response::new(Body::empty());
            *response.headers_mut() = headers;
            response
        })
    } else {
        let answered = forward(service, parts, body).await;
        answered.map(|mut response| {
            let allowed = cors::answered(&rules, method.as_str(), &headers);
            response.headers_mut().extend(allowed);
            response
        })
    };
    let mut response = answered.unwrap_or_else(|error| {
        let mut response = refusal(error);
        let allowed = cors::answered(&rules, method.as_str(), &headers);
        response.headers_mut().extend(allowed);
        response
    });
    let id = Uuid::new_v4().simple().to_string().to_ascii_uppercase();
    let id = HeaderValue::from_str(&id[..16]).expect("hexadecimal digits are a header");
    response.headers_mut().insert("x-amz-request-id", id);
    response
}

async fn forward(service: &S3Service, mut parts: Parts, body: Body) -> S3Result<Response<Body>> {
    check_presigned(&parts)?;
    trust_header(&mut parts);
    ignore_odd_range(&mut parts.headers);
    let body = unframed(&mut parts, body)?;
    let response = service.call(Request::from_parts(parts, body)).await;
    let response = response.map_err(|error| S3Error::internal_error(Failed(error)))?;
    Ok(response.map(Body::new))
}

/// A failure of the protocol's own, which has no answer of S3's.
#[derive(Debug, thiserror::Error)]
#[error("S3 did not answer: {0:?}")]
struct Failed(s3s::HttpError);

fn refusal(error: S3Error) -> Response<Body> {
    if error
        .status_code()
        .is_none_or(|status| status.is_server_error())
    {
        tracing::error!(%error, "S3 failed");
    }
    match error.to_http_response() {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::error!(%error, "an error of S3 has no answer");
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    }
}

/// Refuses a presigned URL that is incomplete or lives too long. Its signature and its end are the
/// protocol's to check.
fn check_presigned(parts: &Parts) -> S3Result<()> {
    let query = parts.uri.query().unwrap_or_default();
    let value = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(own, _)| *own == name).map(|(_, value)| value)
    };
    if value("X-Amz-Algorithm")
        .or(value("X-Amz-Signature"))
        .is_none()
    {
        return Ok(());
    }
    if PRESIGNED.iter().any(|name| value(name).is_none()) {
        return Err(s3_error!(
            AuthorizationQueryParametersError,
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        ));
    }
    if value("X-Amz-Algorithm") != Some("AWS4-HMAC-SHA256") {
        return Err(s3_error!(
            AuthorizationQueryParametersError,
            "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\" here."
        ));
    }
    let life = value("X-Amz-Expires").and_then(|text| text.parse::<i64>().ok());
    let problem = match life {
        None => "X-Amz-Expires should be a number",
        Some(..0) => "X-Amz-Expires must be non-negative",
        Some(seconds) if seconds > LONGEST_LIFE => {
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"
        }
        Some(_) => return Ok(()),
    };
    Err(s3_error!(AuthorizationQueryParametersError, "{problem}"))
}

/// Takes a signature in the header on trust, whatever its key.
fn trust_header(parts: &mut Parts) {
    let signature = parts.headers.get(header::AUTHORIZATION);
    let signature = signature.and_then(|value| value.to_str().ok());
    if signature.is_some_and(|text| text.starts_with("AWS4-HMAC-") || text.starts_with("AWS ")) {
        parts.headers.remove(header::AUTHORIZATION);
        parts.extensions.insert(Signed);
    }
}

/// S3 answers with the whole object where it can't read the range or is asked for several.
fn ignore_odd_range(headers: &mut HeaderMap) {
    let range = headers.get(header::RANGE);
    let range = range.map(|value| value.to_str().ok().and_then(|text| Range::parse(text).ok()));
    if let Some(None) = range {
        headers.remove(header::RANGE);
    }
}

/// The body itself, without the framing of `aws-chunked`; the headers then speak of it too.
fn unframed(parts: &mut Parts, body: Body) -> S3Result<s3s::Body> {
    let hash = parts.headers.get("x-amz-content-sha256");
    let framed = hash.is_some_and(|hash| hash.as_bytes().starts_with(b"STREAMING-"));
    if !framed || parts.extensions.get::<Signed>().is_none() {
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
    let kept: Vec<_> = encoding
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty() && *name != "aws-chunked")
        .collect();
    if let (false, Ok(kept)) = (kept.is_empty(), HeaderValue::from_str(&kept.join(","))) {
        parts.headers.insert(header::CONTENT_ENCODING, kept);
    }
    let trailers = Trailers::default();
    parts.extensions.insert(trailers.clone());
    let frames = body.into_data_stream().map_err(StdError::from).boxed();
    let pieces = chunked::decode(frames, trailers);
    let pieces = pieces.map_ok(http_body::Frame::data).map_err(Broken);
    Ok(s3s::Body::http_body_unsync(StreamBody::new(Box::pin(
        pieces,
    ))))
}

/// A body that broke off, or whose framing is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Broken(StdError);
