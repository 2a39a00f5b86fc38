//! SNS topics and EventBridge rules that deliver to SQS queues.
//!
//! A message is stored in all its target queues before the publisher gets a response, so it survives
//! this process.

mod eventbridge;
mod sns;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::json;

use crate::permissions::RequiredPermission;
use crate::sqs::{Sqs, SqsError};
use crate::stack_spec::{ACCOUNT, EventRule, StackSpec, Topic};

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

    /// Sends a message to each of these queues.
    async fn deliver(&self, queues: &[String], body: &str) -> Result<(), SqsError> {
        for queue in queues {
            let url = format!("{}/{ACCOUNT}/{queue}", self.routes.endpoint);
            let send = json!({"QueueUrl": url, "MessageBody": body}).to_string();
            self.sqs.call("SendMessage", send.as_bytes()).await?;
        }
        Ok(())
    }
}

fn required_permission(action: &str, resource: impl Into<String>) -> Vec<RequiredPermission> {
    vec![RequiredPermission {
        action: action.to_owned(),
        resource: resource.into(),
    }]
}
