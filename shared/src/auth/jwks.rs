//! An issuer's public keys (RFC 7517).

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::claims::Key;
use super::fetched_cache::FetchedCache;

/// Keys are used for this long without a fetch. A key that the issuer withdraws is accepted no longer than
/// this.
const FRESH_FOR: Duration = Duration::from_secs(3600);
/// The maximum number of keys of an issuer.
const MAX_KEYS: usize = 64;

/// The issuer's keys, by key id.
pub struct KeySet(HashMap<String, Key>);

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// Parses the issuer's document; `None` if it is not a key set. Unusable keys (of another algorithm, for
    /// encryption, symmetric, without an id) are left out and do not invalidate the others.
    pub fn parse(bytes: &[u8], algorithms: &[Algorithm]) -> Option<Self> {
        let document: Document = serde_json::from_slice(bytes).ok()?;
        let keys = document.keys.into_iter().take(MAX_KEYS);
        let usable = keys.filter_map(|key| {
            let key: Jwk = serde_json::from_value(key).ok()?;
            let algorithm = algorithm(&key).filter(|name| algorithms.contains(name))?;
            let material = DecodingKey::from_jwk(&key).ok()?;
            let id = key.common.key_id?;
            let key = Key {
                algorithm,
                material,
            };
            Some((id, key))
        });
        Some(Self(usable.collect()))
    }
}

/// The algorithm of a public key; `None` if it is not supported.
fn algorithm(key: &Jwk) -> Option<Algorithm> {
    let signs = [None, Some(PublicKeyUse::Signature)];
    if !signs.contains(&key.common.public_key_use) {
        return None;
    }
    let (name, algorithm) = match &key.algorithm {
        AlgorithmParameters::RSA(_) => (KeyAlgorithm::RS256, Algorithm::RS256),
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
            (KeyAlgorithm::ES256, Algorithm::ES256)
        }
        _ => return None,
    };
    key.common
        .key_algorithm
        .is_none_or(|stated| stated == name)
        .then_some(algorithm)
}

/// The keys of the last successful fetch.
pub struct KeyCache(FetchedCache<KeySet>);

impl Default for KeyCache {
    fn default() -> Self {
        Self(FetchedCache::new(FRESH_FOR))
    }
}

/// The result of looking up a key id.
pub enum KeyLookup<'a> {
    Key(&'a Key),
    /// The issuer has no such key.
    Unknown,
    /// No keys are cached, or they are too old.
    NoKeys,
}

impl KeyCache {
    /// Whether the keys must be fetched before the key `id` is looked up at `now`. A key id that is unknown can be
    /// invented by anybody.
    pub fn should_fetch(&mut self, id: &str, now: Timestamp) -> bool {
        self.0.should_fetch(now, |keys| keys.0.contains_key(id))
    }

    /// Records a successful fetch.
    pub fn fetched(&mut self, keys: KeySet, now: Timestamp) {
        self.0.fetched(keys, now);
    }

    /// Records a failed fetch. The cached keys stay valid for a day.
    pub fn failed(&mut self, now: Timestamp) {
        self.0.failed(now);
    }

    pub fn lookup(&self, id: &str, now: Timestamp) -> KeyLookup<'_> {
        match self.0.get(now) {
            Some(keys) => keys.0.get(id).map_or(KeyLookup::Unknown, KeyLookup::Key),
            None => KeyLookup::NoKeys,
        }
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::EncodingKey;
    use serde_json::json;

    use super::*;

    const POINT: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const BOTH: [Algorithm; 2] = [Algorithm::RS256, Algorithm::ES256];

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn ec(id: &str) -> Value {
        json!({"kid": id, "kty": "EC", "crv": "P-256", "x": POINT, "y": POINT})
    }

    fn set(ids: &[&str]) -> KeySet {
        let keys: Vec<Value> = ids.iter().map(|id| ec(id)).collect();
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes(), &BOTH).unwrap()
    }

    #[test]
    fn unusable_keys_are_left_out() {
        let rsa = |change: Value| {
            let mut key = json!({"kid": "r", "kty": "RSA", "n": POINT, "e": "AQAB"});
            for (name, value) in change.as_object().unwrap() {
                key[name] = value.clone();
            }
            let bytes = json!({"keys": [key, ec("e"), 7, {"kty": "new"}]}).to_string();
            KeySet::parse(bytes.as_bytes(), &BOTH).unwrap().0
        };
        assert_eq!(rsa(json!({"alg": "RS256", "use": "sig"})).len(), 2);
        for change in [
            json!({"use": "enc"}),
            json!({"alg": "RS512"}),
            json!({"alg": "ES256"}),
            json!({"kid": null}),
            json!({"n": "%"}),
            json!({"kty": "oct", "k": "c2VjcmV0"}),
        ] {
            assert_eq!(rsa(change.clone()).len(), 1, "{change}");
        }
        let only_rsa = |bytes: &[u8]| KeySet::parse(bytes, &BOTH[..1]);
        assert_eq!(only_rsa(br#"{"keys":[]}"#).unwrap().0.len(), 0);
        for bytes in ["", "[]", "{}", r#"{"keys":{}}"#, "<html>"] {
            assert!(only_rsa(bytes.as_bytes()).is_none(), "{bytes}");
        }
        let symmetric = Jwk::from_encoding_key(&EncodingKey::from_secret(b"s"), Algorithm::HS256);
        assert_eq!(algorithm(&symmetric.unwrap()), None);
    }

    #[test]
    fn an_unknown_key_is_fetched_once_in_the_interval() {
        let mut cache = KeyCache::default();
        assert!(cache.should_fetch("a", at(0)));
        cache.fetched(set(&["a"]), at(0));
        assert!(!cache.should_fetch("a", at(1)));
        assert!(cache.should_fetch("b", at(1)), "it may be new");
        cache.fetched(set(&["a", "b"]), at(1));
        assert!(!cache.should_fetch("b", at(2)));
        assert!(!cache.should_fetch("c", at(30)));
        assert!(matches!(cache.lookup("c", at(30)), KeyLookup::Unknown));
        assert!(cache.should_fetch("c", at(31)));
    }

    #[test]
    fn stale_keys_are_valid_for_a_day_while_the_issuer_is_down() {
        let mut cache = KeyCache::default();
        assert!(matches!(cache.lookup("a", at(0)), KeyLookup::NoKeys));
        cache.fetched(set(&["a"]), at(0));
        assert!(cache.should_fetch("a", at(3600)));
        cache.failed(at(3600));
        assert!(!cache.should_fetch("a", at(3659)), "not at each token");
        assert!(matches!(cache.lookup("a", at(3604)), KeyLookup::Key(_)));
        assert!(cache.should_fetch("a", at(3660)));
        assert!(matches!(
            cache.lookup("a", at(24 * 3600)),
            KeyLookup::NoKeys
        ));
        cache.fetched(set(&["z"]), at(24 * 3600));
        assert!(matches!(
            cache.lookup("a", at(24 * 3600)),
            KeyLookup::Unknown
        ));
    }
}
