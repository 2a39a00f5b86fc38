//! `authenticate`: binds an identity to the connection, or names the one that is already bound.

use longhaul_shared::auth::Identity;
use longhaul_shared::protocol::{ClaimedIdentity, ErrorResponse, authenticated};
use longhaul_shared::store::connections::BindOutcome;

use crate::IdentityMode;
use crate::caller_identity;
use crate::message::{ActionError, ActionResult, AppContext, FrameContext};
use crate::quota;

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    token: Option<String>,
    claimed: ClaimedIdentity,
) -> ActionResult {
    let identity = match token {
        Some(token) => {
            let identity = verified(door, call, &token).await?;
            check_claims(&identity, &claimed)?;
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
async fn known(
    door: &AppContext,
    call: &FrameContext,
    claimed: &ClaimedIdentity,
) -> Result<Identity, ActionError> {
    if let (IdentityMode::Claims, None, Some(user)) =
        (door.trust, &call.authorized, &claimed.user_id)
    {
        let identity = caller_identity::claimed(user, claimed.username.as_deref(), call.now);
        bind(door, call, &identity).await?;
        return Ok(identity);
    }
    let identity = match &call.authorized {
        Some(identity) if identity.is_valid_at(call.now) => Some(identity.clone()),
        _ => door
            .connections
            .identity(&call.connection)
            .await?
            .filter(|identity| identity.is_valid_at(call.now)),
    };
    let identity = identity.ok_or_else(|| ErrorResponse::authentication("'token' is missing."))?;
    check_claims(&identity, claimed)?;
    Ok(identity)
}

/// The identity that the token proves.
pub async fn verified(
    door: &AppContext,
    call: &FrameContext,
    token: &str,
) -> Result<Identity, ActionError> {
    let verified = door.verifier.verify(token, call.now).await?;
    verified.map_err(ActionError::InvalidToken)
}

/// Binds the identity to the connection unless that is somebody else's already.
/// Whoever comes to it new is sent what waits for them.
pub async fn bind(
    door: &AppContext,
    call: &FrameContext,
    identity: &Identity,
) -> Result<(), ActionError> {
    quota::admit_connection(door, call, &identity.owner).await?;
    let refused = match door
        .connections
        .bind(&call.connection, identity, call.now)
        .await?
    {
        BindOutcome::Bound => {
            let user = caller_identity::name_for_the_log(identity);
            tracing::info!(connection = %call.connection, user, "a connection was authenticated");
            let deliveries = &door.deliveries;
            deliveries
                .request_delivery(&identity.owner, &call.connection)
                .await;
            return Ok(());
        }
        BindOutcome::Renewed => return Ok(()),
        BindOutcome::OtherOwner => "This connection belongs to another user.",
        BindOutcome::Gone => "This connection is closed.",
    };
    Err(ErrorResponse::authentication(refused).into())
}

/// A claimed identity is compared with the verified one and never used.
pub fn check_claims(identity: &Identity, claimed: &ClaimedIdentity) -> Result<(), ErrorResponse> {
    let differs =
        |claim: &Option<String>, known: &str| claim.as_deref().is_some_and(|claim| claim != known);
    if differs(&claimed.user_id, &identity.owner.user) {
        return Err(
            ErrorResponse::authentication("'userId' differs from the token's.")
                .with("field", "userId"),
        );
    }
    if differs(&claimed.username, &identity.username) {
        return Err(
            ErrorResponse::authentication("'username' differs from the token's.")
                .with("field", "username"),
        );
    }
    Ok(())
}
