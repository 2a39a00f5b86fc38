//! Why a token is rejected, for the log and for the client.

/// Why a token proved no identity.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The token is not valid.
    #[error(transparent)]
    Invalid(#[from] TokenError),
    /// The keys could not be fetched; the token may be valid.
    #[error(transparent)]
    NoKeys(anyhow::Error),
}

/// Why a token is rejected, for the log. It contains no part of the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token is too long")]
    TooLong,
    #[error("the token is malformed")]
    Malformed,
    #[error("the token is unsigned")]
    Unsigned,
    #[error("the token's header has a critical extension, and none is supported")]
    CriticalExtension,
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
    /// One of the times, `exp` or `nbf`.
    #[error("the token's '{claim}' claim {fault}")]
    Time {
        claim: &'static str,
        fault: ClaimFault,
    },
    /// The claim that identifies the user.
    #[error("the token lacks a usable '{claim}' claim: it {fault}")]
    User { claim: String, fault: ClaimFault },
    /// The claim that names the user's tenant. A user without a usable tenant is in no tenant's group, so the
    /// token is rejected.
    #[error("the token's '{claim}' claim names no usable tenant: it {fault}")]
    Tenant { claim: String, fault: ClaimFault },
}

/// What is wrong with a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimFault {
    #[error("is missing")]
    Missing,
    #[error("is no text")]
    NotText,
    #[error("is no number")]
    NotNumber,
    #[error("is out of range")]
    OutOfRange,
    #[error("is empty")]
    Empty,
    #[error("is longer than 256 bytes")]
    TooLong,
    #[error("contains a control character")]
    ControlCharacter,
}

impl TokenError {
    /// The message for the client. The reason is stated only for a token that the issuer signed for this
    /// service, so that a forger learns nothing.
    pub fn for_client(&self) -> String {
        match self {
            Self::Expired => "The token has expired.".to_owned(),
            Self::NotYetValid => "The token is not valid yet.".to_owned(),
            Self::User { claim, .. } => format!("The token lacks a usable '{claim}' claim."),
            Self::Tenant { claim, .. } => {
                format!("The token's '{claim}' claim names no usable tenant.")
            }
            _ => "The token is not a valid JSON Web Token for this service.".to_owned(),
        }
    }
}
