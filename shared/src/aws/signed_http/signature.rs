//! AWS Signature Version 4, with the signing key of the day cached.
//!
//! The key is the same for all calls of a service in a day, and deriving it is half the work of a signature.

use std::fmt::Write;

use aws_credential_types::Credentials;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use bytes::Bytes;
use http::{HeaderValue, Request, header};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The characters of a path that the signature percent-encodes.
const ENCODE_SET: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'/')
    .remove(b'_')
    .remove(b'~');

/// Signs the requests of one caller to one service in one region, for one day (UTC).
pub(super) struct Signer {
    credentials: Credentials,
    day: String,
    /// `20260501/eu-west-1/dynamodb/aws4_request`.
    scope: String,
    key: Vec<u8>,
}

impl Signer {
    pub(super) fn new(
        credentials: &Credentials,
        region: &str,
        service: &str,
        now: Timestamp,
    ) -> Self {
        let day = day(now);
        let key =
            generate_signing_key(credentials.secret_access_key(), now.into(), region, service);
        Self {
            scope: format!("{day}/{region}/{service}/aws4_request"),
            day,
            key: key.as_ref().to_vec(),
            credentials: credentials.clone(),
        }
    }

    /// Whether the signer is valid for this caller and time.
    pub(super) fn matches(&self, credentials: &Credentials, now: Timestamp) -> bool {
        self.credentials == *credentials && self.day == day(now)
    }

    /// Signs the URL (without query), all present headers and the body.
    ///
    /// # Errors
    /// A header or the credentials contain characters other than visible ASCII.
    pub(super) fn sign(&self, request: &mut Request<Bytes>, now: Timestamp) -> anyhow::Result<()> {
        let Self {
            credentials, scope, ..
        } = self;
        let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let headers = request.headers_mut();
        headers.insert("x-amz-date", HeaderValue::from_str(&time)?);
        if let Some(token) = credentials.session_token() {
            headers.insert("x-amz-security-token", HeaderValue::from_str(token)?);
        }
        let (canonical, signed) = canonical(request)?;
        let digest = Sha256::digest(canonical);
        let to_sign = format!("{ALGORITHM}\n{time}\n{scope}\n{digest:x}");
        let signature = calculate_signature(&self.key, to_sign.as_bytes());
        let key = credentials.access_key_id();
        let authorization = format!(
            "{ALGORITHM} Credential={key}/{scope}, SignedHeaders={signed}, Signature={signature}"
        );
        let authorization = HeaderValue::from_str(&authorization)?;
        request
            .headers_mut()
            .insert(header::AUTHORIZATION, authorization);
        Ok(())
    }
}

fn day(now: Timestamp) -> String {
    now.strftime("%Y%m%d").to_string()
}

/// The canonical form of a request, which both sides sign, and the names of its headers.
fn canonical(request: &Request<Bytes>) -> anyhow::Result<(String, String)> {
    let headers = request.headers().iter();
    let mut headers: Vec<_> = headers
        .map(|(name, value)| (name.as_str(), value))
        .collect();
    headers.sort_unstable_by_key(|(name, _)| *name);
    let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let mut canonical = format!("{}\n", request.method());
    // A path that is encoded already is encoded once more.
    canonical.extend(utf8_percent_encode(request.uri().path(), ENCODE_SET));
    canonical.push_str("\n\n");
    for (name, value) in headers {
        canonical.extend([name, ":", value.to_str()?, "\n"]);
    }
    let body = Sha256::digest(request.body());
    write!(canonical, "\n{names}\n{body:x}")?;
    Ok((canonical, names))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signer_is_valid_for_one_caller_and_one_day() {
        let credentials = |secret| Credentials::new("id", secret, None, None, "test");
        let now: Timestamp = "2026-05-01T23:59:59Z".parse().unwrap();
        let signer = Signer::new(&credentials("one"), "eu-west-1", "sqs", now);
        assert_eq!(signer.scope, "20260501/eu-west-1/sqs/aws4_request");
        assert!(signer.matches(&credentials("one"), now));
        assert!(!signer.matches(&credentials("two"), now));
        assert!(!signer.matches(&credentials("one"), "2026-05-02T00:00:00Z".parse().unwrap()));
    }
}
