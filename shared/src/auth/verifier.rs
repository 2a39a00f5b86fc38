//! The tokens' judge as the functions use it: the rules of the configuration, and the keys, of which
//! the issuer's are fetched when they are needed.

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use tokio::sync::Mutex;

use super::claims::{Key, Rules};
use super::fetch::Source;
use super::jwks::{KeyCache, KeyLookup, KeySet};
use super::{Identity, TokenError};
use crate::settings::{Environment, SettingsError};

pub struct Verifier {
    rules: Rules,
    keys: Keys,
}

enum Keys {
    Secret(Key),
    Issuer(Box<Issuer>),
}

struct Issuer {
    source: Source,
    cache: Mutex<KeyCache>,
}

impl Verifier {
    /// By `TOKEN_ALGORITHMS`: `HS256` with the secret `LONGHAUL_JWT_SECRET`, or `RS256`, `ES256` or both
    /// with the keys that `TOKEN_ISSUER` publishes. `TOKEN_AUDIENCES` and `TOKEN_USE` are checked where
    /// they are set, and so is the issuer.
    pub fn open(config: &Environment) -> Result<Self, SettingsError> {
        let malformed = |name, expected| SettingsError::Malformed { name, expected };
        let named = config.list("TOKEN_ALGORITHMS");
        let is = |names: &[&str]| named.iter().all(|name| names.contains(name));
        let algorithms: Vec<Algorithm> = named.iter().flat_map(|name| name.parse()).collect();
        let issuer = config.optional("TOKEN_ISSUER");
        let keys = match () {
            () if !named.is_empty() && is(&["HS256"]) => {
                Keys::Secret(Key::secret(config.required("LONGHAUL_JWT_SECRET")?))
            }
            () if !named.is_empty() && is(&["RS256", "ES256"]) => {
                let issuer = config.required("TOKEN_ISSUER")?.trim_end_matches('/');
                let source = Source::new(&format!("{issuer}/.well-known/jwks.json"));
                let source = source.ok_or(malformed("TOKEN_ISSUER", "an https URL"))?;
                let cache = Mutex::default();
                Keys::Issuer(Box::new(Issuer { source, cache }))
            }
            () => {
                let expected = "HS256 alone, or RS256, ES256 or both";
                return Err(malformed("TOKEN_ALGORITHMS", expected));
            }
        };
        let audiences = config.list("TOKEN_AUDIENCES");
        let rules = Rules {
            algorithms,
            issuer: issuer.map(Into::into),
            audiences: audiences.into_iter().map(Into::into).collect(),
            token_use: config.optional("TOKEN_USE").map(Into::into),
        };
        Ok(Self { rules, keys })
    }

    /// The identity that `token` proves at `now`, or why it proves none.
    ///
    /// # Errors
    /// The issuer's keys are not known and can't be had: of the token that says nothing.
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
                // Held while the keys are fetched: who comes meanwhile needs them too.
                let mut cache = issuer.cache.lock().await;
                let mut fetched = Ok(());
                if cache.should_fetch(&id, now) {
                    fetched = issuer.fetch(&mut cache, &self.rules.algorithms, now).await;
                }
                match (cache.find(&id, now), fetched) {
                    (KeyLookup::Key(key), _) => Ok(self.rules.verify(token, key, now)),
                    (KeyLookup::Unknown, _) => Ok(Err(TokenError::UnknownKey)),
                    (KeyLookup::NoKeys, Err(error)) => Err(error),
                    (KeyLookup::NoKeys, Ok(())) => {
                        bail!("the issuer's keys could not be had just now")
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
        let answer = self.source.get().await;
        let keys = answer.and_then(|bytes| {
            KeySet::parse(&bytes, algorithms).context("what it answered is no set of keys")
        });
        match keys.context("fetching the issuer's keys") {
            Ok(keys) => {
                cache.fetched(keys, now);
                Ok(())
            }
            Err(error) => {
                let reason = format!("{error:#}");
                tracing::warn!(reason, "the issuer's keys were not renewed");
                cache.failed(now);
                Err(error)
            }
        }
    }
}
