//! Operations on many connections, for the commands of operators and the actions of admins.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use tokio::task::JoinSet;

use super::{ConnectionPusher, PushOutcome};
use crate::domain::connection::{BroadcastOutcome, CleanupOutcome, ConnectionRow};
use crate::domain::ids::ConnectionId;

/// Parallel calls to the gateway.
const PARALLEL_CALLS: usize = 32;

/// The outcome of checking one row.
enum RowOutcome {
    Removed,
    Closed,
    Kept,
}

impl ConnectionPusher {
    /// Pushes the same frame to all connections.
    pub async fn broadcast(&self, connections: Vec<ConnectionId>, frame: &str) -> BroadcastOutcome {
        let (frame, mut outcome): (Arc<str>, _) = (frame.into(), BroadcastOutcome::default());
        let post = |connection: ConnectionId| {
            let (pusher, frame) = (self.clone(), frame.clone());
            async move { pusher.post(&connection, &frame).await }
        };
        for pushed in for_each(connections, post).await {
            match pushed {
                Ok(PushOutcome::Sent) => outcome.sent += 1,
                Ok(PushOutcome::Gone) => outcome.gone += 1,
                Ok(PushOutcome::Lost) | Err(_) => outcome.lost += 1,
            }
        }
        outcome
    }

    /// Closes a connection, or removes its row if the gateway does not have it. Returns whether it was open.
    pub async fn disconnect(&self, connection: &ConnectionId) -> Result<bool> {
        let was_open = self.close(connection).await?;
        if !was_open {
            self.connections.remove(connection).await?;
        }
        Ok(was_open)
    }

    /// Checks the rows without activity for `idle` with the gateway: removes those that it does not have, and closes those
    /// that are idle there too. The row lags up to a minute and does not record pushes.
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
            match row?? {
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

/// Runs the operation for each item, [`PARALLEL_CALLS`] at a time. An error means that it panicked.
async fn for_each<T, F>(items: Vec<T>, operation: impl Fn(T) -> F) -> Vec<Result<F::Output>>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (mut running, mut done, mut left) = (JoinSet::new(), vec![], items.into_iter());
    loop {
        while running.len() < PARALLEL_CALLS
            && let Some(item) = left.next()
        {
            running.spawn(operation(item));
        }
        match running.join_next().await {
            Some(ended) => done.push(ended.context("an operation panicked")),
            None => return done,
        }
    }
}
