//! The identity matrix: tokens, keys and discovery documents of the shapes that common identity providers issue. For
//! each: users and admins sign in, and an admin administers one tenant.

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::issuer::{Issuer, SigningKey, key_set, stack_with_parameters};
use crate::support::log_secrets::EMAIL_DOMAIN;
use crate::support::stack::Stack;

/// A user of a provider.
struct Person {
    id: &'static str,
    tenant: &'static str,
    is_admin: bool,
}

const ALICE: Person = Person {
    id: "alice",
    tenant: "acme",
    is_admin: false,
};
const ROOT: Person = Person {
    id: "root",
    tenant: "acme",
    is_admin: true,
};
const GRETA: Person = Person {
    id: "greta",
    tenant: "globex",
    is_admin: false,
};

/// The shape of a provider's documents and tokens.
struct Provider {
    /// The issuer's path; `/` for one whose `iss` ends with a slash.
    issuer_path: &'static str,
    keys_path: &'static str,
    /// Changes the JWKS to the provider's form.
    keys: fn(Value) -> Value,
    /// The claims of a token, apart from `iss`, `iat` and `exp`.
    claims: fn(&Person) -> Value,
    parameters: &'static [&'static str],
    /// The user id and the name of alice, as the API has them.
    alice: (&'static str, &'static str),
}

impl Provider {
    /// A stack-in issuer of this shape, and its signing key.
    async fn start(&self) -> Result<(Issuer, SigningKey)> {
        let (issuer, key) = (Issuer::at(self.issuer_path).await?, SigningKey::rsa("k1"));
        issuer.publish_discovery(self.keys_path);
        issuer.serve(self.keys_path, (self.keys)(key_set(&[&key])));
        Ok((issuer, key))
    }

    fn token(&self, issuer: &Issuer, key: &SigningKey, person: &Person) -> String {
        let mut claims = (self.claims)(person);
        let now = Timestamp::now().as_second();
        claims["iss"] = issuer.url.as_str().into();
        claims["iat"] = now.into();
        claims["exp"] = (now + 3600).into();
        key.sign(&claims)
    }

    async fn check(&self) -> Result<()> {
        let (issuer, key) = self.start().await?;
        let parameters = [
            "TokenAlgorithms=RS256".to_owned(),
            format!("TokenIssuer={}", issuer.url),
        ];
        let parameters = parameters.iter().map(String::as_str);
        let parameters: Vec<&str> = parameters.chain(self.parameters.iter().copied()).collect();
        let stack = stack_with_parameters(&parameters).await?;
        let token = |person| self.token(&issuer, &key, person);
        self.check_sign_in(&stack, &token(&ALICE)).await?;
        check_tenants(&stack, &token(&ALICE), &token(&ROOT), &token(&GRETA)).await?;
        assert!(issuer.requests_for(self.keys_path) > 0);
        assert_eq!(
            issuer.requests_for(&issuer.well_known("jwks.json")) > 0,
            self.keys_path == issuer.well_known("jwks.json"),
            "the keys are asked for where the discovery document says"
        );
        let wrong_key = SigningKey::rsa("k1");
        let forged = self.token(&issuer, &wrong_key, &ROOT);
        let refused = Client::connect(&format!("{}/?token={forged}", stack.gateway), None).await;
        assert_eq!(refused.err().map(|refused| refused.0), Some(403));
        Ok(())
    }

    /// Signs in on the URL, by the subprotocol and by a frame.
    async fn check_sign_in(&self, stack: &Stack, token: &str) -> Result<()> {
        let url = format!("{}/?token={token}", stack.gateway);
        let offer = format!("longhaul.v1, {token}");
        let mut by_url = Client::connect(&url, None).await?;
        let mut by_offer = Client::connect(&stack.gateway, Some(&offer)).await?;
        let mut by_frame = Client::connect(&stack.gateway, None).await?;
        let frame = json!({"action": "authenticate"});
        let with_token = json!({"action": "authenticate", "token": token});
        for answer in [
            by_url.request(frame.clone()).await?,
            by_offer.request(frame).await?,
            by_frame.request(with_token).await?,
        ] {
            let (user, name) = self.alice;
            assert_eq!(
                (&answer["type"], &answer["userId"], &answer["username"]),
                (&json!("authenticated"), &json!(user), &json!(name)),
                "{answer}"
            );
        }
        Ok(())
    }
}

