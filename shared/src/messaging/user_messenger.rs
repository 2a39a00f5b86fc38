//! Sends messages to a user: stores them in the inbox, then pushes them to all connections of the user.
//!
//! The caller has checked that the sender may do that.

use anyhow::Result;
use jiff::Timestamp;

use crate::domain::connection::BroadcastOutcome;
use crate::domain::ids::Owner;
use crate::domain::inbox::InboxEntry;
use crate::messaging::push::ConnectionPusher;
use crate::protocol;
use crate::store::connections::Connections;
use crate::store::inbox::Inbox;

#[derive(Clone)]
pub struct UserMessenger {
    pub inbox: Inbox,
    pub connections: Connections,
    pub pusher: ConnectionPusher,
}

/// The status of a sent message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageStatus {
    /// At least one connection of the user received it.
    Delivered,
    /// No connection received it yet; it waits in the inbox.
    Stored,
    /// No connection received it, and it could not be stored.
    Lost,
}

impl UserMessenger {
    /// Stores the entry for the user and pushes it. Sending it again pushes it again.
    pub async fn send(&self, to: &Owner, entry: &InboxEntry, now: Timestamp) -> MessageStatus {
        let stored = self.inbox.put(to, entry).await;
        let pushed = self
            .push_to_user(to, &protocol::inbox_entry(entry, now), now)
            .await;
        let log_failure = |error: &anyhow::Error, reason| {
            tracing::warn!(id = %entry.id, error = format!("{error:#}"), reason);
        };
        match (stored, pushed) {
            (stored, Ok(pushed)) if pushed.sent > 0 => {
                let _ = stored
                    .inspect_err(|error| log_failure(error, "message delivered, but not stored"));
                MessageStatus::Delivered
            }
            (Ok(()), pushed) => {
                let _ = pushed
                    .inspect_err(|error| log_failure(error, "message stored, but not pushed"));
                MessageStatus::Stored
            }
            (Err(error), _) => {
                log_failure(&error, "message neither stored nor pushed");
                MessageStatus::Lost
            }
        }
    }

    /// Pushes a frame to all connections of the user whose token has not expired, without storing it.
    pub async fn push_to_user(
        &self,
        to: &Owner,
        frame: &str,
        now: Timestamp,
    ) -> Result<BroadcastOutcome> {
        let receiving = self.connections.receiving_by_owner(to, now).await?;
        Ok(self.pusher.broadcast(receiving, frame).await)
    }
}
