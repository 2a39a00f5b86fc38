//! Who may ask for an action. Each type of caller proves what it was checked for.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::Owner;
use longhaul_shared::protocol::{ErrorCode, ErrorResponse};

use crate::app_context::AppContext;
use crate::caller_identity::name_for_logs;
use crate::frame::{ActionError, FrameContext};

/// A caller that an action accepts.
pub trait Caller: Sized + Send + Sync {
    /// Whether it may be a connection that has not authenticated.
    const IS_PUBLIC: bool = false;

    /// The frame's caller, or the error if it is not of this type.
    fn identify(
        app: &AppContext,
        frame: &FrameContext,
    ) -> impl Future<Output = Result<Self, ActionError>> + Send;
}

/// Any connection, authenticated or not.
pub struct Anyone;

impl Caller for Anyone {
    const IS_PUBLIC: bool = true;

    async fn identify(_app: &AppContext, _frame: &FrameContext) -> Result<Self, ActionError> {
        Ok(Self)
    }
}

/// A user whose token may have expired.
pub struct MaybeExpired(pub Identity);

impl Caller for MaybeExpired {
    async fn identify(app: &AppContext, frame: &FrameContext) -> Result<Self, ActionError> {
        let known = known_identity(app, frame).await?;
        let unknown = || ErrorResponse::authentication("Please authenticate first.");
        Ok(Self(known.ok_or_else(unknown)?))
    }
}

/// A user whose token has not expired.
impl Caller for Identity {
    async fn identify(app: &AppContext, frame: &FrameContext) -> Result<Self, ActionError> {
        let MaybeExpired(identity) = MaybeExpired::identify(app, frame).await?;
        if !identity.is_valid_at(frame.now) {
            let message = "The token has expired; renew it with 'refreshToken'.";
            return Err(ErrorResponse::authentication(message).into());
        }
        Ok(identity)
    }
}

/// An admin whose token has not expired. An admin administers one tenant.
pub struct Admin(Identity);

impl Caller for Admin {
    async fn identify(app: &AppContext, frame: &FrameContext) -> Result<Self, ActionError> {
        let identity = Identity::identify(app, frame).await?;
        Ok(Self(require_admin(app, frame, &identity).await?))
    }
}

impl Admin {
    pub fn identity(&self) -> &Identity {
        &self.0
    }

    /// Whether the admin administers this owner's tenant.
    pub fn administers(&self, owner: &Owner) -> bool {
        can_administer(&self.0, owner)
    }

    /// The admin as logs may name them.
    pub fn name_for_logs(&self) -> &str {
        name_for_logs(&self.0)
    }
}

/// The identity that the authorizer found at `$connect`, while its token is valid; it costs no read. Otherwise the
/// identity in the connection's row, which may have expired: also for an admin, whom a newer token may have made an
/// ordinary user since.
pub async fn known_identity(
    app: &AppContext,
    frame: &FrameContext,
) -> anyhow::Result<Option<Identity>> {
    match &frame.authorized {
        Some(identity) if identity.is_valid_at(frame.now) && !identity.is_admin => {
            Ok(Some(identity.clone()))
        }
        _ => app.stores.connections.identity(&frame.connection).await,
    }
}

/// The caller by the connection's latest token, which may have made an ordinary user an admin since `$connect`. Only
/// for such a user the connection's row is read.
pub async fn latest_identity(
    app: &AppContext,
    frame: &FrameContext,
    caller: &Identity,
) -> anyhow::Result<Identity> {
    let at_connect = frame.authorized.as_ref();
    // Otherwise the caller is what the row says already.
    let is_from_connect = at_connect.is_some_and(|identity| identity.is_valid_at(frame.now));
    if caller.is_admin || !is_from_connect {
        return Ok(caller.clone());
    }
    let latest = app.stores.connections.identity(&frame.connection).await?;
    let is_same = |latest: &Identity| latest.owner == caller.owner && latest.is_valid_at(frame.now);
    Ok(latest.filter(is_same).unwrap_or_else(|| caller.clone()))
}

/// The caller by the connection's latest token, who must be an admin.
pub async fn require_admin(
    app: &AppContext,
    frame: &FrameContext,
    caller: &Identity,
) -> Result<Identity, ActionError> {
    let latest = latest_identity(app, frame, caller).await?;
    if latest.is_admin {
        return Ok(latest);
    }
    let user = name_for_logs(caller);
    tracing::info!(connection = %frame.connection, user, "a user who is no admin asked for an admin's action");
    let message = "Only admins may do this.";
    Err(ErrorResponse::new(ErrorCode::Authorization, message).into())
}

/// Whether the caller is an admin of this owner's tenant.
pub fn can_administer(caller: &Identity, owner: &Owner) -> bool {
    caller.is_admin && owner.tenant == caller.owner.tenant
}