/// The admin sees what is their tenant's, and nobody else does.
async fn check_tenants(stack: &Stack, alice: &str, root: &str, greta: &str) -> Result<()> {
    let connect = async |token: &str| {
        Client::connect(&format!("{}/?token={token}", stack.gateway), None).await
    };
    let (mut alice, mut root, mut greta) = (
        connect(alice).await?,
        connect(root).await?,
        connect(greta).await?,
    );
    let noop = json!({"action": "query", "kind": "noop", "query": "mine"});
    let (hers, other) = (alice.submit(noop.clone()).await?, greta.submit(noop).await?);
    alice.until("job_completed").await?;
    greta.until("job_completed").await?;
    let job = |id: &str| json!({"action": "getJob", "jobId": id});
    assert_eq!(
        root.request(job(&hers)).await?["job"]["status"],
        "completed"
    );
    assert_eq!(root.request(job(&other)).await?["job"]["status"], "gone");
    assert_eq!(alice.request(job(&other)).await?["job"]["status"], "gone");
    let list = json!({"action": "listConnections", "limit": 100});
    let listed = root.request(list.clone()).await?;
    let listed = listed["connections"].as_array().context("no list")?.clone();
    assert!(!listed.is_empty());
    assert!(
        listed.iter().all(|row| row["tenantId"] == "acme"),
        "{listed:?}"
    );
    for user in [&mut alice, &mut greta] {
        assert_eq!(user.error_code(list.clone()).await?, "AUTHORIZATION_ERROR");
    }
    Ok(())
}

/// The roles of a person, beside those that everybody has.
fn roles(person: &Person, everybodys: &str, admins: &str) -> Value {
    match person.is_admin {
        true => json!([everybodys, admins]),
        false => json!([everybodys]),
    }
}

#[tokio::test]
async fn cognitos_tokens_sign_in_with_admin_and_tenant() -> Result<()> {
    let provider = Provider {
        issuer_path: "/eu-west-1_abcdef",
        keys_path: "/eu-west-1_abcdef/.well-known/jwks.json",
        keys: |keys| keys,
        claims: |person| {
            json!({"sub": person.id, "cognito:groups": roles(person, "staff", "admin"), "version": 2,
                "client_id": "app", "origin_jti": "6c1c2b1e", "event_id": "a5f0", "token_use": "access",
                "scope": "openid profile", "auth_time": 1_700_000_000, "jti": "7d2e",
                "username": format!("{}.name", person.id), "custom:tenant": person.tenant})
        },
        parameters: &["TokenAudiences=app", "TokenUse=access"],
        alice: ("alice", "alice.name"),
    };
    provider.check().await
}

#[tokio::test]
async fn cognitos_id_tokens_sign_in_with_admin_and_tenant() -> Result<()> {
    let provider = Provider {
        issuer_path: "/eu-west-1_abcdef",
        keys_path: "/eu-west-1_abcdef/.well-known/jwks.json",
        keys: |keys| keys,
        claims: |person| {
            json!({"sub": person.id, "cognito:groups": roles(person, "staff", "admin"), "aud": "app",
                "email_verified": true, "cognito:username": format!("{}.name", person.id),
                "email": format!("{}{EMAIL_DOMAIN}", person.id), "token_use": "id",
                "auth_time": 1_700_000_000, "custom:tenant": person.tenant})
        },
        parameters: &["TokenAudiences=app", "TokenUse=id"],
        alice: ("alice", "alice.name"),
    };
    provider.check().await
}

