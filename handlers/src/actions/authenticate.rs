//! `authenticate`: binds an identity to the connection, or names the one that is bound already.

use longhaul_shared::auth::Identity;
use longhaul_shared::protocol::request::AuthenticateRequest;
use longhaul_shared::protocol::{ClaimedIdentity, ErrorResponse, Fields, Response};

use crate::IdentityMode;
use crate::action::Action;
use crate::app_context::AppContext;
use crate::caller::{Anyone, known_identity};
use crate::caller_identity::{check_claims, claimed_identity};
use crate::connection_identity::{bind, verify};
use crate::frame::{ActionError, ActionResult, FrameContext};

pub struct Authenticate {
    token: Option<String>,
    claimed: ClaimedIdentity,
}

impl Action for Authenticate {
    type Caller = Anyone;
    type Request = AuthenticateRequest;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self {
            token: fields.text("token")?.map(Into::into),
            claimed: fields.claimed_identity()?,
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, _caller: &Anyone) -> ActionResult {
        let identity = match &self.token {
            Some(token) => {
                let identity = verify(app, frame, token).await?;
                check_claims(&identity, &self.claimed)?;
                bind(app, frame, &identity).await?;
                identity
            }
            None => without_token(app, frame, &self.claimed).await?,
        };
        let username = &identity.username;
        frame.respond(Response::Authenticated {
            message: format!("Welcome {username}! You can now submit queries."),
            user_id: identity.owner.user,
            username: username.clone(),
            connection_id: frame.connection.0.clone(),
            expires_at: identity.expires_at.as_second(),
        })
    }
}

/// The identity that the connection has already; in local development also the claimed one.
async fn without_token(
    app: &AppContext,
    frame: &FrameContext,
    claimed: &ClaimedIdentity,
) -> Result<Identity, ActionError> {
    if let (IdentityMode::Claims, None, Some(user)) =
        (app.identity_mode, &frame.authorized, &claimed.user_id)
    {
        let identity = claimed_identity(user, claimed.username.as_deref(), frame.now);
        bind(app, frame, &identity).await?;
        return Ok(identity);
    }
    let known = known_identity(app, frame).await?;
    let valid = known.filter(|identity| identity.is_valid_at(frame.now));
    let identity = valid.ok_or_else(|| ErrorResponse::authentication("'token' is missing."))?;
    check_claims(&identity, claimed)?;
    Ok(identity)
}
