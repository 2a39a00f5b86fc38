//! Who is behind an event, as far as API Gateway tells: the authorizer's context, written at
//! `$connect` and read on every later event of the connection.
//!
//! API Gateway keeps the context for the connection's life and passes texts only; it is as
//! trustworthy as the authorizer, which alone can set it.

use std::collections::HashMap;

use jiff::Timestamp;
use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::Owner;
use serde_json::{Map, Value};

/// The subprotocol that we speak (PROTOCOL 2).
pub const SUBPROTOCOL: &str = "longhaul.v1";

/// An identity as the authorizer hands it on.
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
    if identity.is_admin {
        context.insert("admin".to_owned(), "true".into());
    }
    context
}

/// The identity in a later event's context; `None` where nobody spoke at `$connect`.
pub fn from_context(context: &HashMap<String, Value>) -> Option<Identity> {
    let text = |name: &str| context.get(name).and_then(Value::as_str).map(str::to_owned);
    let user = text("userId")?;
    let expires_at = Timestamp::from_second(text("expiresAt")?.parse().ok()?).ok()?;
    let username = text("username").unwrap_or_else(|| user.clone());
    Some(Identity {
        owner: Owner {
            user,
            tenant: text("tenantId"),
        },
        username,
        expires_at,
        is_admin: text("admin").as_deref() == Some("true"),
    })
}

/// The identity that local development takes from a bare claim, far from expiring.
pub fn claimed(user: &str, username: Option<&str>, now: Timestamp) -> Identity {
    let day = std::time::Duration::from_secs(24 * 3600);
    let owner = Owner {
        user: user.to_owned(),
        tenant: None,
    };
    Identity {
        owner,
        username: username.unwrap_or(user).to_owned(),
        expires_at: now + day,
        is_admin: false,
    }
}

/// The user as logs may name them: an e-mail address stays in the connection's row.
pub fn name_for_the_log(identity: &Identity) -> &str {
    let user = &identity.owner.user;
    if user.contains('@') {
        "(an address)"
    } else {
        user
    }
}

/// What a client offers in `Sec-WebSocket-Protocol`.
pub fn offered(header: Option<&str>) -> impl Iterator<Item = &str> {
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
                expires_at: Timestamp::from_second(1234).unwrap(),
                is_admin,
            };
            let context = to_context(&identity).into_iter().collect();
            assert_eq!(from_context(&context), Some(identity));
        }
        assert_eq!(from_context(&HashMap::new()), None);
    }
}