#[tokio::test]
async fn auth0s_tokens_sign_in_with_admin_and_tenant() -> Result<()> {
    let provider = Provider {
        issuer_path: "/",
        keys_path: "/.well-known/jwks.json",
        keys: |mut keys| {
            keys["keys"][0]["x5t"] = "thumbprint".into();
            keys["keys"][0]["x5c"] = json!(["MIIDDT"]);
            keys
        },
        claims: |person| {
            json!({"sub": format!("auth0|{}", person.id), "aud": ["https://longhaul.example", "https://x.auth0.example/userinfo"],
                "azp": "spa", "scope": "openid profile email", "org_id": person.tenant,
                "permissions": ["read:jobs"], "https://longhaul.example/roles": roles(person, "staff", "admin")})
        },
        parameters: &[
            "TokenAudiences=https://longhaul.example",
            "AdminClaim=https://longhaul.example/roles",
            "TenantClaim=org_id",
        ],
        alice: ("auth0|alice", "auth0|alice"),
    };
    provider.check().await
}

#[tokio::test]
async fn keycloaks_tokens_sign_in_with_admin_and_tenant() -> Result<()> {
    let provider = Provider {
        issuer_path: "/realms/main",
        keys_path: "/realms/main/protocol/openid-connect/certs",
        keys: |mut keys| {
            // The key for encryption comes first.
            let mut encryption = keys["keys"][0].clone();
            encryption["kid"] = "encryption".into();
            encryption["use"] = "enc".into();
            encryption["alg"] = "RSA-OAEP".into();
            json!({"keys": [encryption, keys["keys"][0].take()]})
        },
        claims: |person| {
            json!({"sub": person.id, "typ": "Bearer", "azp": "spa", "aud": ["longhaul", "account"], "sid": "2b6e",
                "acr": "1", "allowed-origins": ["https://app.example"], "scope": "profile email",
                "realm_access": {"roles": roles(person, "default-roles-main", "longhaul-admin")},
                "resource_access": {"account": {"roles": ["manage-account", "admin"]}},
                "email_verified": false, "preferred_username": format!("{}.name", person.id), "tenant": person.tenant})
        },
        parameters: &[
            "TokenAudiences=longhaul",
            "AdminClaim=/realm_access/roles",
            "AdminValue=longhaul-admin",
            "NameClaim=preferred_username",
        ],
        alice: ("alice", "alice.name"),
    };
    provider.check().await
}

#[tokio::test]
async fn entras_tokens_sign_in_with_admin_and_tenant() -> Result<()> {
    let provider = Provider {
        issuer_path: "/9188040d/v2.0",
        keys_path: "/9188040d/discovery/v2.0/keys",
        keys: |mut keys| {
            // Entra states no algorithm.
            if let Some(key) = keys["keys"][0].as_object_mut() {
                key.remove("alg");
                key.insert("x5t".to_owned(), "thumbprint".into());
            }
            keys
        },
        claims: |person| {
            json!({"sub": format!("pairwise-{}", person.id), "oid": person.id, "tid": person.tenant,
                "aud": "6e74172b", "azp": "6e74172b", "azpacr": "0", "nbf": 1_700_000_000, "aio": "ATQAy", "rh": "0.AX",
                "name": "A name", "preferred_username": format!("{}.name", person.id), "scp": "access_as_user",
                "roles": roles(person, "Longhaul.User", "Longhaul.Admin"), "uti": "fqiB", "ver": "2.0"})
        },
        parameters: &[
            "TokenAudiences=6e74172b",
            "UserClaim=oid",
            "TenantClaim=tid",
            "NameClaim=preferred_username",
            "AdminClaim=roles",
            "AdminValue=Longhaul.Admin",
        ],
        alice: ("alice", "alice.name"),
    };
    provider.check().await
}

#[tokio::test]
async fn oktas_tokens_sign_in_with_admin_and_tenant() -> Result<()> {
    let provider = Provider {
        issuer_path: "/oauth2/default",
        keys_path: "/oauth2/default/v1/keys",
        keys: |keys| keys,
        claims: |person| {
            json!({"ver": 1, "jti": "AT.0mP4", "aud": "api://default", "cid": "0oa1", "uid": person.id,
                "scp": ["openid", "profile"], "auth_time": 1_700_000_000, "tenant": person.tenant,
                "sub": format!("{}{EMAIL_DOMAIN}", person.id), "groups": roles(person, "Everyone", "admin")})
        },
        parameters: &[
            "TokenAudiences=api://default",
            "UserClaim=uid",
            "AdminClaim=groups",
        ],
        alice: ("alice", "alice"),
    };
    provider.check().await
}
