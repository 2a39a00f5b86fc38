//! Whose token has expired: frames are no longer pushed to such a connection, until a newer token renews it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use jiff::Timestamp;

use crate::domain::ids::ConnectionId;
use crate::domain::token_expiry::has_expired;
use crate::store::connections::Connections;

/// Connections that a process remembers: more than it pushes to at a time.
const MAX_KNOWN: usize = 10_000;

/// The expiry of connections' tokens, as their rows had it when this process last read them.
#[derive(Clone)]
pub(super) struct TokenExpiries {
    connections: Connections,
    known: Arc<Mutex<HashMap<ConnectionId, Timestamp>>>,
}

impl TokenExpiries {
    pub fn new(connections: Connections) -> Self {
        Self {
            connections,
            known: Arc::default(),
        }
    }

    /// Whether the connection's token has expired at `now`. The row is read, unless it was and the token that it had
    /// is still valid. A connection without a row or a user has no token that could expire.
    pub async fn has_expired(&self, connection: &ConnectionId, now: Timestamp) -> Result<bool> {
        if self.is_known_valid(connection, now) {
            return Ok(false);
        }
        let Some(expires_at) = self.connections.token_expiry(connection).await? else {
            return Ok(false);
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_KNOWN && !known.contains_key(connection) {
            known.retain(|_, at| !has_expired(*at, now));
            if known.len() >= MAX_KNOWN {
                known.clear();
            }
        }
        known.insert(connection.clone(), expires_at);
        Ok(has_expired(expires_at, now))
    }

    fn is_known_valid(&self, connection: &ConnectionId, now: Timestamp) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let expires_at = known.get(connection);
        expires_at.is_some_and(|at| !has_expired(*at, now))
    }
}
