//! Verifies an identity provider's tokens: their signature, times and claims.
//!
//! [`claims`], [`jwks`], the cache and the discovery document are pure: keys, time and bytes are arguments. The verifier
//! fetches the keys, or reads the secret.

pub mod claims;
mod discovery;
mod fetch;
mod fetched_cache;
pub mod jwks;
mod key_source;
mod token_error;
mod token_secret;
mod verifier;

use jiff::Timestamp;

use crate::domain::ids::Owner;
use crate::domain::token_expiry::has_expired;

pub use claims::{ClaimPath, ClaimRules, text_fault};
pub use token_error::{ClaimFault, TokenError, VerifyError};
pub use token_secret::TokenSecret;
pub use verifier::{InvalidVerifier, Verifier, VerifierOptions};

/// A verified user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub owner: Owner,
    /// The name for greetings; the user id if the token has none.
    pub username: String,
    /// When the token was issued; `None` if it does not say so.
    pub issued_at: Option<Timestamp>,
    /// After this time further actions are rejected.
    pub expires_at: Timestamp,
    /// Whether the token makes the user an admin of their tenant.
    pub is_admin: bool,
}

impl Identity {
    /// Whether the identity's token is valid at `now`, with leeway.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        !has_expired(self.expires_at, now)
    }
}
