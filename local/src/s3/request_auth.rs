//! How a request enters S3: who asks, from which page, and what its body really is; and what every
//! answer has in common.
//!
//! Signatures in a header are taken on trust, as by every service here: whoever reaches loopback is
//! the account's owner. Presigned URLs are verified in full, since those are made to be given away.

use http::header;
use http::request::Parts;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Result, s3_error};

/// The credentials that functions and the documentation use: what presigned URLs are signed with.
const ACCESS_KEY: &str = "local";
const SECRET_KEY: &str = "local";
/// The longest life of a presigned URL, in seconds: a week (S3 user guide).
const MAX_PRESIGNED_SECONDS: i64 = 7 * 24 * 60 * 60;
/// What a presigned URL must say (S3 API reference, "Authenticating Requests: Using Query Parameters").
const PRESIGNED_PARAMETERS: [&str; 6] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
];

/// Marks a request that came with a signature in its header.
#[derive(Debug, Clone)]
pub(super) struct HeaderSigned;

/// The one key that presigned URLs are verified with.
pub(super) struct LocalKey;

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
pub(super) struct SignedOnly;

#[async_trait::async_trait]
impl S3Access for SignedOnly {
    async fn check(&self, request: &mut S3AccessContext<'_>) -> S3Result<()> {
        let signed = request.extensions_mut().get::<HeaderSigned>().is_some();
        if signed || request.credentials().is_some() {
            return Ok(());
        }
        Err(s3_error!(AccessDenied, "Access Denied"))
    }
}

/// Refuses a presigned URL that is incomplete or lives too long. Its signature and its end are the
/// protocol's to check.
pub(super) fn check_presigned(parts: &Parts) -> S3Result<()> {
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
    if PRESIGNED_PARAMETERS
        .iter()
        .any(|name| value(name).is_none())
    {
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
    let expires = value("X-Amz-Expires").and_then(|text| text.parse::<i64>().ok());
    let problem = match expires {
        None => "X-Amz-Expires should be a number",
        Some(..0) => "X-Amz-Expires must be non-negative",
        Some(seconds) if seconds > MAX_PRESIGNED_SECONDS => {
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"
        }
        Some(_) => return Ok(()),
    };
    Err(s3_error!(AuthorizationQueryParametersError, "{problem}"))
}

/// Takes a signature in the header on trust, whatever its key.
pub(super) fn accept_header_signature(parts: &mut Parts) {
    let signature = parts.headers.get(header::AUTHORIZATION);
    let signature = signature.and_then(|value| value.to_str().ok());
    if signature.is_some_and(|text| text.starts_with("AWS4-HMAC-") || text.starts_with("AWS ")) {
        parts.headers.remove(header::AUTHORIZATION);
        parts.extensions.insert(HeaderSigned);
    }
}
