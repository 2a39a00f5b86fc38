//! Tokens as the stacks under test accept them, and the claims in them.

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::support::log_secrets::{EMAIL_DOMAIN, SECRET};

/// A token for this user that does not expire.
pub fn token(user: &str) -> String {
    let email = format!("{user}{EMAIL_DOMAIN}");
    token_with_claims(&json!({"sub": user, "username": user, "email": email, "exp": u32::MAX}))
}

/// A token with these claims, signed with the stacks' secret.
pub fn token_with_claims(claims: &Value) -> String {
    encode(
        &Header::default(),
        claims,
        &EncodingKey::from_secret(SECRET.as_bytes()),
    )
    .expect("claims are JSON")
}

/// The claims of an admin, of this tenant where one is given.
pub fn admin_claims(tenant: Option<&str>) -> Value {
    let mut claims =
        json!({"sub": "root", "username": "root", "cognito:groups": ["staff", "admin"]});
    if let Some(tenant) = tenant {
        claims["tenant"] = tenant.into();
    }
    claims
}
