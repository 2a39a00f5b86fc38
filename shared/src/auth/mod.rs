//! Verifies an identity provider's tokens: their signature, times and claims.
//!
//! [`claims`] and [`jwks`] are pure: keys, time and bytes are arguments. The verifier fetches and caches the
//! keys.

pub mod claims;
mod fetch;
pub mod jwks;
mod verifier;

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::ids::Owner;

pub use verifier::{InvalidVerifier, Verifier, VerifierOptions, VerifyError};

/// The tolerated difference to the provider's clock; RFC 7519, section 4.1.4, suggests a few minutes at most.
const LEEWAY: Duration = Duration::from_secs(30);

/// A verified user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub owner: Owner,
    /// The name for greetings; the user id if the token has none.
    pub username: String,
    /// After this time further actions are rejected.
    pub expires_at: Timestamp,
    /// Whether the token names the group of admins.
    pub is_admin: bool,
}

impl Identity {
    /// Whether the identity's token is valid at `now`, with leeway.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        now < self.expires_at + LEEWAY
    }
}

/// Why a token is rejected, for the log. It contains no part of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token is too long")]
    TooLong,
    #[error("the token is malformed, unsigned or without expiry")]
    Malformed,
    #[error("the token is signed with an algorithm that is not configured")]
    Algorithm,
    #[error("the token names no key of the issuer")]
    UnknownKey,
    #[error("the token's signature is invalid")]
    Signature,
    #[error("the token is from another issuer")]
    Issuer,
    #[error("the token is for another audience")]
    Audience,
    #[error("the token is for another use")]
    Use,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
    #[error("the token lacks a usable 'sub' claim")]
    NoSubject,
}

impl TokenError {
    /// The message for the client. The reason is stated only for a token that the issuer signed for this
    /// service, so that a forger learns nothing.
    pub fn for_client(self) -> &'static str {
        match self {
            Self::Expired => "The token has expired.",
            Self::NotYetValid => "The token is not valid yet.",
            Self::NoSubject => "The token lacks a usable 'sub' claim.",
            _ => "The token is not a valid JSON Web Token for this service.",
        }
    }
}
