//! Verifies a token's signature and claims at a given time.

mod rules;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jiff::Timestamp;
use jsonwebtoken::crypto::verify;
use jsonwebtoken::{Algorithm, DecodingKey, Header, decode_header};
use serde_json::Value;

use super::{ClaimFault, Identity, TokenError};
use crate::domain::token_expiry::{LEEWAY, has_expired};

pub use rules::{ClaimPath, ClaimRules, text_fault};

/// The limit of a token's size, in bytes: longer than any real token. Longer ones are rejected without parsing.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// A key for signatures of one algorithm only, so that a public RSA key is never used as an HMAC secret.
#[derive(Clone)]
pub struct Key {
    pub(super) algorithm: Algorithm,
    pub(super) material: DecodingKey,
}

impl Key {
    /// The shared secret of HS256.
    pub fn secret(secret: &str) -> Self {
        Self {
            algorithm: Algorithm::HS256,
            material: DecodingKey::from_secret(secret.as_bytes()),
        }
    }
}

/// The requirements for every token. All are configuration: a token's header only selects one of the issuer's
/// keys.
#[derive(Debug, Clone, Default)]
pub struct TokenRules {
    /// The algorithms that tokens may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// The required `iss`; `None`: not checked.
    pub issuer: Option<String>,
    /// One of these must be in `aud`, or be the `client_id` of a token without `aud`. Empty: not checked.
    pub audiences: Vec<String>,
    /// Cognito's required `token_use` (`access` or `id`); `None`: not checked.
    pub token_use: Option<String>,
    /// Which claims make the identity.
    pub claims: ClaimRules,
}

impl TokenRules {
    /// The key id in the token's header, if it has one. A token that no key can make valid is rejected.
    pub fn key_id(&self, token: &str) -> Result<Option<String>, TokenError> {
        Ok(self.header(token)?.kid)
    }

    fn header(&self, token: &str) -> Result<Header, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let header = decode_header(token).map_err(|_| match is_unsigned(token) {
            true => TokenError::Unsigned,
            false => TokenError::Malformed,
        })?;
        // RFC 7515, section 4.1.11: critical extensions must be understood, and none is supported.
        if header.crit.is_some() {
            return Err(TokenError::CriticalExtension);
        }
        if !self.algorithms.contains(&header.alg) {
            return Err(TokenError::Algorithm);
        }
        Ok(header)
    }

    /// The identity of the token at `now`, if `key` signed it.
    pub fn verify(&self, token: &str, key: &Key, now: Timestamp) -> Result<Identity, TokenError> {
        if self.header(token)?.alg != key.algorithm {
            return Err(TokenError::Algorithm);
        }
        let claims = signed_claims(token, key)?;
        if !claims.is_object() {
            return Err(TokenError::Malformed);
        }
        self.check_recipient(&claims)?;
        let missing = TokenError::Time {
            claim: "exp",
            fault: ClaimFault::Missing,
        };
        let expires_at = time(&claims, "exp")?.ok_or(missing)?;
        if has_expired(expires_at, now) {
            return Err(TokenError::Expired);
        }
        if let Some(from) = time(&claims, "nbf")?
            && now + LEEWAY < from
        {
            return Err(TokenError::NotYetValid);
        }
        // Nothing is decided by it here, so an unusable one counts as none.
        let issued_at = time(&claims, "iat").unwrap_or_default();
        self.claims.identity(&claims, issued_at, expires_at)
    }

    /// Whether the token is from our issuer, for our audience and use. A claim that is no text counts as absent.
    fn check_recipient(&self, claims: &Value) -> Result<(), TokenError> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if self.issuer.is_some() && self.issuer.as_deref() != text("iss") {
            return Err(TokenError::Issuer);
        }
        let is_ours = |name: &str| self.audiences.iter().any(|audience| audience == name);
        let is_for_us = match claims.get("aud") {
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).any(is_ours),
            None | Some(Value::Null) => text("client_id").is_some_and(is_ours),
            Some(name) => name.as_str().is_some_and(is_ours),
        };
        if !self.audiences.is_empty() && !is_for_us {
            return Err(TokenError::Audience);
        }
        if self.token_use.is_some() && self.token_use.as_deref() != text("token_use") {
            return Err(TokenError::Use);
        }
        Ok(())
    }
}

/// The payload of a token that `key` signed by its algorithm. The library's own decoding is not used: it also parses claims that we check,
/// and rejects a token where one of them is a list, without the reason.
fn signed_claims(token: &str, key: &Key) -> Result<Value, TokenError> {
    let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    match verify(signature, message.as_bytes(), &key.material, key.algorithm) {
        Ok(true) => {}
        Ok(false) => return Err(TokenError::Signature),
        Err(_) => return Err(TokenError::Malformed),
    }
    let (_, payload) = message.split_once('.').ok_or(TokenError::Malformed)?;
    let payload = BASE64.decode(payload).map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&payload).map_err(|_| TokenError::Malformed)
}

/// Whether the header says that there is no signature (RFC 7518, section 3.6). No key accepts such a token; this
/// only finds the reason.
fn is_unsigned(token: &str) -> bool {
    let header = token.split('.').next().unwrap_or_default();
    let header = BASE64.decode(header).unwrap_or_default();
    let header: Option<Value> = serde_json::from_slice(&header).ok();
    header.is_some_and(|header| header["alg"] == "none")
}

/// A time in the claims, RFC 7519's NumericDate: seconds, which may have a fraction.
fn time(claims: &Value, claim: &'static str) -> Result<Option<Timestamp>, TokenError> {
    let fault = |fault| TokenError::Time { claim, fault };
    let Some(date) = claims.get(claim).filter(|date| !date.is_null()) else {
        return Ok(None);
    };
    let date = date.as_f64().ok_or(fault(ClaimFault::NotNumber))?;
    let time = Timestamp::from_second(date as i64)
        .ok()
        // Leaves space for the leeway at both ends of the range of timestamps.
        .filter(|at| at.as_second().abs() < 200_000_000_000);
    time.map(Some).ok_or(fault(ClaimFault::OutOfRange))
}

#[cfg(test)]
mod identity_tests;
#[cfg(test)]
mod tests;
