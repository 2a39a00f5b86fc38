//! What is done to many connections at once: told, closed, cleared. Of operators' commands and of admins'
//! actions alike; whose connections these are, the caller knows.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use tokio::task::JoinSet;

use super::{ConnectionPusher, PushOutcome};
use crate::domain::ids::ConnectionId;
use crate::store::connections::ConnectionRow;

/// Calls to the gateway at a time.
const AT_ONCE: usize = 32;

/// How many have heard a frame.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct BroadcastOutcome {
    pub sent: usize,
    /// Closed; their rows are removed.
    pub gone: usize,
    /// Not reached.
    pub lost: usize,
}

impl BroadcastOutcome {
    /// Adds what another round has reached.
    pub fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.gone += other.gone;
        self.lost += other.lost;
    }
}

/// What became of rows without activity.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct CleanupOutcome {
    /// The gateway knew no such connection.
    pub removed: usize,
    /// It knew it as idle too.
    pub closed: usize,
    /// It knew of later activity.
    pub kept: usize,
}

impl CleanupOutcome {
    /// Adds what became of other rows.
    pub fn add(&mut self, other: Self) {
        self.removed += other.removed;
        self.closed += other.closed;
        self.kept += other.kept;
    }
}

/// What became of one row.
enum RowOutcome {
    Removed,
    Closed,
    Kept,
}

impl ConnectionPusher {
    /// Tells all of them the same frame.
    pub async fn broadcast(&self, connections: Vec<ConnectionId>, frame: &str) -> BroadcastOutcome {
        let (frame, mut heard): (Arc<str>, _) = (frame.into(), BroadcastOutcome::default());
        let post = |connection: ConnectionId| {
            let (push, frame) = (self.clone(), frame.clone());
            async move { push.post(&connection, &frame).await }
        };
        for delivery in each(connections, post).await {
            match delivery {
                Ok(PushOutcome::Sent) => heard.sent += 1,
                Ok(PushOutcome::Gone) => heard.gone += 1,
                Ok(PushOutcome::Lost) | Err(_) => heard.lost += 1,
            }
        }
        heard
    }

    /// Closes a connection, and forgets one that the gateway does not know; whether it was open.
    pub async fn disconnect(&self, connection: &ConnectionId) -> Result<bool> {
        let open = self.close(connection).await?;
        if !open {
            self.connections.remove(connection).await?;
        }
        Ok(open)
    }

    /// Of these rows removes those without activity for `idle` that the gateway does not know, and closes
    /// those that it knows as idle. The row is up to a minute behind the gateway, and does not know what was
    /// pushed.
    pub async fn clean(
        &self,
        rows: Vec<ConnectionRow>,
        idle: Duration,
        now: Timestamp,
    ) -> Result<CleanupOutcome> {
        let is_stale = |row: &ConnectionRow| row.is_open && row.last_activity + idle <= now;
        let stale: Vec<ConnectionRow> = rows.into_iter().filter(is_stale).collect();
        let clean = |row: ConnectionRow| {
            let push = self.clone();
            async move { push.clean_one(&row.connection, idle, now).await }
        };
        let mut cleaned = CleanupOutcome::default();
        for fate in each(stale, clean).await {
            match fate?? {
                RowOutcome::Removed => cleaned.removed += 1,
                RowOutcome::Closed => cleaned.closed += 1,
                RowOutcome::Kept => cleaned.kept += 1,
            }
        }
        Ok(cleaned)
    }

    async fn clean_one(
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

/// Does this with each of them, so many at a time. An error is of one that panicked.
async fn each<T, F>(all: Vec<T>, with: impl Fn(T) -> F) -> Vec<Result<F::Output>>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (mut under_way, mut done, mut left) = (JoinSet::new(), vec![], all.into_iter());
    loop {
        while under_way.len() < AT_ONCE
            && let Some(one) = left.next()
        {
            under_way.spawn(with(one));
        }
        match under_way.join_next().await {
            Some(ended) => done.push(ended.context("one of many did not come to its end")),
            None => return done,
        }
    }
}
