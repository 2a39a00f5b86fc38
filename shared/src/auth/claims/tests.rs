//! Valid tokens, and each reason to reject one.

use jsonwebtoken::{EncodingKey, Header, encode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::ids::Owner;

const SECRET: &str = "a secret of the tests, long enough for HS256";

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(super) fn rules() -> TokenRules {
    TokenRules {
        algorithms: vec![Algorithm::HS256],
        ..TokenRules::default()
    }
}

fn signed(header: Header, claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&header, claims, &key).unwrap()
}

pub(super) fn verify_by(
    rules: &TokenRules,
    claims: Value,
    now: i64,
) -> Result<Identity, TokenError> {
    let token = signed(Header::default(), &claims, SECRET);
    rules.verify(&token, &Key::secret(SECRET), at(now))
}

pub(super) fn verify(claims: Value, now: i64) -> Result<Identity, TokenError> {
    verify_by(&rules(), claims, now)
}

#[test]
fn a_valid_token_has_an_owner() {
    let claims = json!({"sub": "u1", "exp": 1000, "username": "Alice", "tenant": "acme"});
    let identity = verify(claims, 500).unwrap();
    let owner = Owner {
        user: "u1".into(),
        tenant: Some("acme".into()),
    };
    assert_eq!(identity.owner, owner);
    assert_eq!(identity.username, "Alice");
    assert_eq!(identity.expires_at, at(1000));
    assert!(identity.is_valid_at(at(1029)) && !identity.is_valid_at(at(1030)));
}

#[test]
fn times_are_checked_with_leeway() {
    let expired = Err(TokenError::Expired);
    assert!(verify(json!({"sub": "u", "exp": 1000}), 1029).is_ok());
    assert_eq!(verify(json!({"sub": "u", "exp": 1000}), 1030), expired);
    assert!(verify(json!({"sub": "u", "exp": 1000.75}), 1029).is_ok());
    assert!(verify(json!({"sub": "u", "exp": 1000, "nbf": 130}), 100).is_ok());
    assert_eq!(
        verify(json!({"sub": "u", "exp": 1000, "nbf": 131}), 100),
        Err(TokenError::NotYetValid)
    );
}

#[test]
fn configured_claims_are_checked() {
    let rules = TokenRules {
        issuer: Some("https://issuer.example".into()),
        audiences: vec!["app".into(), "other".into()],
        token_use: Some("access".into()),
        ..rules()
    };
    let verify = |changed: Value| {
        let mut claims = json!({"sub": "u", "exp": 1000, "iss": "https://issuer.example", "client_id": "app", "token_use": "access"});
        for (name, value) in changed.as_object().unwrap() {
            claims[name] = value.clone();
        }
        verify_by(&rules, claims, 0).map(|identity| identity.owner.user)
    };
    for valid in [
        json!({}),
        json!({"aud": "other"}),
        json!({"aud": ["x", "app"]}),
    ] {
        assert_eq!(verify(valid), Ok("u".to_owned()));
    }
    for (bad, why) in [
        (
            json!({"iss": "https://issuer.example/"}),
            TokenError::Issuer,
        ),
        (json!({"iss": null}), TokenError::Issuer),
        (json!({"client_id": "another"}), TokenError::Audience),
        (json!({"client_id": null}), TokenError::Audience),
        // `aud` decides, even if the client is one of ours.
        (json!({"aud": "another"}), TokenError::Audience),
        (json!({"aud": []}), TokenError::Audience),
        (json!({"token_use": "id"}), TokenError::Use),
        (json!({"token_use": null}), TokenError::Use),
    ] {
        assert_eq!(verify(bad.clone()), Err(why), "{bad}");
    }
}

#[test]
fn an_audience_of_another_type_is_not_ours() {
    let rules = TokenRules {
        audiences: vec!["app".into()],
        ..rules()
    };
    for aud in [
        json!(7),
        json!({"app": "app"}),
        json!([7, ["app"]]),
        json!(""),
    ] {
        let claims = json!({"sub": "u", "exp": 1000, "aud": aud, "client_id": "app"});
        assert_eq!(
            verify_by(&rules, claims.clone(), 0),
            Err(TokenError::Audience),
            "{claims}"
        );
    }
    let claims = json!({"sub": "u", "exp": 1000, "aud": [7, "app"]});
    assert!(verify_by(&rules, claims, 0).is_ok());
}

#[test]
fn an_invalid_token_is_rejected() {
    let time = |claim, fault| Err(TokenError::Time { claim, fault });
    for (claims, why) in [
        (json!({"sub": "u"}), time("exp", ClaimFault::Missing)),
        (
            json!({"sub": "u", "exp": null}),
            time("exp", ClaimFault::Missing),
        ),
        (
            json!({"sub": "u", "exp": "1000"}),
            time("exp", ClaimFault::NotNumber),
        ),
        (
            json!({"sub": "u", "exp": 1e300}),
            time("exp", ClaimFault::OutOfRange),
        ),
        (
            json!({"sub": "u", "exp": 1000, "nbf": "0"}),
            time("nbf", ClaimFault::NotNumber),
        ),
        (json!(["no claims"]), Err(TokenError::Malformed)),
    ] {
        assert_eq!(verify(claims.clone(), 0), why, "{claims}");
    }
    let claims = json!({"sub": "u", "exp": 1000});
    let other_secret = signed(Header::default(), &claims, "another secret");
    let body = other_secret.split('.').nth(1).unwrap().to_owned();
    let critical = Header {
        crit: Some(vec!["exp".into()]),
        ..Header::default()
    };
    for (token, why) in [
        (other_secret, TokenError::Signature),
        (
            signed(Header::new(Algorithm::HS512), &claims, SECRET),
            TokenError::Algorithm,
        ),
        (
            signed(critical, &claims, SECRET),
            TokenError::CriticalExtension,
        ),
        // {"alg":"none"}
        (format!("eyJhbGciOiJub25lIn0.{body}."), TokenError::Unsigned),
        (String::new(), TokenError::Malformed),
        ("a.b.c".into(), TokenError::Malformed),
        ("x".repeat(10_000), TokenError::TooLong),
    ] {
        let refused = rules().verify(&token, &Key::secret(SECRET), at(0));
        assert_eq!(refused, Err(why), "{token}");
    }
}

proptest! {
    #![proptest_config(crate::many_cases())]

    #[test]
    fn no_text_passes_or_panics(text in prop_oneof!["\\PC{0,200}", "[A-Za-z0-9_-]{0,90}\\.[A-Za-z0-9_-]{0,90}\\.[A-Za-z0-9_-]{0,90}"]) {
        prop_assert!(rules().verify(&text, &Key::secret(SECRET), at(0)).is_err());
    }

    #[test]
    fn no_signed_claims_panic(
        name in "sub|exp|nbf|iat|aud|iss|username|tenant|cognito:groups",
        value in prop_oneof![
            any::<f64>().prop_map(|number| json!(number)),
            "\\PC{0,20}".prop_map(|text| json!(text)),
            "\\PC{0,20}".prop_map(|text| json!([text])),
            Just(Value::Null),
        ]
    ) {
        let mut claims = json!({"sub": "u", "exp": 1000});
        claims[name.as_str()] = value;
        let _ = verify(claims, 0);
    }
}
