//! `longhaul token`: a development token, signed with the embedded cloud's secret.
//!
//! For development only: a deployed stack believes its identity provider's tokens, and nothing of
//! ours issues those.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use jsonwebtoken::{EncodingKey, Header, encode};
use longhaul_shared::clock;
use serde_json::json;

use crate::stack::Place;

/// The template's logical id of the secret that signs tokens.
pub const SECRET: &str = "TokenSecret";
/// As long as a day's work.
const DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Args)]
pub struct Token {
    /// The user that the token names.
    #[arg(long)]
    user: String,
    /// The tenant that the token names.
    #[arg(long)]
    tenant: Option<String>,
    /// Name the group `admin`, whose members look after their tenant.
    #[arg(long)]
    admin: bool,
    /// Seconds until it expires.
    #[arg(long, default_value_t = DAY.as_secs())]
    seconds: u64,
    #[command(flatten)]
    place: Place,
}

impl Token {
    pub fn run(self) -> Result<()> {
        let bearer = Bearer {
            user: &self.user,
            tenant: self.tenant.as_deref(),
            is_admin: self.admin,
        };
        let lifetime = Duration::from_secs(self.seconds);
        println!("{}", bearer.sign(&self.place.secret()?, lifetime)?);
        Ok(())
    }
}

/// Whom a token names.
struct Bearer<'a> {
    user: &'a str,
    tenant: Option<&'a str>,
    is_admin: bool,
}

impl Bearer<'_> {
    /// A token that is valid from now for `lifetime`.
    fn sign(&self, secret: &str, lifetime: Duration) -> Result<String> {
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

/// A day's token for the command line's own use, and for the console's.
pub fn for_a_day(secret: &str, user: &str, is_admin: bool) -> Result<String> {
    let bearer = Bearer {
        user,
        tenant: None,
        is_admin,
    };
    bearer.sign(secret, DAY)
}

/// The secrets that a stack is given rather than makes.
pub fn secrets(given: Option<&str>) -> BTreeMap<String, String> {
    given
        .map(|secret| (SECRET.to_owned(), secret.to_owned()))
        .into_iter()
        .collect()
}
