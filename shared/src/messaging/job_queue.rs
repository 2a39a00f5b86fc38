//! Sends a job's id to the jobs queue, and changes the visibility timeout of its messages.
//!
//! The message only says "look at this id": losing, doubling or reordering messages costs nothing but time.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::aws::clients::AwsClients;
use crate::aws::signed_http::{SQS, SignedClient};
use crate::domain::ids::Owner;
use crate::domain::job::Job;
use crate::domain::job_message;

/// The message attribute with the span that submitted the job.
pub const TRACEPARENT: &str = "traceparent";
/// SQS's limit of a visibility timeout: twelve hours, in seconds.
const MAX_VISIBILITY_SECONDS: u64 = 12 * 3600;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessage<'a> {
    queue_url: &'a str,
    message_body: &'a str,
    message_group_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_attributes: Option<MessageAttributes>,
}

#[derive(Serialize)]
struct MessageAttributes {
    traceparent: Text,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Text {
    data_type: &'static str,
    string_value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeVisibility<'a> {
    queue_url: &'a str,
    receipt_handle: &'a str,
    visibility_timeout: u64,
}

#[derive(Clone)]
pub struct JobQueue {
    sqs: SignedClient,
    queue_url: String,
}

impl JobQueue {
    pub fn new(clients: &AwsClients, queue_url: String) -> Self {
        let configured = clients.endpoint("SQS");
        let endpoint = configured.as_deref().unwrap_or_else(|| origin(&queue_url));
        Self {
            sqs: clients.service(&SQS, endpoint),
            queue_url,
        }
    }

    /// Queues the job, as a part of its trace. The message group (the tenant, or the user without one) makes
    /// the standard queue a fair one.
    pub async fn send(&self, job: &Job) -> Result<()> {
        let body = job_message::encode(job.id);
        let message_attributes = job.traceparent.as_ref().map(|parent| MessageAttributes {
            traceparent: Text {
                data_type: "String",
                string_value: parent.to_string(),
            },
        });
        let send = SendMessage {
            queue_url: &self.queue_url,
            message_body: &body,
            message_group_id: &group(&job.owner),
            message_attributes,
        };
        let sent = self.sqs.json("SendMessage", &send).await;
        sent.context("sending a job to the queue")?;
        Ok(())
    }

    /// Sets the visibility timeout of a message of this queue.
    pub async fn set_visibility_timeout(&self, receipt_handle: &str, wait: Duration) -> Result<()> {
        let change = ChangeVisibility {
            queue_url: &self.queue_url,
            receipt_handle,
            visibility_timeout: visibility(wait),
        };
        let changed = self.sqs.json("ChangeMessageVisibility", &change);
        changed.await.context("changing a message's visibility")?;
        Ok(())
    }

    /// Whether the queue has this ARN: the last parts of the URL and the ARN are equal.
    pub fn has_arn(&self, arn: &str) -> bool {
        self.queue_url.rsplit('/').next() == arn.rsplit(':').next()
    }
}

/// In whole seconds, as SQS needs them, rounded up: a message that returns early is received for nothing.
fn visibility(wait: Duration) -> u64 {
    let seconds = wait.as_millis().div_ceil(1000);
    u64::try_from(seconds).map_or(MAX_VISIBILITY_SECONDS, |seconds| {
        seconds.clamp(1, MAX_VISIBILITY_SECONDS)
    })
}

/// The endpoint in a queue's URL, used unless an endpoint is configured.
fn origin(queue_url: &str) -> &str {
    let host = queue_url.find("://").map_or(0, |scheme| scheme + 3);
    let path = queue_url[host..].find('/');
    path.map_or(queue_url, |path| &queue_url[..host + path])
}

/// A message group id, which SQS limits to 128 letters, digits and punctuation. Other names are written in
/// hexadecimal and cut; a shared group costs only fairness.
fn group(owner: &Owner) -> String {
    let name = owner.tenant.as_deref().unwrap_or(&owner.user);
    if name.len() <= 128 && name.bytes().all(|b| b.is_ascii_graphic()) {
        return name.to_owned();
    }
    name.bytes().take(64).map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_id_is_within_the_limits_of_sqs() {
        let group = |user: &str| {
            group(&Owner {
                user: user.into(),
                tenant: None,
            })
        };
        assert_eq!(group("alice@example.com"), "alice@example.com");
        assert_eq!(group("ñ"), "c3b1");
        assert_eq!(group(&"x".repeat(129)).len(), 128);
    }
}
