//! The identity that API Gateway hands on with a connection's events: the authorizer's context, written at
//! `$connect`.
//!
//! API Gateway keeps the context for the connection's life and hands on text only. Only the authorizer can set it,
//! so it is as trustworthy as the authorizer.

use std::collections::HashMap;

use jiff::Timestamp;
use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::Owner;
use longhaul_shared::protocol::{ClaimedIdentity, ErrorResponse};
use serde_json::{Map, Value};

/// The subprotocol that the gateway selects.
pub const SUBPROTOCOL: &str = "longhaul.v1";

/// The context that the authorizer returns for an identity.
pub fn to_context(identity: &Identity) -> Map<String, Value> {
    let mut context = Map::from_iter([
        ("userId".to_owned(), identity.owner.user.as_str().into()),
        ("username".to_owned(), identity.username.as_str().into()),
        (
            "expiresAt".to_owned(),
            identity.expires_at.as_second().to_string().into(),
        ),
    ]);
    if let Some(tenant) = &identity.owner.tenant {
        context.insert("tenantId".to_owned(), tenant.as_str().into());
    }
    if let Some(issued_at) = identity.issued_at {
        let issued_at = issued_at.as_second().to_string();
        context.insert("issuedAt".to_owned(), issued_at.into());
    }
    if identity.is_admin {
        context.insert("admin".to_owned(), "true".into());
    }
    context
}

/// The identity in an event's context; `None` if there was no token at `$connect`.
pub fn from_context(context: &HashMap<String, Value>) -> Option<Identity> {
    let text = |name: &str| context.get(name).and_then(Value::as_str).map(str::to_owned);
    let user = text("userId")?;
    let time = |name: &str| Timestamp::from_second(text(name)?.parse().ok()?).ok();
    let expires_at = time("expiresAt")?;
    let username = text("username").unwrap_or_else(|| user.clone());
    Some(Identity {
        owner: Owner {
            user,
            tenant: text("tenantId"),
        },
        username,
        issued_at: time("issuedAt"),
        expires_at,
        is_admin: text("admin").as_deref() == Some("true"),
    })
}

/// The identity that local development takes from a mere claim; it is valid for a day.
pub fn claimed_identity(user: &str, username: Option<&str>, now: Timestamp) -> Identity {
    let day = std::time::Duration::from_secs(24 * 3600);
    let owner = Owner {
        user: user.to_owned(),
        tenant: None,
    };
    Identity {
        owner,
        username: username.unwrap_or(user).to_owned(),
        issued_at: Some(now),
        expires_at: now + day,
        is_admin: false,
    }
}

/// Rejects a claimed identity that differs from the verified one.
pub fn check_claims(identity: &Identity, claimed: &ClaimedIdentity) -> Result<(), ErrorResponse> {
    let claims = [
        ("userId", &claimed.user_id, &identity.owner.user),
        ("username", &claimed.username, &identity.username),
    ];
    for (name, claim, verified) in claims {
        if claim.as_ref().is_some_and(|claim| claim != verified) {
            let message = format!("'{name}' differs from the token's.");
            return Err(ErrorResponse::authentication(message).with("field", name));
        }
    }
    Ok(())
}

/// The user as logs may name them: without e-mail addresses.
pub fn name_for_logs(identity: &Identity) -> &str {
    let user = &identity.owner.user;
    if user.contains('@') {
        "(an address)"
    } else {
        user
    }
}

/// The subprotocols that a client offers in `Sec-WebSocket-Protocol`.
pub fn offered_subprotocols(header: Option<&str>) -> impl Iterator<Item = &str> {
    header
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|offer| !offer.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_survives_the_authorizers_context() {
        for (tenant, is_admin) in [(None, true), (Some("acme".to_owned()), false)] {
            let identity = Identity {
                owner: Owner {
                    user: "u".into(),
                    tenant,
                },
                username: "Alice".into(),
                issued_at: is_admin.then(|| Timestamp::from_second(1000).unwrap()),
                expires_at: Timestamp::from_second(1234).unwrap(),
                is_admin,
            };
            let context = to_context(&identity).into_iter().collect();
            assert_eq!(from_context(&context), Some(identity));
        }
        assert_eq!(from_context(&HashMap::new()), None);
    }
}
