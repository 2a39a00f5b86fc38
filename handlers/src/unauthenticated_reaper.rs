//! The part of the sweep that closes connections on which nobody has authenticated in time.

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use longhaul_shared::domain::ids::ConnectionId;
use longhaul_shared::messaging::push::ConnectionPusher;
use longhaul_shared::store::connections::Connections;
use tokio::task::JoinSet;

/// Pages of each shard of the index whose connections one sweep closes: together more than the stage's throttle
/// admits in a minute, and no more than the sweep has time for.
const MAX_PAGES: usize = 5;

#[derive(Clone)]
pub struct UnauthenticatedReaper {
    pub connections: Connections,
    pub pusher: ConnectionPusher,
    /// How long a connection may stay unauthenticated.
    pub timeout: Duration,
}

impl UnauthenticatedReaper {
    /// Closes the connections that are unauthenticated for longer than the timeout.
    pub async fn close_unauthenticated(&self, now: Timestamp) {
        let mut shards = JoinSet::new();
        for shard in Connections::shards() {
            let reaper = self.clone();
            shards.spawn(async move { reaper.close_shard(shard, now).await });
        }
        for closed in shards.join_all().await {
            if let Err(error) = closed {
                let error = format!("{error:#}");
                tracing::warn!(
                    error,
                    "closing unauthenticated connections failed; the next sweep will repeat it"
                );
            }
        }
    }

    async fn close_shard(&self, shard: u8, now: Timestamp) -> Result<()> {
        let (before, mut start) = (now - self.timeout, None);
        for _ in 0..MAX_PAGES {
            let page = self.connections.unauthenticated(shard, before, start);
            let (connections, next) = page.await?;
            for connection in connections {
                self.close(&connection, now).await?;
            }
            start = next;
            if start.is_none() {
                break;
            }
        }
        Ok(())
    }

    async fn close(&self, connection: &ConnectionId, now: Timestamp) -> Result<()> {
        // First, so that no identity is bound to a connection that is being closed.
        if !self.connections.block_authentication(connection).await? {
            return Ok(());
        }
        if self.pusher.close(connection).await? {
            // `$disconnect` removes the row from the index. If that is lost, the next sweep does.
            tracing::info!(%connection, "a connection was closed: nobody authenticated on it");
            return Ok(());
        }
        self.connections.close(connection, now).await.map(drop)
    }
}
