//! Connections whose end nobody reported: their rows say that they are open, and the gateway no longer has them.
//!
//! A full set of connections is compared with the gateway before anybody is refused for it.

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use longhaul_shared::domain::ids::{ConnectionId, Owner};
use longhaul_shared::messaging::push::{self, ConnectionPusher};
use longhaul_shared::store::connections::{OpenConnection, PlaceDecision};
use longhaul_shared::store::quota::RETRY_AFTER_FULL;

use crate::connection_end::{ConnectionEnder, EndReport};

/// The gateway does not have a connection before its `$connect` has ended: API Gateway waits for a function for at most
/// 29 s.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// Ends those of the connections that the gateway no longer has, and returns them.
pub async fn end_closed(
    ender: &ConnectionEnder,
    pusher: &ConnectionPusher,
    open: Vec<OpenConnection>,
    now: Timestamp,
) -> Result<Vec<ConnectionId>> {
    let has_opened = |one: &OpenConnection| {
        let connected_at = one.connected_at;
        connected_at.is_some_and(|at| at + HANDSHAKE_TIMEOUT < now)
    };
    let asked = open.into_iter().filter(has_opened);
    let look_up = |one: OpenConnection| {
        let pusher = pusher.clone();
        async move { (pusher.last_active(&one.connection).await, one.connection) }
    };
    let mut closed = vec![];
    for (last_active, connection) in push::for_each(asked, look_up).await {
        match last_active {
            Ok(Some(_)) => {}
            Ok(None) => {
                let report = EndReport {
                    reason: Some("the gateway no longer has it".to_owned()),
                    ..EndReport::default()
                };
                ender.end(&connection, report, now).await?;
                closed.push(connection);
            }
            // It counts as open.
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(%connection, error, "a connection was not looked up");
            }
        }
    }
    Ok(closed)
}

/// Takes a place among the owner's connections; `false` if `max` others are open by their rows and by the gateway.
pub async fn admit(
    ender: &ConnectionEnder,
    pusher: &ConnectionPusher,
    (owner, connection): (&Owner, &ConnectionId),
    max: u32,
    now: Timestamp,
) -> Result<bool> {
    let connections = &ender.connections;
    let decision = connections.admit(owner, connection, max, now).await?;
    let PlaceDecision::Full(full) = decision else {
        return Ok(true);
    };
    // So that a client that tries again and again does not cause a call for each of its connections each time.
    if full
        .checked_at
        .is_some_and(|at| now < at + RETRY_AFTER_FULL)
    {
        return Ok(false);
    }
    connections.set_checked(owner, now).await?;
    if end_closed(ender, pusher, full.open, now).await?.is_empty() {
        return Ok(false);
    }
    let decision = connections.admit(owner, connection, max, now).await?;
    Ok(matches!(decision, PlaceDecision::Admitted))
}
