//! Verifies tokens by the configured rules, with a shared secret or with the issuer's published keys, which it fetches when
//! needed.

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use tokio::sync::Mutex;

use super::claims::{Key, TokenRules};
use super::fetch::HttpsDocument;
use super::jwks::{KeyCache, KeyLookup, KeySet};
use super::{Identity, TokenError};
use crate::settings::{Environment, SettingsError};

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

impl Verifier {
    /// From `TOKEN_ALGORITHMS`: `HS256` with the secret `LONGHAUL_JWT_SECRET`, or `RS256`, `ES256` or both with the keys that
    /// `TOKEN_ISSUER` publishes. Issuer, `TOKEN_AUDIENCES` and `TOKEN_USE` are checked if they are set.
    pub fn open(config: &Environment) -> Result<Self, SettingsError> {
        let malformed = |name, expected| SettingsError::Malformed { name, expected };
        let names = config.list("TOKEN_ALGORITHMS");
        let only = |allowed: &[&str]| names.iter().all(|name| allowed.contains(name));
        let algorithms: Vec<Algorithm> = names.iter().flat_map(|name| name.parse()).collect();
        let issuer = config.optional("TOKEN_ISSUER");
        let keys = match () {
            () if !names.is_empty() && only(&["HS256"]) => {
                Keys::Secret(Key::secret(config.required("LONGHAUL_JWT_SECRET")?))
            }
            () if !names.is_empty() && only(&["RS256", "ES256"]) => {
                let issuer = config.required("TOKEN_ISSUER")?.trim_end_matches('/');
                let document = HttpsDocument::new(&format!("{issuer}/.well-known/jwks.json"));
                let document = document.ok_or(malformed("TOKEN_ISSUER", "an https URL"))?;
                let cache = Mutex::default();
                Keys::Issuer(Box::new(Issuer { document, cache }))
            }
            () => {
                let expected = "HS256 alone, or RS256, ES256 or both";
                return Err(malformed("TOKEN_ALGORITHMS", expected));
            }
        };
        let audiences = config.list("TOKEN_AUDIENCES");
        let rules = TokenRules {
            algorithms,
            issuer: issuer.map(Into::into),
            audiences: audiences.into_iter().map(Into::into).collect(),
            token_use: config.optional("TOKEN_USE").map(Into::into),
        };
        Ok(Self { rules, keys })
    }

    /// The identity of the token at `now`, or why the token is rejected.
    ///
    /// # Errors
    /// The issuer's keys are not known and can't be fetched, so the token can't be checked.
    pub async fn verify(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<std::result::Result<Identity, TokenError>> {
        let id = match self.rules.key_id(token) {
            Ok(id) => id,
            Err(error) => return Ok(Err(error)),
        };
        match (&self.keys, id) {
            (Keys::Secret(key), _) => Ok(self.rules.verify(token, key, now)),
            (Keys::Issuer(_), None) => Ok(Err(TokenError::UnknownKey)),
            (Keys::Issuer(issuer), Some(id)) => {
                // Locked during a fetch, since concurrent calls need the same keys.
                let mut cache = issuer.cache.lock().await;
                let mut fetched = Ok(());
                if cache.should_fetch(&id, now) {
                    fetched = issuer.fetch(&mut cache, &self.rules.algorithms, now).await;
                }
                match (cache.lookup(&id, now), fetched) {
                    (KeyLookup::Key(key), _) => Ok(self.rules.verify(token, key, now)),
                    (KeyLookup::Unknown, _) => Ok(Err(TokenError::UnknownKey)),
                    (KeyLookup::NoKeys, Err(error)) => Err(error),
                    (KeyLookup::NoKeys, Ok(())) => {
                        bail!("the issuer's keys could not be fetched recently")
                    }
                }
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
