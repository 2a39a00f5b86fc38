//! `authenticate`: binds an identity to the connection, or names the one that is already bound.

use longhaul_shared::auth::Identity;
use longhaul_shared::store::connections::Binding;
use longhaul_shared::protocol::{Claimed, Refusal, authenticated};

use crate::message::{Answer, Call, Door, No};
use crate::Trust;
use crate::quota;
use crate::speaker;

pub async fn run(door: &Door, call: &Call, token: Option<String>, claimed: Claimed) -> Answer {
    let identity = match token {
        Some(token) => {
            let identity = verified(door, call, &token).await?;
            agree(&identity, &claimed)?;
            bind(door, call, &identity).await?;
            identity
        }
        None => known(door, call, &claimed).await?,
    };
    Ok(Some(authenticated(
        &identity,
        &call.connection,
        call.request_id.as_deref(),
        call.now,
    )))
}

/// Without a token: whoever the connection is known to be; in local development also whoever it claims.
async fn known(door: &Door, call: &Call, claimed: &Claimed) -> Result<Identity, No> {
    if let (Trust::Claims, None, Some(user)) = (door.trust, &call.introduced, &claimed.user_id) {
        let identity = speaker::claimed(user, claimed.username.as_deref(), call.now);
        bind(door, call, &identity).await?;
        return Ok(identity);
    }
    let identity = match &call.introduced {
        Some(identity) if identity.holds(call.now) => Some(identity.clone()),
        _ => door
            .connections
            .identity(&call.connection)
            .await?
            .filter(|identity| identity.holds(call.now)),
    };
    let identity = identity.ok_or_else(|| Refusal::authentication("'token' is missing."))?;
    agree(&identity, claimed)?;
    Ok(identity)
}

/// The identity that the token proves.
pub async fn verified(door: &Door, call: &Call, token: &str) -> Result<Identity, No> {
    let verified = door.verifier.verify(token, call.now).await?;
    verified.map_err(No::Unbelieved)
}

/// Binds the identity to the connection unless that is somebody else's already.
/// Whoever comes to it new is sent what waits for them.
pub async fn bind(door: &Door, call: &Call, identity: &Identity) -> Result<(), No> {
    quota::take_room(door, call, &identity.owner).await?;
    let refused = match door
        .connections
        .bind(&call.connection, identity, call.now)
        .await?
    {
        Binding::Bound => {
            let user = speaker::name_for_the_log(identity);
            tracing::info!(connection = %call.connection, user, "a connection was authenticated");
            let deliveries = &door.deliveries;
            deliveries.greet(&identity.owner, &call.connection).await;
            return Ok(());
        }
        Binding::Renewed => return Ok(()),
        Binding::Taken => "This connection belongs to another user.",
        Binding::Gone => "This connection is closed.",
    };
    Err(Refusal::authentication(refused).into())
}

/// A claimed identity is compared with the verified one and never used.
pub fn agree(identity: &Identity, claimed: &Claimed) -> Result<(), Refusal> {
    let differs =
        |claim: &Option<String>, known: &str| claim.as_deref().is_some_and(|claim| claim != known);
    if differs(&claimed.user_id, &identity.owner.user) {
        return Err(
            Refusal::authentication("'userId' differs from the token's.").with("field", "userId"),
        );
    }
    if differs(&claimed.username, &identity.username) {
        return Err(
            Refusal::authentication("'username' differs from the token's.")
                .with("field", "username"),
        );
    }
    Ok(())
}
