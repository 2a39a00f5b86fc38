//! `refreshToken`: a newer token of the same user renews the connection.

use longhaul_shared::auth::Identity;
use longhaul_shared::protocol::{ErrorResponse, token_refreshed};

use super::authenticate::{bind, verified};
use crate::message::{ActionResult, AppContext, FrameContext};

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    token: &str,
) -> ActionResult {
    let identity = verified(door, call, token).await?;
    if identity.owner != speaker.owner {
        return Err(ErrorResponse::authentication("The token is another user's.").into());
    }
    bind(door, call, &identity).await?;
    Ok(Some(token_refreshed(
        &identity,
        call.request_id.as_deref(),
        call.now,
    )))
}
