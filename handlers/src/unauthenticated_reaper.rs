//! The sweep's other half: connections that nobody has authenticated on are closed (PROTOCOL 2).

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use longhaul_shared::domain::ids::ConnectionId;
use longhaul_shared::messaging::push::ConnectionPusher;
use longhaul_shared::settings::{Environment, SettingsError};
use longhaul_shared::store::connections::Connections;
use tokio::task::JoinSet;

/// Pages of the index that one sweep closes of each shard: more in all than the stage's throttle lets in
/// within a minute, and no more than the sweep has time for.
const PAGES: usize = 5;

#[derive(Clone)]
pub struct UnauthenticatedReaper {
    connections: Connections,
    push: ConnectionPusher,
    patience: Duration,
}

impl UnauthenticatedReaper {
    /// `STRANGER_SECONDS`: how long a connection may stay unknown.
    pub fn open(
        config: &Environment,
        connections: &Connections,
        push: &ConnectionPusher,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            connections: connections.clone(),
            push: push.clone(),
            patience: config.seconds("STRANGER_SECONDS")?,
        })
    }

    /// Closes those who have had their time.
    pub async fn see_out(&self, now: Timestamp) {
        let mut shards = JoinSet::new();
        for shard in Connections::shards() {
            let strangers = self.clone();
            shards.spawn(async move { strangers.shard(shard, now).await });
        }
        for swept in shards.join_all().await {
            if let Err(error) = swept {
                let error = format!("{error:#}");
                tracing::warn!(error, "unknown connections stay until the next sweep");
            }
        }
    }

    async fn shard(&self, shard: u8, now: Timestamp) -> Result<()> {
        let (before, mut start) = (now - self.patience, None);
        for _ in 0..PAGES {
            let (strangers, next) = self
                .connections
                .unauthenticated(shard, before, start)
                .await?;
            for stranger in strangers {
                self.close(&stranger, now).await?;
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
        if self.push.close(connection).await? {
            // `$disconnect` takes the row out of the index; where it is lost, the next sweep does.
            tracing::info!(%connection, "a connection was closed: nobody authenticated on it");
            return Ok(());
        }
        self.connections.close(connection, now).await.map(drop)
    }
}
