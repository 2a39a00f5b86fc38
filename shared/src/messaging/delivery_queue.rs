//! Requests the delivery of a user's inbox to a connection, with a message on the queue of deliveries.
//!
//! The entries are in the inbox; if the message is lost, they are delivered to the user's next connection.

use anyhow::{Context, Result};
use aws_config::SdkConfig;
use serde::{Deserialize, Serialize};

use crate::domain::ids::{ConnectionId, NotificationId, Owner};
use crate::store::inbox::Inbox;

/// The version that this code writes and reads.
const VERSION: u8 = 1;
/// The delay of the delivery: API Gateway rejects a push during `$connect`, and sometimes right after it.
const DELAY_SECONDS: i32 = 1;

#[derive(Clone)]
pub struct DeliveryQueue {
    sqs: aws_sdk_sqs::Client,
    queue_url: String,
    inbox: Inbox,
}

/// A request to deliver an owner's inbox to a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxDelivery {
    pub connection: ConnectionId,
    pub owner: Owner,
    /// The last entry that was delivered; `None` starts with the oldest.
    pub after: Option<NotificationId>,
}

#[derive(Serialize, Deserialize)]
struct Message {
    v: u8,
    connection: String,
    user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

impl DeliveryQueue {
    pub fn new(sdk_config: &SdkConfig, queue_url: String, inbox: Inbox) -> Self {
        Self {
            sqs: aws_sdk_sqs::Client::new(sdk_config),
            queue_url,
            inbox,
        }
    }

    /// Requests the delivery of the owner's unread entries, if there are any, to a new connection in about a
    /// second. A failure is logged and does not reject the connection.
    pub async fn request_delivery(&self, owner: &Owner, connection: &ConnectionId) {
        let delivery = InboxDelivery {
            connection: connection.clone(),
            owner: owner.clone(),
            after: None,
        };
        let requested = async {
            match self.inbox.has_unread(owner).await? {
                true => self.send(&delivery, DELAY_SECONDS).await,
                false => Ok(()),
            }
        };
        if let Err(error) = requested.await {
            let error = format!("{error:#}");
            tracing::warn!(%connection, error, "inbox not delivered; it waits for the user's next connection");
        }
    }

    /// Requests the delivery's next page, without a delay.
    pub async fn send_next_page(&self, delivery: &InboxDelivery) -> Result<()> {
        self.send(delivery, 0).await
    }

    async fn send(&self, delivery: &InboxDelivery, delay: i32) -> Result<()> {
        let message = Message {
            v: VERSION,
            connection: delivery.connection.0.clone(),
            user: delivery.owner.user.clone(),
            tenant: delivery.owner.tenant.clone(),
            after: delivery.after.map(|id| id.to_string()),
        };
        let send = self
            .sqs
            .send_message()
            .queue_url(&self.queue_url)
            .message_body(serde_json::to_string(&message)?)
            .delay_seconds(delay);
        send.send()
            .await
            .context("requesting the delivery of an inbox")?;
        Ok(())
    }
}

/// Parses a message's body; `None` if this version can't read it.
pub fn parse_message(body: &str) -> Option<InboxDelivery> {
    let message: Message = serde_json::from_str(body).ok()?;
    let after = message.after.as_deref().map(NotificationId::parse);
    (message.v == VERSION && after != Some(None)).then(|| InboxDelivery {
        connection: ConnectionId(message.connection),
        owner: Owner {
            user: message.user,
            tenant: message.tenant,
        },
        after: after.flatten(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_parsed_or_rejected() {
        let parse = |more: &str| {
            parse_message(&format!(r#"{{"connection":"c","user":"alice"{more}}}"#))
                .map(|delivery| delivery.after)
        };
        let id = "0190c6f3-0000-7000-8000-000000000001";
        assert_eq!(parse(r#","v":1"#), Some(None));
        let after = format!(r#","v":1,"after":"{id}""#);
        assert_eq!(parse(&after), Some(NotificationId::parse(id)));
        for more in ["", r#","v":2"#, r#","v":1,"after":"x""#] {
            assert_eq!(parse(more), None, "{more}");
        }
    }
}
