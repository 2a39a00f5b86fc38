//! A WebSocket connection's record, and what became of operations on many connections.

use jiff::Timestamp;

use crate::domain::ids::{ConnectionId, Owner, SessionId};
use crate::domain::token_expiry::has_expired;

/// A connection as its row in the connections table describes it.
#[derive(Debug, Clone)]
pub struct ConnectionRow {
    pub connection: ConnectionId,
    /// The session of messages that name none.
    pub session: Option<SessionId>,
    /// `None` until a user authenticates.
    pub owner: Option<Owner>,
    pub username: Option<String>,
    /// Whether no close was recorded.
    pub is_open: bool,
    pub connected_at: Timestamp,
    /// Accurate to a minute.
    pub last_activity: Timestamp,
    pub disconnected_at: Option<Timestamp>,
    /// When the user's token was issued; `None` if it does not say so.
    pub issued_at: Option<Timestamp>,
    /// When the user's token expires.
    pub expires_at: Option<Timestamp>,
    /// When the row's time to live ends.
    pub kept_until: Timestamp,
    pub ip_address: Option<String>,
    pub user_agent: Option<String>,
}

impl ConnectionRow {
    /// Whether frames are pushed to it at `now`: it is open, and its user's token, if it has one, has not expired.
    pub fn receives(&self, now: Timestamp) -> bool {
        self.is_open && !self.expires_at.is_some_and(|at| has_expired(at, now))
    }
}

/// Where a page of a user's connections ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionCursor {
    pub connection: ConnectionId,
    pub connected_at: Timestamp,
}

/// What became of a connection that was to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisconnectOutcome {
    Closed,
    /// The gateway did not have it, and its row was removed.
    RowRemoved,
    /// Neither the gateway nor the table had it.
    Unknown,
}

/// The number of connections that a frame was pushed to, by outcome.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct BroadcastOutcome {
    pub sent: usize,
    /// Closed connections.
    pub gone: usize,
    /// Pushes that failed.
    pub lost: usize,
}

impl BroadcastOutcome {
    pub fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.gone += other.gone;
        self.lost += other.lost;
    }
}

/// The number of rows without activity that were checked with the gateway, by outcome.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct CleanupOutcome {
    /// The gateway had no such connection; the row was removed.
    pub removed: usize,
    /// The gateway's connection was idle too; it was closed.
    pub closed: usize,
    /// The gateway had seen later activity.
    pub kept: usize,
}

impl CleanupOutcome {
    pub fn add(&mut self, other: Self) {
        self.removed += other.removed;
        self.closed += other.closed;
        self.kept += other.kept;
    }
}
