//! Who is speaking: a token's claims, once its signature and its times hold.
//!
//! Pure: the key and the time are arguments. Where tokens come from and what an identity may do is
//! not known here. We issue no tokens; an identity provider does.

use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;

use crate::ids::Owner;

/// How far the provider's clock and ours may differ; RFC 7519 section 4.1.4 asks for a small one.
const LEEWAY: Duration = Duration::from_secs(30);
/// Longer than any real token; longer ones are refused unread.
const TOKEN_BYTES: usize = 8 * 1024;
/// A claim that goes into rows and frames, in bytes.
const CLAIM_BYTES: usize = 256;

/// A verified speaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub owner: Owner,
    /// For greeting; the user id where the token has none.
    pub username: String,
    /// Past it, further actions are refused.
    pub expires_at: Timestamp,
}

/// Why a token is not believed. The sentence may go to the client: it tells nothing of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("The token is not a valid JSON Web Token for this service.")]
    Invalid,
    #[error("The token has expired.")]
    Expired,
    #[error("The token is not valid yet.")]
    NotYetValid,
    #[error("The token lacks a usable 'sub' claim.")]
    NoSubject,
}

/// Checks tokens against one key and one algorithm, both pinned at the start: the token's own `alg`
/// header chooses nothing.
pub struct Verifier {
    key: DecodingKey,
    validation: Validation,
}

#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
    exp: i64,
    nbf: Option<i64>,
    username: Option<String>,
    #[serde(rename = "cognito:username")]
    cognito_username: Option<String>,
    tenant: Option<String>,
    #[serde(rename = "custom:tenant")]
    custom_tenant: Option<String>,
}

impl Verifier {
    /// Tokens signed with HMAC-SHA256 and this shared secret.
    pub fn hs256(secret: &str) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // The library would read the clock for these; ours is an argument.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        Self {
            key: DecodingKey::from_secret(secret.as_bytes()),
            validation,
        }
    }

    /// The identity that `token` proves at `now`.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, TokenError> {
        if token.len() > TOKEN_BYTES {
            return Err(TokenError::Invalid);
        }
        let claims = decode::<Claims>(token, &self.key, &self.validation)
            .map_err(|_| TokenError::Invalid)?
            .claims;
        let expires_at = Timestamp::from_second(claims.exp).map_err(|_| TokenError::Invalid)?;
        if now >= expires_at + LEEWAY {
            return Err(TokenError::Expired);
        }
        if claims
            .nbf
            .is_some_and(|from| now.as_second() + (LEEWAY.as_secs() as i64) < from)
        {
            return Err(TokenError::NotYetValid);
        }
        let user = claims
            .sub
            .filter(|sub| usable(sub))
            .ok_or(TokenError::NoSubject)?;
        let tenant = claims
            .tenant
            .or(claims.custom_tenant)
            .filter(|tenant| usable(tenant));
        let username = claims
            .username
            .or(claims.cognito_username)
            .filter(|name| usable(name))
            .unwrap_or_else(|| user.clone());
        Ok(Identity {
            owner: Owner { user, tenant },
            username,
            expires_at,
        })
    }
}

impl Identity {
    /// Whether the token that proved this identity still holds at `now`.
    pub fn holds(&self, now: Timestamp) -> bool {
        now < self.expires_at + LEEWAY
    }
}

fn usable(claim: &str) -> bool {
    !claim.is_empty() && claim.len() <= CLAIM_BYTES && !claim.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &str = "a secret of the tests, long enough for HS256";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn signed(header: Header, claims: &Value, secret: &str) -> String {
        encode(
            &header,
            claims,
            &EncodingKey::from_secret(secret.as_bytes()),
        )
        .unwrap()
    }

    fn verify(claims: Value, now: i64) -> Result<Identity, TokenError> {
        Verifier::hs256(SECRET).verify(&signed(Header::default(), &claims, SECRET), at(now))
    }

    #[test]
    fn a_good_token_names_its_owner() {
        let identity = verify(
            json!({"sub": "u1", "exp": 1000, "username": "Alice", "tenant": "acme"}),
            500,
        )
        .unwrap();
        assert_eq!(
            identity.owner,
            Owner {
                user: "u1".into(),
                tenant: Some("acme".into())
            }
        );
        assert_eq!(
            (identity.username.as_str(), identity.expires_at),
            ("Alice", at(1000))
        );
        assert!(identity.holds(at(1029)) && !identity.holds(at(1030)));
    }

    #[test]
    fn times_are_checked_with_leeway() {
        assert!(verify(json!({"sub": "u", "exp": 1000}), 1029).is_ok());
        assert_eq!(
            verify(json!({"sub": "u", "exp": 1000}), 1030),
            Err(TokenError::Expired)
        );
        assert!(verify(json!({"sub": "u", "exp": 1000, "nbf": 130}), 100).is_ok());
        assert_eq!(
            verify(json!({"sub": "u", "exp": 1000, "nbf": 131}), 100),
            Err(TokenError::NotYetValid)
        );
    }

    #[test]
    fn what_is_not_a_token_of_ours_is_refused() {
        assert_eq!(
            verify(json!({"sub": "u"}), 0),
            Err(TokenError::Invalid),
            "exp is required"
        );
        assert_eq!(verify(json!({"exp": 1000}), 0), Err(TokenError::NoSubject));
        assert_eq!(
            verify(json!({"sub": "", "exp": 1000}), 0),
            Err(TokenError::NoSubject)
        );
        assert_eq!(
            verify(json!({"sub": "a\nb", "exp": 1000}), 0),
            Err(TokenError::NoSubject)
        );
        let verifier = Verifier::hs256(SECRET);
        let claims = json!({"sub": "u", "exp": 1000});
        let other_secret = signed(Header::default(), &claims, "another secret");
        let other_algorithm = signed(Header::new(Algorithm::HS512), &claims, SECRET);
        let unsigned = format!(
            "eyJhbGciOiJub25lIn0.{}.",
            other_secret.split('.').nth(1).unwrap()
        );
        for token in [
            other_secret,
            other_algorithm,
            unsigned,
            String::new(),
            "a.b.c".into(),
            "x".repeat(10_000),
        ] {
            assert_eq!(verifier.verify(&token, at(0)), Err(TokenError::Invalid));
        }
    }
}
