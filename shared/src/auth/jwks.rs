//! Pure: an issuer's public keys (RFC 7517), and when to ask for them again.
//!
//! Whoever asks is told by [`KeyCache::should_fetch`] and tells what came of it. Knows no network.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::claims::Key;

/// So long keys are used without asking: a key that the issuer withdraws is believed no longer.
const FRESH: Duration = Duration::from_secs(3600);
/// So long they are used while the issuer can't be reached.
const LAST_RESORT: Duration = Duration::from_secs(24 * 3600);
/// Between two fetches for the sake of an unknown key id, which anybody can make up.
const COOLDOWN: Duration = Duration::from_secs(30);
/// After a fetch that failed.
const RETRY: Duration = Duration::from_secs(5);
/// More keys than any issuer has at once.
const KEYS: usize = 64;

/// The keys of one answer of the issuer's, by key id.
pub struct KeySet(HashMap<String, Key>);

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads the issuer's answer; `None` if it is no key set. Keys of no use here (another algorithm,
    /// for encryption, symmetric, without an id) are left out: they must not spoil the others.
    pub fn parse(bytes: &[u8], algorithms: &[Algorithm]) -> Option<Self> {
        let document: Document = serde_json::from_slice(bytes).ok()?;
        let keys = document.keys.into_iter().take(KEYS);
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

/// The one algorithm that a public key is for; `None` where it is for none of ours.
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
        .is_none_or(|said| said == name)
        .then_some(algorithm)
}

/// The keys as last fetched.
#[derive(Default)]
pub struct KeyCache {
    kept: Option<(KeySet, Timestamp)>,
    /// The last fetch that failed, unless one has succeeded since.
    failed_at: Option<Timestamp>,
    /// The last fetch for an unknown key id.
    searched_at: Option<Timestamp>,
}

/// What the cache knows of a key id.
pub enum KeyLookup<'a> {
    Key(&'a Key),
    /// The issuer has no such key.
    Unknown,
    /// The issuer's keys are not known.
    NoKeys,
}

impl KeyCache {
    /// Whether the issuer is to be asked before the key `id` is looked up at `now`.
    pub fn should_fetch(&mut self, id: &str, now: Timestamp) -> bool {
        let has_passed =
            |since: Option<Timestamp>, span: Duration| since.is_none_or(|at| now >= at + span);
        if !has_passed(self.failed_at, RETRY) {
            return false;
        }
        match &self.kept {
            Some((keys, at)) if now < *at + FRESH => {
                // Not counted from the fetch that filled the cache: a key may be new right after it.
                let search = !keys.0.contains_key(id) && has_passed(self.searched_at, COOLDOWN);
                if search {
                    self.searched_at = Some(now);
                }
                search
            }
            _ => true,
        }
    }

    /// The issuer answered these keys.
    pub fn fetched(&mut self, keys: KeySet, now: Timestamp) {
        self.kept = Some((keys, now));
        self.failed_at = None;
    }

    /// The issuer did not answer, or no keys: what is kept still holds for a while.
    pub fn failed(&mut self, now: Timestamp) {
        self.failed_at = Some(now);
    }

    pub fn find(&self, id: &str, now: Timestamp) -> KeyLookup<'_> {
        match &self.kept {
            Some((keys, at)) if now < *at + LAST_RESORT => {
                keys.0.get(id).map_or(KeyLookup::Unknown, KeyLookup::Key)
            }
            _ => KeyLookup::NoKeys,
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
    fn keys_of_no_use_are_left_out() {
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
    fn an_unknown_key_is_searched_for_and_then_not_again_for_a_while() {
        let mut cache = KeyCache::default();
        assert!(cache.should_fetch("a", at(0)));
        cache.fetched(set(&["a"]), at(0));
        assert!(!cache.should_fetch("a", at(1)));
        assert!(cache.should_fetch("b", at(1)), "it may be new");
        cache.fetched(set(&["a", "b"]), at(1));
        assert!(!cache.should_fetch("b", at(2)));
        assert!(!cache.should_fetch("c", at(30)));
        assert!(matches!(cache.find("c", at(30)), KeyLookup::Unknown));
        assert!(cache.should_fetch("c", at(31)));
    }

    #[test]
    fn old_keys_hold_for_a_day_while_the_issuer_is_down() {
        let mut cache = KeyCache::default();
        assert!(matches!(cache.find("a", at(0)), KeyLookup::NoKeys));
        cache.fetched(set(&["a"]), at(0));
        assert!(cache.should_fetch("a", at(3600)));
        cache.failed(at(3600));
        assert!(!cache.should_fetch("a", at(3604)), "not at each token");
        assert!(matches!(cache.find("a", at(3604)), KeyLookup::Key(_)));
        assert!(cache.should_fetch("a", at(3605)));
        assert!(matches!(cache.find("a", at(24 * 3600)), KeyLookup::NoKeys));
        cache.fetched(set(&["z"]), at(24 * 3600));
        assert!(matches!(cache.find("a", at(24 * 3600)), KeyLookup::Unknown));
    }
}
