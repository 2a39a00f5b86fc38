//! What is sent to a user: kept in the inbox first, then pushed to all of the user's connections.
//!
//! Who may send what to whom was decided by whoever calls this.

use anyhow::Result;
use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

use crate::aws::clients::AwsClients;
use crate::domain::ids::Owner;
use crate::messaging::push::{BroadcastOutcome, ConnectionPusher};
use crate::protocol;
use crate::settings::{Environment, SettingsError};
use crate::store::connections::Connections;
use crate::store::inbox::{Inbox, InboxEntry};

#[derive(Clone)]
pub struct UserMessenger {
    pub inbox: Inbox,
    pub connections: Connections,
    pub push: ConnectionPusher,
}

/// What became of what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageStatus {
    /// Some connection of the user's has heard it.
    Delivered,
    /// Nobody has yet; it waits in the inbox.
    Stored,
    /// Nobody has, and it could not be kept.
    Lost,
}

impl UserMessenger {
    /// By `INBOX_TABLE`, `CONNECTIONS_TABLE` and `CONNECTIONS_ENDPOINT`.
    pub fn open(
        config: &Environment,
        sdk: &AwsClients,
        dynamo: &Client,
    ) -> Result<Self, SettingsError> {
        let connections = Connections::open(config, dynamo)?;
        Ok(Self {
            inbox: Inbox::open(config, dynamo)?,
            push: ConnectionPusher::open(config, sdk, connections.clone())?,
            connections,
        })
    }

    /// Keeps the entry for the user and pushes it. The same entry again is kept once and pushed again.
    pub async fn send(&self, to: &Owner, entry: &InboxEntry, now: Timestamp) -> MessageStatus {
        let kept = self.inbox.put(to, entry).await;
        let heard = self
            .push_to_user(to, &protocol::inbox_entry(entry, now), now)
            .await;
        let failed = |error: &anyhow::Error, reason| {
            tracing::warn!(id = %entry.id, error = format!("{error:#}"), reason);
        };
        match (kept, heard) {
            (kept, Ok(heard)) if heard.sent > 0 => {
                let _ = kept.inspect_err(|error| failed(error, "heard and not kept"));
                MessageStatus::Delivered
            }
            (Ok(()), heard) => {
                let _ = heard.inspect_err(|error| failed(error, "kept and not pushed"));
                MessageStatus::Stored
            }
            (Err(error), _) => {
                failed(&error, "neither kept nor heard");
                MessageStatus::Lost
            }
        }
    }

    /// Pushes a frame to all of the user's connections, and keeps nothing.
    pub async fn push_to_user(
        &self,
        to: &Owner,
        frame: &str,
        now: Timestamp,
    ) -> Result<BroadcastOutcome> {
        let open = self.connections.open_of(to, now).await?;
        Ok(self.push.broadcast(open, frame).await)
    }
}
