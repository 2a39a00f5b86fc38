//! What is sent to a user: kept in the inbox first, then pushed to all of the user's connections.
//!
//! Who may send what to whom was decided by whoever calls this.

use anyhow::Result;
use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

use crate::config::{Config, ConfigError};
use crate::store::connections::Connections;
use crate::domain::ids::Owner;
use crate::store::inbox::{Entry, Inbox};
use crate::protocol;
use crate::messaging::push::{Heard, Push};
use crate::aws::sdk::Sdk;

#[derive(Clone)]
pub struct Courier {
    pub inbox: Inbox,
    pub connections: Connections,
    pub push: Push,
}

/// What became of what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Some connection of the user's has heard it.
    Delivered,
    /// Nobody has yet; it waits in the inbox.
    Stored,
    /// Nobody has, and it could not be kept.
    Lost,
}

impl Courier {
    /// By `INBOX_TABLE`, `CONNECTIONS_TABLE` and `CONNECTIONS_ENDPOINT`.
    pub fn open(config: &Config, sdk: &Sdk, dynamo: &Client) -> Result<Self, ConfigError> {
        let connections = Connections::open(config, dynamo)?;
        Ok(Self {
            inbox: Inbox::open(config, dynamo)?,
            push: Push::open(config, sdk, connections.clone())?,
            connections,
        })
    }

    /// Keeps the entry for the user and pushes it. The same entry again is kept once and pushed again.
    pub async fn send(&self, to: &Owner, entry: &Entry, now: Timestamp) -> Sent {
        let kept = self.inbox.keep(to, entry).await;
        let heard = self.tell(to, &protocol::kept(entry, now), now).await;
        let failed = |error: &anyhow::Error, reason| {
            tracing::warn!(id = %entry.id, error = format!("{error:#}"), reason);
        };
        match (kept, heard) {
            (kept, Ok(heard)) if heard.sent > 0 => {
                let _ = kept.inspect_err(|error| failed(error, "heard and not kept"));
                Sent::Delivered
            }
            (Ok(()), heard) => {
                let _ = heard.inspect_err(|error| failed(error, "kept and not pushed"));
                Sent::Stored
            }
            (Err(error), _) => {
                failed(&error, "neither kept nor heard");
                Sent::Lost
            }
        }
    }

    /// Pushes a frame to all of the user's connections, and keeps nothing.
    pub async fn tell(&self, to: &Owner, frame: &str, now: Timestamp) -> Result<Heard> {
        let open = self.connections.open_of(to, now).await?;
        Ok(self.push.tell_all(open, frame).await)
    }
}
