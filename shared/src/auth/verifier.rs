//! Verifies tokens by the configured rules, with a shared secret or with the issuer's published keys, which it
//! fetches when needed.

use anyhow::{Context, Result, anyhow};
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use tokio::sync::Mutex;

use super::claims::{ClaimRules, TokenRules};
use super::fetch::HttpsUrl;
use super::jwks::{KeyCache, KeyLookup, KeySet};
use super::key_source::{FoundLocation, KeySource};
use super::token_error::VerifyError;
use super::{Identity, TokenError, TokenSecret};

pub struct Verifier {
    rules: TokenRules,
    keys: Keys,
}

enum Keys {
    Secret(Box<TokenSecret>),
    Issuer(Box<Issuer>),
}

struct Issuer {
    source: KeySource,
    fetched: Mutex<Fetched>,
}

/// What was fetched from an issuer.
#[derive(Default)]
struct Fetched {
    location: FoundLocation,
    cache: KeyCache,
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
    /// The URL of the issuer's keys; `None`: where the issuer's discovery document says.
    pub keys_url: Option<String>,
    /// The secret that verifies `HS256`.
    pub secret: Option<TokenSecret>,
    /// Which claims make the identity.
    pub claims: ClaimRules,
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
    /// The keys' URL is not an https URL.
    KeysUrl,
}

impl Verifier {
    pub fn new(options: VerifierOptions) -> Result<Self, InvalidVerifier> {
        let VerifierOptions {
            algorithms: names,
            issuer,
            audiences,
            token_use,
            keys_url,
            secret,
            claims,
        } = options;
        let are_all = |known: &[&str]| {
            !names.is_empty() && names.iter().all(|name| known.contains(&name.as_str()))
        };
        let keys = if are_all(&["HS256"]) {
            Keys::Secret(Box::new(secret.ok_or(InvalidVerifier::NoSecret)?))
        } else if are_all(&["RS256", "ES256"]) {
            let issuer = issuer.as_deref().ok_or(InvalidVerifier::NoIssuer)?;
            let source = match keys_url {
                Some(url) => {
                    KeySource::configured(HttpsUrl::parse(&url).ok_or(InvalidVerifier::KeysUrl)?)
                }
                None => KeySource::discovered(issuer).ok_or(InvalidVerifier::Issuer)?,
            };
            Keys::Issuer(Box::new(Issuer {
                source,
                fetched: Mutex::default(),
            }))
        } else {
            return Err(InvalidVerifier::Algorithms);
        };
        let rules = TokenRules {
            algorithms: names.iter().flat_map(|name| name.parse()).collect(),
            issuer,
            audiences,
            token_use,
            claims,
        };
        Ok(Self { rules, keys })
    }

    /// The identity that `token` proves at `now`.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, VerifyError> {
        let id = self.rules.key_id(token)?;
        let issuer = match &self.keys {
            Keys::Secret(secret) => return secret.verify(&self.rules, token, now).await,
            Keys::Issuer(issuer) => issuer,
        };
        let id = id.ok_or(TokenError::UnknownKey)?;
        // Held while the keys are fetched, since all that wait for it need them too.
        let mut state = issuer.fetched.lock().await;
        let mut fetched = Ok(());
        if state.cache.should_fetch(&id, now) {
            fetched = issuer.fetch(&mut state, &self.rules.algorithms, now).await;
        }
        match (state.cache.lookup(&id, now), fetched) {
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
        state: &mut Fetched,
        algorithms: &[Algorithm],
        now: Timestamp,
    ) -> Result<()> {
        let fetched = self.source.fetch(&mut state.location, now).await;
        let keys = fetched.and_then(|(url, bytes)| {
            let keys = KeySet::parse(&bytes, algorithms);
            keys.with_context(|| format!("{url}: the answer is not a key set"))
        });
        match keys.context("fetching the issuer's keys") {
            Ok(keys) => {
                state.cache.fetched(keys, now);
                Ok(())
            }
            Err(error) => {
                // It names the URL.
                let reason = format!("{error:#}");
                tracing::warn!(reason, "issuer's keys not refreshed");
                state.cache.failed(now);
                // What was found there is no key set, so the next fetch looks for the location again.
                state.location = FoundLocation::default();
                Err(error)
            }
        }
    }
}
