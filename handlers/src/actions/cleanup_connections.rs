//! `cleanupConnections`: removes what is stale among the admin's tenant's connections, a page of the table
//! for each frame.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::ConnectionId;
use longhaul_shared::domain::limits;
use longhaul_shared::protocol::connections_cleaned;

use super::admin::scanned;
use crate::message::{ActionResult, AppContext, FrameContext};

/// Rows of the table that one frame looks at: what the gateway can be asked about in a few seconds.
const PAGE: u32 = 500;

pub async fn run(
    door: &AppContext,
    call: &FrameContext,
    speaker: &Identity,
    after: Option<ConnectionId>,
) -> ActionResult {
    let (rows, next) = scanned(door, speaker, after, PAGE).await?;
    let cleaned = door
        .push
        .clean(rows, limits::STALE_CONNECTION_AFTER, call.now)
        .await?;
    let request_id = call.request_id.as_deref();
    Ok(Some(connections_cleaned(
        cleaned,
        next.as_ref(),
        request_id,
        call.now,
    )))
}
