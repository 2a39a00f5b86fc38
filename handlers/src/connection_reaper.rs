//! The part of the sweep that closes connections on which nobody has authenticated in time, and those whose token has
//! expired and was not renewed.

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use longhaul_shared::domain::ids::ConnectionId;
use longhaul_shared::domain::token_expiry::LEEWAY;
use longhaul_shared::messaging::push::ConnectionPusher;
use longhaul_shared::store::connections::Connections;
use tokio::task::JoinSet;

use crate::connection_end::{ConnectionEnder, EndReport};

/// Pages of each shard of an index whose connections one sweep closes: together more than the stage's throttle
/// admits in a minute. What is left is the next sweep's.
const MAX_PAGES: usize = 5;
/// How long a client has to renew its token after it counts as expired.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a connection is closed.
#[derive(Clone, Copy)]
enum Overdue {
    /// Nobody authenticated on it in time.
    Authentication,
    /// Its token expired and was not renewed in time.
    Renewal,
}

#[derive(Clone)]
pub struct ConnectionReaper {
    pub ender: ConnectionEnder,
    pub pusher: ConnectionPusher,
    /// How long a connection may stay unauthenticated.
    pub authentication_timeout: Duration,
}

impl ConnectionReaper {
    /// Closes the connections that are unauthenticated, or whose token has expired, for longer than they may be.
    pub async fn close_overdue(&self, now: Timestamp) {
        let mut shards = JoinSet::new();
        for overdue in [Overdue::Authentication, Overdue::Renewal] {
            for shard in Connections::shards() {
                let reaper = self.clone();
                shards.spawn(async move { reaper.close_shard(overdue, shard, now).await });
            }
        }
        for closed in shards.join_all().await {
            if let Err(error) = closed {
                let error = format!("{error:#}");
                tracing::warn!(
                    error,
                    "closing overdue connections failed; the next sweep will repeat it"
                );
            }
        }
    }

    async fn close_shard(&self, overdue: Overdue, shard: u8, now: Timestamp) -> Result<()> {
        let before = match overdue {
            Overdue::Authentication => now - self.authentication_timeout,
            Overdue::Renewal => now - LEEWAY - RENEWAL_TIMEOUT,
        };
        let mut start = None;
        for _ in 0..MAX_PAGES {
            let (connections, next) = match overdue {
                Overdue::Authentication => {
                    let page = self.ender.connections.unauthenticated(shard, before, start);
                    page.await?
                }
                Overdue::Renewal => {
                    let page = self.ender.connections.expired(shard, before, start);
                    page.await?
                }
            };
            for connection in connections {
                // One that can't be closed does not keep the others open.
                if let Err(error) = self.close(overdue, &connection, before, now).await {
                    let error = format!("{error:#}");
                    tracing::warn!(%connection, error, "closing an overdue connection failed; the next sweep will repeat it");
                }
            }
            start = next;
            if start.is_none() {
                break;
            }
        }
        Ok(())
    }

    async fn close(
        &self,
        overdue: Overdue,
        connection: &ConnectionId,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        // First, so that no identity is bound to a connection that is being closed.
        let connections = &self.ender.connections;
        let is_blocked = match overdue {
            Overdue::Authentication => connections.block_authentication(connection).await?,
            Overdue::Renewal => connections.block_renewal(connection, before).await?,
        };
        if !is_blocked {
            return Ok(());
        }
        if self.pusher.close(connection).await? {
            // `$disconnect` does the rest. If that is lost, the next sweep does.
            match overdue {
                Overdue::Authentication => {
                    tracing::info!(%connection, "a connection was closed: nobody authenticated on it");
                }
                Overdue::Renewal => {
                    tracing::info!(%connection, "a connection was closed: its token expired and was not renewed");
                }
            }
            return Ok(());
        }
        let report = EndReport {
            reason: Some("the gateway no longer has it".to_owned()),
            ..EndReport::default()
        };
        self.ender.end(connection, report, now).await
    }
}
