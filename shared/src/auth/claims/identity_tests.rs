//! The identity that a token's claims make, and each reason why they make none.

use serde_json::{Value, json};

use super::tests::{at, rules, verify, verify_by};
use super::*;

#[test]
fn a_user_claim_that_is_not_usable_rejects_the_token_with_its_reason() {
    for (sub, fault) in [
        (Value::Null, ClaimFault::Missing),
        (json!(7), ClaimFault::NotText),
        (json!(["u"]), ClaimFault::NotText),
        (json!(""), ClaimFault::Empty),
        (json!("a\nb"), ClaimFault::ControlCharacter),
        (json!("x".repeat(257)), ClaimFault::TooLong),
    ] {
        let error = verify(json!({"sub": sub, "exp": 1000}), 0).unwrap_err();
        let claim = "sub".to_owned();
        assert_eq!(error, TokenError::User { claim, fault });
        assert_eq!(
            error.to_string(),
            format!("the token lacks a usable 'sub' claim: it {fault}")
        );
        assert_eq!(error.for_client(), "The token lacks a usable 'sub' claim.");
    }
}

#[test]
fn a_tenant_claim_that_is_not_usable_rejects_the_token_with_its_reason() {
    let owner_tenant = |tenant: Value| {
        let claims = json!({"sub": "u", "exp": 1000, "tenant": tenant});
        verify(claims, 0).map(|identity| identity.owner.tenant)
    };
    let longest = "x".repeat(256);
    assert_eq!(owner_tenant(json!(longest)), Ok(Some(longest)));
    assert_eq!(owner_tenant(Value::Null), Ok(None), "as if it were absent");
    for (tenant, fault) in [
        (json!("x".repeat(257)), ClaimFault::TooLong),
        (json!("a\u{7}"), ClaimFault::ControlCharacter),
        (json!(""), ClaimFault::Empty),
        (json!(["x"]), ClaimFault::NotText),
        (json!({}), ClaimFault::NotText),
        (json!(false), ClaimFault::NotText),
        (json!(7), ClaimFault::NotText),
    ] {
        let claim = "tenant".to_owned();
        assert_eq!(
            owner_tenant(tenant),
            Err(TokenError::Tenant { claim, fault })
        );
    }
    // The first claim that the token has decides.
    let both = json!({"sub": "u", "exp": 1000, "tenant": "", "custom:tenant": "acme"});
    assert!(verify(both, 0).is_err());
    let second = json!({"sub": "u", "exp": 1000, "custom:tenant": "acme"});
    assert_eq!(
        verify(second, 0).unwrap().owner.tenant.as_deref(),
        Some("acme")
    );
}

#[test]
fn an_optional_claim_of_another_type_counts_as_absent() {
    for name in [
        "username",
        "cognito:username",
        "cognito:groups",
        "iat",
        "iss",
        "aud",
        "client_id",
        "token_use",
    ] {
        for value in [json!(7), json!(["x"]), json!({}), json!(true), Value::Null] {
            let mut claims = json!({"sub": "u", "exp": 1000});
            claims[name] = value;
            let identity = verify(claims.clone(), 0);
            let identity = identity.unwrap_or_else(|error| panic!("{claims}: {error}"));
            assert_eq!(identity.username, "u", "{claims}");
            assert!(!identity.is_admin, "{claims}");
        }
    }
    let second_name = json!({"sub": "u", "exp": 1000, "username": 7, "cognito:username": "Alice"});
    assert_eq!(verify(second_name, 0).unwrap().username, "Alice");
}

#[test]
fn an_admin_has_the_value_in_a_list_as_a_text_or_as_a_word() {
    let is_admin = |paths: &[&str], groups: Value| {
        let mut rules = rules();
        rules.claims.admin = paths
            .iter()
            .flat_map(|path| ClaimPath::parse(path))
            .collect();
        let mut claims = json!({"sub": "u", "exp": 1000});
        for (name, value) in groups.as_object().unwrap() {
            claims[name] = value.clone();
        }
        verify_by(&rules, claims, 0).unwrap().is_admin
    };
    let pointer = "/realm_access/roles";
    let url = "https://app.example/roles";
    for (path, groups) in [
        ("roles", json!({"roles": ["staff", "admin"]})),
        ("roles", json!({"roles": "admin"})),
        ("scope", json!({"scope": "openid admin email"})),
        (pointer, json!({"realm_access": {"roles": ["admin"]}})),
        (url, json!({url: ["admin"]})),
        ("/a~1b/0", json!({"a/b": ["admin"]})),
    ] {
        assert!(is_admin(&[path], groups.clone()), "{path} of {groups}");
        assert!(
            is_admin(&["none", path], groups.clone()),
            "{path} is the second"
        );
    }
    for (path, groups) in [
        (
            "roles",
            json!({"roles": ["administrator", "not admin", ["admin"], 7]}),
        ),
        ("roles", json!({"roles": "administrator"})),
        ("roles", json!({"roles": "Admin"})),
        ("roles", json!({"roles": "not-admin admin\tx"})),
        ("roles", json!({"roles": {"admin": true}})),
        ("roles", json!({"roles": true})),
        (
            "roles",
            json!({"groups": ["admin"], "cognito:groups": ["admin"]}),
        ),
        (pointer, json!({pointer: ["admin"]})),
        (pointer, json!({"realm_access": ["admin"]})),
        (
            "realm_access.roles",
            json!({"realm_access": {"roles": ["admin"]}}),
        ),
    ] {
        assert!(!is_admin(&[path], groups.clone()), "{path} of {groups}");
    }
}

#[test]
fn without_configuration_only_cognitos_groups_make_an_admin() {
    let is_admin = |name: &str, groups: Value| {
        let mut claims = json!({"sub": "u", "exp": 1000});
        claims[name] = groups;
        verify(claims, 0).unwrap().is_admin
    };
    assert!(is_admin("cognito:groups", json!(["staff", "admin"])));
    for name in ["groups", "roles", "scope", "permissions", "custom:groups"] {
        assert!(!is_admin(name, json!(["admin"])), "{name}");
    }
    assert!(!is_admin("realm_access", json!({"roles": ["admin"]})));
}

#[test]
fn configured_claims_make_the_identity() {
    let mut rules = rules();
    let path = |text: &str| ClaimPath::parse(text).unwrap();
    rules.claims = ClaimRules {
        user: path("oid"),
        tenant: vec![path("tid")],
        name: vec![path("nickname"), path("/profile/name")],
        admin: vec![path("roles")],
        admin_value: "Longhaul.Admin".into(),
    };
    let claims = json!({"sub": "pairwise", "oid": "o1", "tid": "t1", "tenant": "other", "iat": 400, "exp": 1000,
        "profile": {"name": "Alice"}, "roles": ["Longhaul.Admin"]});
    let identity = verify_by(&rules, claims, 500).unwrap();
    assert_eq!(identity.owner.user, "o1");
    assert_eq!(identity.owner.tenant.as_deref(), Some("t1"));
    assert_eq!(identity.username, "Alice");
    assert_eq!(identity.issued_at, Some(at(400)));
    assert!(identity.is_admin);
    // The standard claim does not stand in for the configured one.
    let without = verify_by(&rules, json!({"sub": "o1", "exp": 1000}), 0);
    assert_eq!(
        without.unwrap_err().for_client(),
        "The token lacks a usable 'oid' claim."
    );
    assert_eq!(ClaimPath::parse(""), None);
}
