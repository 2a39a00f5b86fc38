//! `refreshToken`: a newer token of the same user renews the connection.

use longhaul_shared::auth::Identity;
use longhaul_shared::protocol::{Refusal, token_refreshed};

use super::authenticate::{bind, verified};
use crate::message::{Answer, Call, Door};

pub async fn run(door: &Door, call: &Call, speaker: &Identity, token: &str) -> Answer {
    let identity = verified(door, call, token).await?;
    if identity.owner != speaker.owner {
        return Err(Refusal::authentication("The token is another user's.").into());
    }
    bind(door, call, &identity).await?;
    Ok(Some(token_refreshed(
        &identity,
        call.request_id.as_deref(),
        call.now,
    )))
}
