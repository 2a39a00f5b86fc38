//! Operations on many connections, for the commands of operators and the actions of admins.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;

use super::bounded::for_each;
use super::{ConnectionPusher, PushOutcome};
use crate::domain::connection::{
    BroadcastOutcome, CleanupOutcome, ConnectionRow, DisconnectOutcome,
};
use crate::domain::ids::ConnectionId;

/// The outcome of checking one row.
enum RowOutcome {
    Removed,
    Closed,
    Kept,
}

impl ConnectionPusher {
    /// Pushes the same frame to all connections.
    pub async fn broadcast(&self, connections: Vec<ConnectionId>, frame: &str) -> BroadcastOutcome {
        let frame: Arc<str> = frame.into();
        let frames = connections.into_iter().map(|to| (to, vec![frame.clone()]));
        let posted = self.post_each(frames, |frame: &Arc<str>| Some(Cow::Borrowed(frame)));
        let mut outcome = BroadcastOutcome::default();
        for one in posted.await {
            match one.outcome {
                PushOutcome::Sent => outcome.sent += 1,
                PushOutcome::Gone => outcome.gone += 1,
                PushOutcome::Lost => outcome.lost += 1,
            }
        }
        outcome
    }

    /// Closes a connection, or removes its row if the gateway does not have it.
    pub async fn disconnect(&self, connection: &ConnectionId) -> Result<DisconnectOutcome> {
        if self.close(connection).await? {
            return Ok(DisconnectOutcome::Closed);
        }
        Ok(match self.connections.remove(connection).await? {
            true => DisconnectOutcome::RowRemoved,
            false => DisconnectOutcome::Unknown,
        })
    }

    /// Checks the rows without activity for `idle` with the gateway: removes those that it does not have, and
    /// closes those that are idle there too. The row lags up to a minute and does not record pushes.
    pub async fn clean(
        &self,
        rows: Vec<ConnectionRow>,
        idle: Duration,
        now: Timestamp,
    ) -> Result<CleanupOutcome> {
        let is_stale = |row: &ConnectionRow| row.is_open && row.last_activity + idle <= now;
        let stale: Vec<ConnectionRow> = rows.into_iter().filter(is_stale).collect();
        let clean = |row: ConnectionRow| {
            let pusher = self.clone();
            async move { pusher.clean_row(&row.connection, idle, now).await }
        };
        let mut outcome = CleanupOutcome::default();
        for row in for_each(stale, clean).await {
            match row? {
                RowOutcome::Removed => outcome.removed += 1,
                RowOutcome::Closed => outcome.closed += 1,
                RowOutcome::Kept => outcome.kept += 1,
            }
        }
        Ok(outcome)
    }

    async fn clean_row(
        &self,
        connection: &ConnectionId,
        idle: Duration,
        now: Timestamp,
    ) -> Result<RowOutcome> {
        match self.last_active(connection).await? {
            None => {
                self.connections.remove(connection).await?;
                Ok(RowOutcome::Removed)
            }
            Some(at) if at + idle <= now => {
                self.close(connection).await?;
                Ok(RowOutcome::Closed)
            }
            Some(_) => Ok(RowOutcome::Kept),
        }
    }
}
