//! A call's signature: AWS's Signature Version 4, with the key of a day kept.
//!
//! That key is the same for all calls of a service in a day, and deriving it is half the work of a signature.
//! What the request holds by then is signed, whatever it is. Knows no service and sends nothing.

use std::fmt::Write;

use aws_credential_types::Credentials;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use bytes::Bytes;
use http::{HeaderValue, Request, header};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What a path is not signed with as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'/')
    .remove(b'_')
    .remove(b'~');

/// Signs what one caller asks of one service in one region, for a day (of UTC).
pub(super) struct Signer {
    credentials: Credentials,
    day: String,
    /// `20260501/eu-west-1/dynamodb/aws4_request`.
    scope: String,
    key: Vec<u8>,
}

impl Signer {
    pub(super) fn new(who: &Credentials, region: &str, service: &str, now: Timestamp) -> Self {
        let day = day(now);
        let key = generate_signing_key(who.secret_access_key(), now.into(), region, service);
        Self {
            scope: format!("{day}/{region}/{service}/aws4_request"),
            day,
            key: key.as_ref().to_vec(),
            credentials: who.clone(),
        }
    }

    /// Whether it still signs for this caller at this time.
    pub(super) fn matches(&self, who: &Credentials, now: Timestamp) -> bool {
        self.credentials == *who && self.day == day(now)
    }

    /// Signs the address, which has no query, the headers and the body.
    ///
    /// # Errors
    /// A header, or what the credentials hold, is not visible ASCII.
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

/// The one spelling of a request that both sides sign, and the names of its headers.
fn canonical(request: &Request<Bytes>) -> anyhow::Result<(String, String)> {
    let headers = request.headers().iter();
    let mut headers: Vec<_> = headers
        .map(|(name, value)| (name.as_str(), value))
        .collect();
    headers.sort_unstable_by_key(|(name, _)| *name);
    let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let mut canonical = format!("{}\n", request.method());
    // What an address has encoded is encoded once more.
    canonical.extend(utf8_percent_encode(request.uri().path(), ENCODED));
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
    fn a_signer_is_of_one_caller_and_one_day() {
        let who = |secret| Credentials::new("id", secret, None, None, "test");
        let now: Timestamp = "2026-05-01T23:59:59Z".parse().unwrap();
        let signer = Signer::new(&who("one"), "eu-west-1", "sqs", now);
        assert_eq!(signer.scope, "20260501/eu-west-1/sqs/aws4_request");
        assert!(signer.matches(&who("one"), now));
        assert!(!signer.matches(&who("two"), now));
        assert!(!signer.matches(&who("one"), "2026-05-02T00:00:00Z".parse().unwrap()));
    }
}
