//! SNS and EventBridge, as far as they lead into queues: what is published is in every queue that it is for
//! before its publisher is answered, so that nothing of it is lost with this process.
//!
//! `sns` and `events` speak the services' protocols; here is what both share. How a queue keeps a message is
//! SQS's.

mod eventbridge;
mod sns;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::json;

use crate::permissions::RequiredPermission;
use crate::plan::{ACCOUNT, EventRule, Plan, Topic};
use crate::sqs::{Sqs, SqsError};

pub use eventbridge::required_for_put_events;
pub use sns::QueryRequest;

/// The topics, buses and rules of one template. Clones share them.
#[derive(Clone)]
pub struct SnsEventBridge {
    routes: Arc<Routes>,
    sqs: Sqs,
}

struct Routes {
    /// What queues' URLs begin with.
    endpoint: String,
    topics: Vec<Topic>,
    buses: Vec<String>,
    rules: Vec<EventRule>,
}

impl SnsEventBridge {
    /// `endpoint` is where SQS answers, such as `http://127.0.0.1:4566`.
    pub fn new(plan: &Plan, sqs: &Sqs, endpoint: &str) -> Self {
        let routes = Routes {
            endpoint: endpoint.to_owned(),
            topics: plan.topics.clone(),
            buses: plan.buses.clone(),
            rules: plan.event_rules.clone(),
        };
        Self {
            routes: Arc::new(routes),
            sqs: sqs.clone(),
        }
    }

    /// Puts a message on each of these queues.
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
