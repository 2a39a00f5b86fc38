//! SNS topics and EventBridge rules that deliver to SQS queues.
//!
//! A message is stored in all its target queues before the publisher gets a response, so it survives
//! this process.

mod eventbridge;
mod sns;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::permissions::RequiredPermission;
use crate::sqs::{Sqs, SqsError};
use crate::stack_spec::{ACCOUNT, EventRule, QueueTarget, StackSpec, Topic};

pub use eventbridge::required_for_put_events;
pub use sns::QueryRequest;

/// The topics, buses and rules of one template. Clones share them.
#[derive(Clone)]
pub struct SnsEventBridge {
    routes: Arc<Routes>,
    sqs: Sqs,
}

struct Routes {
    /// The prefix of queue URLs.
    endpoint: String,
    topics: Vec<Topic>,
    buses: Vec<String>,
    rules: Vec<EventRule>,
}

impl SnsEventBridge {
    /// `endpoint` is the SQS endpoint, such as `http://127.0.0.1:4566`.
    pub fn new(spec: &StackSpec, sqs: &Sqs, endpoint: &str) -> Self {
        let routes = Routes {
            endpoint: endpoint.to_owned(),
            topics: spec.topics.clone(),
            buses: spec.buses.clone(),
            rules: spec.event_rules.clone(),
        };
        Self {
            routes: Arc::new(routes),
            sqs: sqs.clone(),
        }
    }

    /// Sends a message to a queue, or to its dead-letter queue with the message attributes that `evidence` makes of
    /// the error. AWS tries again for hours first if the error may pass; here none does.
    ///
    /// # Errors
    /// Neither queue takes it. AWS would drop the message and count it.
    async fn deliver(
        &self,
        target: &QueueTarget,
        body: &str,
        evidence: impl FnOnce(&SqsError) -> Value,
    ) -> Result<(), SqsError> {
        let Err(error) = self.send(&target.queue, body, json!({})).await else {
            return Ok(());
        };
        let Some(dead_letter_queue) = &target.dead_letter_queue else {
            return Err(error);
        };
        tracing::warn!(queue = target.queue, %error, "undeliverable; sent to the dead-letter queue");
        let evidence = evidence(&error);
        self.send(dead_letter_queue, body, evidence).await
    }

    async fn send(&self, queue: &str, body: &str, attributes: Value) -> Result<(), SqsError> {
        let url = format!("{}/{ACCOUNT}/{queue}", self.routes.endpoint);
        let send = json!({"QueueUrl": url, "MessageBody": body, "MessageAttributes": attributes});
        let send = send.to_string();
        self.sqs.call("SendMessage", send.as_bytes()).await?;
        Ok(())
    }
}

/// Message attributes of the type `String`.
fn text_attributes<const N: usize>(texts: [(&str, String); N]) -> Value {
    let attribute = |(name, text): (&str, String)| {
        let value = json!({"DataType": "String", "StringValue": text});
        (name.to_owned(), value)
    };
    texts.into_iter().map(attribute).collect()
}

fn required_permission(action: &str, resource: impl Into<String>) -> Vec<RequiredPermission> {
    vec![RequiredPermission {
        action: action.to_owned(),
        resource: resource.into(),
        prefix: None,
    }]
}
