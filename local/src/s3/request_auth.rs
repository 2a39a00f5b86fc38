//! Authentication of S3 requests.
//!
//! Header signatures are accepted without verification, as in every embedded service: only programs of this machine
//! send them. Presigned URLs are fully verified, since they are made to be shared. What a page has a browser send needs
//! a URL that a function presigned: the key in the documentation is known to every page.

use http::header;
use http::request::Parts;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Result, s3_error};

use crate::caller::ACCESS_KEY_PREFIX;
use crate::initiator::Initiator;

/// The credentials of the documentation: public.
const PUBLIC_ACCESS_KEY: &str = "local";
const PUBLIC_SECRET_KEY: &str = "local";
/// Maximum lifetime of a presigned URL in seconds: a week (S3 user guide).
const MAX_PRESIGNED_SECONDS: i64 = 7 * 24 * 60 * 60;
/// The parameters that a presigned URL needs (S3 API reference, "Authenticating Requests: Using Query
/// Parameters").
const PRESIGNED_PARAMETERS: [&str; 6] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
];

/// Marks a request with a signature in its header.
#[derive(Debug, Clone)]
pub(super) struct HeaderSigned;

/// Provides the keys that verify presigned URLs.
pub(super) struct LocalKeys {
    /// The secret key of every function, which no page knows.
    function_secret: SecretKey,
}

impl LocalKeys {
    pub(super) fn new(function_secret: &str) -> Self {
        Self {
            function_secret: SecretKey::from(function_secret),
        }
    }
}

#[async_trait::async_trait]
impl S3Auth for LocalKeys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == PUBLIC_ACCESS_KEY {
            return Ok(SecretKey::from(PUBLIC_SECRET_KEY));
        }
        if access_key.starts_with(ACCESS_KEY_PREFIX) {
            return Ok(self.function_secret.clone());
        }
        Err(s3_error!(
            InvalidAccessKeyId,
            "The AWS Access Key Id you provided does not exist in our records."
        ))
    }
}

/// Allows requests that are signed by header or URL, and those of pages only by a function's URL. Buckets are never
/// public.
pub(super) struct SignedOnly;

#[async_trait::async_trait]
impl S3Access for SignedOnly {
    async fn check(&self, request: &mut S3AccessContext<'_>) -> S3Result<()> {
        let initiator = request.extensions_mut().get::<Initiator>().copied();
        let is_from_page = matches!(initiator, Some(Initiator::Console | Initiator::Page));
        let signed_in_header = request.extensions_mut().get::<HeaderSigned>().is_some();
        let verified_key = request.credentials().map(|key| key.access_key.as_str());
        match verified_key {
            Some(PUBLIC_ACCESS_KEY) if is_from_page => Err(s3_error!(
                AccessDenied,
                "A page needs a URL that a function presigned: the access key `local` is public."
            )),
            None if is_from_page || !signed_in_header => {
                Err(s3_error!(AccessDenied, "Access Denied"))
            }
            _ => Ok(()),
        }
    }
}

/// Rejects a presigned URL that is incomplete or lives too long. The `s3s` crate checks its signature and
/// its expiry.
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

/// Accepts a header signature with any key, without verification.
pub(super) fn accept_header_signature(parts: &mut Parts) {
    let signature = parts.headers.get(header::AUTHORIZATION);
    let signature = signature.and_then(|value| value.to_str().ok());
    if signature.is_some_and(|text| text.starts_with("AWS4-HMAC-") || text.starts_with("AWS ")) {
        parts.headers.remove(header::AUTHORIZATION);
        parts.extensions.insert(HeaderSigned);
    }
}
