//! `longhaul token`: a development token, signed with the embedded cloud's secret.
//!
//! For development only: a deployed stack believes its identity provider's tokens, and nothing of
//! ours issues those.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use jsonwebtoken::{EncodingKey, Header, encode};
use longhaul_shared::time;
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
    /// Seconds until it expires.
    #[arg(long, default_value_t = DAY.as_secs())]
    seconds: u64,
    #[command(flatten)]
    place: Place,
}

impl Token {
    pub fn run(self) -> Result<()> {
        let lifetime = Duration::from_secs(self.seconds);
        println!(
            "{}",
            sign(
                &self.place.secret()?,
                &self.user,
                self.tenant.as_deref(),
                lifetime
            )?
        );
        Ok(())
    }
}

/// A token for `user`, valid from now for `lifetime`.
pub fn sign(secret: &str, user: &str, tenant: Option<&str>, lifetime: Duration) -> Result<String> {
    let now = time::now();
    let mut claims = json!({"sub": user, "username": user, "iat": now.as_second(), "exp": (now + lifetime).as_second()});
    if let Some(tenant) = tenant {
        claims["tenant"] = tenant.into();
    }
    encode(
        &Header::default(),
        &claims,
        &EncodingKey::from_secret(secret.as_bytes()),
    )
    .context("signing a token")
}

/// A day's token for the command line's own use.
pub fn for_a_day(secret: &str, user: &str) -> Result<String> {
    sign(secret, user, None, DAY)
}

/// The secrets that a stack is given rather than makes.
pub fn secrets(given: Option<&str>) -> BTreeMap<String, String> {
    given
        .map(|secret| (SECRET.to_owned(), secret.to_owned()))
        .into_iter()
        .collect()
}
