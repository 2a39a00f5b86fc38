//! Pure: what a token must say, and by which key, to prove an identity at a given time.

use jiff::Timestamp;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;

use super::{Identity, LEEWAY, TokenError};
use crate::domain::ids::Owner;

/// Longer than any real token; longer ones are refused unread, in bytes.
const TOKEN_BYTES: usize = 8 * 1024;
/// A claim that goes into rows and frames, in bytes.
const CLAIM_BYTES: usize = 256;
/// The group whose members are admins (PROTOCOL 8).
const ADMINS: &str = "admin";

/// A key that checks signatures of one algorithm and of no other: a public RSA key is never taken
/// for an HMAC secret.
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

/// What is asked of every token. All of it is fixed at the start: the token's own header chooses
/// nothing but one of the issuer's keys.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// The algorithms that tokens may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// What `iss` must be, if it is to be checked.
    pub issuer: Option<String>,
    /// One of these must be in `aud`, or be the `client_id` of a token without `aud`; none: unchecked.
    pub audiences: Vec<String>,
    /// What Cognito's `token_use` must be, if it is to be checked: `access` or `id`.
    pub token_use: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
    /// RFC 7519's NumericDate: seconds, perhaps with a fraction.
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
    /// Cognito's, a list of texts; any other form is of no group of ours.
    #[serde(rename = "cognito:groups", default)]
    groups: Value,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Rules {
    /// The id of the key that the token says it is signed with, if it says so; a token that no key
    /// could save is refused at once.
    pub fn key_id(&self, token: &str) -> Result<Option<String>, TokenError> {
        if token.len() > TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let header = decode_header(token).map_err(|_| TokenError::Malformed)?;
        // RFC 7515 section 4.1.11: what is critical must be understood, and we understand none of it.
        if header.crit.is_some() {
            return Err(TokenError::Malformed);
        }
        if !self.algorithms.contains(&header.alg) {
            return Err(TokenError::Algorithm);
        }
        Ok(header.kid)
    }

    /// The identity that `token` proves at `now`, if `key` signed it.
    pub fn verify(&self, token: &str, key: &Key, now: Timestamp) -> Result<Identity, TokenError> {
        self.key_id(token)?;
        let mut validation = Validation::new(key.algorithm);
        // The library would read the clock for these; ours is an argument.
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
        self.meant_for_us(&claims)?;
        let expires_at = second(claims.exp)?;
        if now >= expires_at + LEEWAY {
            return Err(TokenError::Expired);
        }
        if let Some(from) = claims.nbf
            && now + LEEWAY < second(from)?
        {
            return Err(TokenError::NotYetValid);
        }
        claims.identity(expires_at)
    }

    fn meant_for_us(&self, claims: &Claims) -> Result<(), TokenError> {
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
            .filter(|sub| usable(sub))
            .ok_or(TokenError::NoSubject)?;
        let tenant = self
            .tenant
            .or(self.custom_tenant)
            .filter(|tenant| usable(tenant));
        let username = self
            .username
            .or(self.cognito_username)
            .filter(|name| usable(name))
            .unwrap_or_else(|| user.clone());
        let mut groups = self.groups.as_array().into_iter().flatten();
        let is_admin = groups.any(|group| group == ADMINS);
        Ok(Identity {
            owner: Owner { user, tenant },
            username,
            expires_at,
            is_admin,
        })
    }
}

fn second(date: f64) -> Result<Timestamp, TokenError> {
    Timestamp::from_second(date as i64)
        .ok()
        // Room for the leeway at both ends of what a timestamp can hold.
        .filter(|at| at.as_second().abs() < 200_000_000_000)
        .ok_or(TokenError::Malformed)
}

fn usable(claim: &str) -> bool {
    !claim.is_empty() && claim.len() <= CLAIM_BYTES && !claim.chars().any(char::is_control)
}

#[cfg(test)]
mod tests;
