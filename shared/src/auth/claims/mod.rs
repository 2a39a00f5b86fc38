//! Verifies a token's signature and claims at a given time.

use jiff::Timestamp;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;

use super::{Identity, LEEWAY, TokenError};
use crate::domain::ids::Owner;

/// The limit of a token's size, in bytes: longer than any real token. Longer ones are rejected without parsing.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// The limit of a claim that is stored in rows and sent in frames, in bytes.
const MAX_CLAIM_BYTES: usize = 256;
/// The group whose members are admins.
const ADMIN_GROUP: &str = "admin";

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

/// The requirements for every token. All are configuration: a token's header only selects one of the issuer's keys.
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
}

#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
    /// RFC 7519's NumericDate: seconds, which may have a fraction.
    exp: f64,
    nbf: Option<f64>,
    iss: Option<String>,
    aud: Option<OneOrMore>,
    client_id: Option<String>,
    token_use: Option<String>,
    username: Option<String>,
    #[serde(rename = "cognito:username")]
    cognito_username: Option<String>,
    tenant: Option<String>,
    #[serde(rename = "custom:tenant")]
    custom_tenant: Option<String>,
    /// Cognito's list of groups. Any other JSON counts as no group.
    #[serde(rename = "cognito:groups", default)]
    groups: Value,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl TokenRules {
    /// The key id in the token's header, if it has one. A token that no key can make valid is rejected.
    pub fn key_id(&self, token: &str) -> Result<Option<String>, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let header = decode_header(token).map_err(|_| TokenError::Malformed)?;
        // RFC 7515, section 4.1.11: critical extensions must be understood, and none is supported.
        if header.crit.is_some() {
            return Err(TokenError::Malformed);
        }
        if !self.algorithms.contains(&header.alg) {
            return Err(TokenError::Algorithm);
        }
        Ok(header.kid)
    }

    /// The identity of the token at `now`, if `key` signed it.
    pub fn verify(&self, token: &str, key: &Key, now: Timestamp) -> Result<Identity, TokenError> {
        self.key_id(token)?;
        let mut validation = Validation::new(key.algorithm);
        // The library would read the clock for these; here the time is an argument.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        let claims = decode::<Claims>(token, &key.material, &validation)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidSignature => TokenError::Signature,
                ErrorKind::InvalidAlgorithm => TokenError::Algorithm,
                _ => TokenError::Malformed,
            })?
            .claims;
        self.check_recipient(&claims)?;
        let expires_at = timestamp(claims.exp)?;
        if now >= expires_at + LEEWAY {
            return Err(TokenError::Expired);
        }
        if let Some(from) = claims.nbf
            && now + LEEWAY < timestamp(from)?
        {
            return Err(TokenError::NotYetValid);
        }
        claims.identity(expires_at)
    }

    fn check_recipient(&self, claims: &Claims) -> Result<(), TokenError> {
        if self.issuer.is_some() && self.issuer != claims.iss {
            return Err(TokenError::Issuer);
        }
        let ours = |name: &String| self.audiences.contains(name);
        let is_ours = match &claims.aud {
            Some(OneOrMore::One(name)) => ours(name),
            Some(OneOrMore::More(names)) => names.iter().any(ours),
            None => claims.client_id.as_ref().is_some_and(ours),
        };
        if !self.audiences.is_empty() && !is_ours {
            return Err(TokenError::Audience);
        }
        if self.token_use.is_some() && self.token_use != claims.token_use {
            return Err(TokenError::Use);
        }
        Ok(())
    }
}

impl Claims {
    fn identity(self, expires_at: Timestamp) -> Result<Identity, TokenError> {
        let user = self
            .sub
            .filter(|sub| is_usable(sub))
            .ok_or(TokenError::NoSubject)?;
        let tenant = self
            .tenant
            .or(self.custom_tenant)
            .filter(|tenant| is_usable(tenant));
        let username = self
            .username
            .or(self.cognito_username)
            .filter(|name| is_usable(name))
            .unwrap_or_else(|| user.clone());
        let mut groups = self.groups.as_array().into_iter().flatten();
        let is_admin = groups.any(|group| group == ADMIN_GROUP);
        Ok(Identity {
            owner: Owner { user, tenant },
            username,
            expires_at,
            is_admin,
        })
    }
}

fn timestamp(date: f64) -> Result<Timestamp, TokenError> {
    Timestamp::from_second(date as i64)
        .ok()
        // Leaves space for the leeway at both ends of the range of timestamps.
        .filter(|at| at.as_second().abs() < 200_000_000_000)
        .ok_or(TokenError::Malformed)
}

fn is_usable(claim: &str) -> bool {
    !claim.is_empty() && claim.len() <= MAX_CLAIM_BYTES && !claim.chars().any(char::is_control)
}

#[cfg(test)]
mod tests;
