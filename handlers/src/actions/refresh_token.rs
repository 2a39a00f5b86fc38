//! `refreshToken`: a newer token of the same user renews the connection, also after the old one has expired.

use longhaul_shared::protocol::request::RefreshTokenRequest;
use longhaul_shared::protocol::{ErrorResponse, Fields, Response};

use crate::action::Action;
use crate::app_context::AppContext;
use crate::caller::MaybeExpired;
use crate::connection_identity::{bind, verify};
use crate::frame::{ActionResult, FrameContext};

pub struct RefreshToken {
    token: String,
}

impl Action for RefreshToken {
    type Caller = MaybeExpired;
    type Request = RefreshTokenRequest;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self {
            token: fields.required("token")?.to_owned(),
        })
    }

    async fn run(
        self,
        app: &AppContext,
        frame: &FrameContext,
        MaybeExpired(caller): &MaybeExpired,
    ) -> ActionResult {
        let identity = verify(app, frame, &self.token).await?;
        if identity.owner != caller.owner {
            return Err(ErrorResponse::authentication("The token is another user's.").into());
        }
        bind(app, frame, &identity).await?;
        let expires_at = identity.expires_at.as_second();
        frame.respond(Response::TokenRefreshed { expires_at })
    }
}
