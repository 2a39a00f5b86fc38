//! Development tokens, signed with the embedded cloud's secret. A deployed stack accepts its identity provider's tokens only.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use jsonwebtoken::{EncodingKey, Header, encode};
use longhaul_shared::clock;
use serde_json::json;

/// The template's logical id of the secret that signs tokens.
pub const SECRET: &str = "TokenSecret";
/// The lifetime of a token that names none.
pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// The claims of a token that depend on its user.
pub struct Bearer<'a> {
    pub user: &'a str,
    pub tenant: Option<&'a str>,
    pub is_admin: bool,
}

impl Bearer<'_> {
    /// A token that is valid from now on for `lifetime`.
    pub fn sign(&self, secret: &str, lifetime: Duration) -> Result<String> {
        let (user, now) = (self.user, clock::now());
        let mut claims = json!({"sub": user, "username": user, "iat": now.as_second(), "exp": (now + lifetime).as_second()});
        if let Some(tenant) = self.tenant {
            claims["tenant"] = tenant.into();
        }
        if self.is_admin {
            claims["cognito:groups"] = json!(["admin"]);
        }
        encode(
            &Header::default(),
            &claims,
            &EncodingKey::from_secret(secret.as_bytes()),
        )
        .context("signing a token")
    }
}

/// A token of a day, for the command line's own connections and for the console.
pub fn for_a_day(secret: &str, user: &str, is_admin: bool) -> Result<String> {
    let bearer = Bearer {
        user,
        tenant: None,
        is_admin,
    };
    bearer.sign(secret, DAY)
}

/// The secrets that a stack gets from its user instead of generating them.
pub fn given_secrets(secret: Option<&str>) -> BTreeMap<String, String> {
    secret
        .map(|secret| (SECRET.to_owned(), secret.to_owned()))
        .into_iter()
        .collect()
}
