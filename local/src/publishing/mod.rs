//! SNS and EventBridge, as far as they lead into queues: what is published is in every queue that it is for
//! before its publisher is answered, so that nothing of it is lost with this process.
//!
//! `sns` and `events` speak the services' protocols; here is what both share. How a queue keeps a message is
//! SQS's.

mod events;
mod sns;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::json;

use crate::permissions::Need;
use crate::sqs::{Sqs, SqsError};
use crate::stack_spec::{ACCOUNT, EventRule, StackSpec, Topic};

pub use events::needs as needed_for_events;
pub use sns::Query;

/// The topics, buses and rules of one template. Clones share them.
#[derive(Clone)]
pub struct Publishing {
    wired: Arc<Wired>,
    sqs: Sqs,
}

struct Wired {
    /// What queues' URLs begin with.
    endpoint: String,
    topics: Vec<Topic>,
    buses: Vec<String>,
    rules: Vec<EventRule>,
}

impl Publishing {
    /// `endpoint` is where SQS answers, such as `http://127.0.0.1:4566`.
    pub fn new(spec: &StackSpec, sqs: &Sqs, endpoint: &str) -> Self {
        let wired = Wired {
            endpoint: endpoint.to_owned(),
            topics: spec.topics.clone(),
            buses: spec.buses.clone(),
            rules: spec.event_rules.clone(),
        };
        Self {
            wired: Arc::new(wired),
            sqs: sqs.clone(),
        }
    }

    /// Puts a message on each of these queues.
    async fn deliver(&self, queues: &[String], body: &str) -> Result<(), SqsError> {
        for queue in queues {
            let url = format!("{}/{ACCOUNT}/{queue}", self.wired.endpoint);
            let send = json!({"QueueUrl": url, "MessageBody": body}).to_string();
            self.sqs.call("SendMessage", send.as_bytes()).await?;
        }
        Ok(())
    }
}

fn need(action: &str, resource: impl Into<String>) -> Vec<Need> {
    vec![Need {
        action: action.to_owned(),
        resource: resource.into(),
    }]
}
