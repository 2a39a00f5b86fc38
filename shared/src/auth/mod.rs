//! Who is speaking: a token's claims, once its signature and its times hold.
//!
//! [`claims`] and [`jwks`] are pure: keys, time and bytes are arguments. [`verifier`] has the keys
//! and fetches them. Where tokens come from and what an identity may do is not known here. We issue
//! no tokens; an identity provider does.

pub mod claims;
mod fetch;
pub mod jwks;
mod verifier;

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::ids::Owner;

pub use verifier::Verifier;

/// How far the provider's clock and ours may differ; RFC 7519 section 4.1.4 asks for a small one.
const LEEWAY: Duration = Duration::from_secs(30);

/// A verified speaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub owner: Owner,
    /// For greeting; the user id where the token has none.
    pub username: String,
    /// Past it, further actions are refused.
    pub expires_at: Timestamp,
    /// Whether the token names the group of admins (PROTOCOL 8).
    pub is_admin: bool,
}

impl Identity {
    /// Whether the token that proved this identity still holds at `now`.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        now < self.expires_at + LEEWAY
    }
}

/// Why a token is not believed, as the log has it: it names no part of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token is too long")]
    TooLong,
    #[error("the token is malformed, unsigned or without expiry")]
    Malformed,
    #[error("the token is signed with another algorithm")]
    Algorithm,
    #[error("the token names no key of the issuer's")]
    UnknownKey,
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token is another issuer's")]
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
    /// The sentence for the client. Of what a forger could learn from it says nothing: only who has a
    /// token of the issuer's, for us, is told what ails it.
    pub fn for_client(self) -> &'static str {
        match self {
            Self::Expired => "The token has expired.",
            Self::NotYetValid => "The token is not valid yet.",
            Self::NoSubject => "The token lacks a usable 'sub' claim.",
            _ => "The token is not a valid JSON Web Token for this service.",
        }
    }
}
