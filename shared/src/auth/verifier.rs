//! Verifies tokens by the configured rules, with a shared secret or with the issuer's published keys, which it
//! fetches when needed.

use anyhow::{Context, Result, anyhow};
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use tokio::sync::Mutex;

use super::claims::{Key, TokenRules};
use super::fetch::HttpsDocument;
use super::jwks::{KeyCache, KeyLookup, KeySet};
use super::{Identity, TokenError};

pub struct Verifier {
    rules: TokenRules,
    keys: Keys,
}

enum Keys {
    Secret(Key),
    Issuer(Box<Issuer>),
}

struct Issuer {
    document: HttpsDocument,
    cache: Mutex<KeyCache>,
}

/// How tokens are verified.
#[derive(Default)]
pub struct VerifierOptions {
    /// The algorithms of accepted tokens: `HS256` alone, or `RS256`, `ES256` or both.
    pub algorithms: Vec<String>,
    /// The issuer of accepted tokens. Its published keys verify `RS256` and `ES256`.
    pub issuer: Option<String>,
    /// The accepted values of `aud` or `client_id`; empty accepts any.
    pub audiences: Vec<String>,
    /// The accepted value of `token_use`; `None` accepts any.
    pub token_use: Option<String>,
    /// The secret that verifies `HS256`.
    pub secret: Option<String>,
}

/// Why options make no verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidVerifier {
    /// The algorithms are neither `HS256` alone nor `RS256`, `ES256` or both.
    Algorithms,
    /// `HS256` needs a secret.
    NoSecret,
    /// `RS256` and `ES256` need an issuer.
    NoIssuer,
    /// The issuer is not an https URL.
    Issuer,
}

/// Why a token proved no identity.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The token is not valid.
    #[error(transparent)]
    Invalid(#[from] TokenError),
    /// The issuer's keys could not be fetched; the token may be valid.
    #[error(transparent)]
    NoKeys(anyhow::Error),
}

impl Verifier {
    pub fn new(options: VerifierOptions) -> Result<Self, InvalidVerifier> {
        let VerifierOptions {
            algorithms: names,
            issuer,
            audiences,
            token_use,
            secret,
        } = options;
        let are_all = |known: &[&str]| {
            !names.is_empty() && names.iter().all(|name| known.contains(&name.as_str()))
        };
        let keys = if are_all(&["HS256"]) {
            let secret = secret.as_deref().ok_or(InvalidVerifier::NoSecret)?;
            Keys::Secret(Key::secret(secret))
        } else if are_all(&["RS256", "ES256"]) {
            let issuer = issuer.as_deref().ok_or(InvalidVerifier::NoIssuer)?;
            let issuer = issuer.trim_end_matches('/');
            let document = HttpsDocument::new(&format!("{issuer}/.well-known/jwks.json"));
            Keys::Issuer(Box::new(Issuer {
                document: document.ok_or(InvalidVerifier::Issuer)?,
                cache: Mutex::default(),
            }))
        } else {
            return Err(InvalidVerifier::Algorithms);
        };
        let rules = TokenRules {
            algorithms: names.iter().flat_map(|name| name.parse()).collect(),
            issuer,
            audiences,
            token_use,
        };
        Ok(Self { rules, keys })
    }

    /// The identity that `token` proves at `now`.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, VerifyError> {
        let id = self.rules.key_id(token)?;
        let issuer = match &self.keys {
            Keys::Secret(key) => return Ok(self.rules.verify(token, key, now)?),
            Keys::Issuer(issuer) => issuer,
        };
        let id = id.ok_or(TokenError::UnknownKey)?;
        // Held while the keys are fetched, since all that wait for it need them too.
        let mut cache = issuer.cache.lock().await;
        let mut fetched = Ok(());
        if cache.should_fetch(&id, now) {
            fetched = issuer.fetch(&mut cache, &self.rules.algorithms, now).await;
        }
        match (cache.lookup(&id, now), fetched) {
            (KeyLookup::Key(key), _) => Ok(self.rules.verify(token, key, now)?),
            (KeyLookup::Unknown, _) => Err(TokenError::UnknownKey.into()),
            (KeyLookup::NoKeys, Err(error)) => Err(VerifyError::NoKeys(error)),
            (KeyLookup::NoKeys, Ok(())) => {
                let error = anyhow!("the issuer's keys could not be fetched recently");
                Err(VerifyError::NoKeys(error))
            }
        }
    }
}

impl Issuer {
    async fn fetch(
        &self,
        cache: &mut KeyCache,
        algorithms: &[Algorithm],
        now: Timestamp,
    ) -> Result<()> {
        let response = self.document.get().await;
        let keys = response.and_then(|bytes| {
            KeySet::parse(&bytes, algorithms).context("the response is not a key set")
        });
        match keys.context("fetching the issuer's keys") {
            Ok(keys) => {
                cache.fetched(keys, now);
                Ok(())
            }
            Err(error) => {
                let reason = format!("{error:#}");
                tracing::warn!(reason, "issuer's keys not refreshed");
                cache.failed(now);
                Err(error)
            }
        }
    }
}
