//! Tests of SQS with real files: through the JSON protocol with the real clock, and on the store with an
//! explicit clock where time matters.

mod durability;
mod messages;
mod model;
mod queues;
mod redrive;
mod timing;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Sqs, SqsError};

/// A service over a temporary folder.
struct TestSqs {
    sqs: Sqs,
    folder: TempDir,
}

impl TestSqs {
    /// With one queue, `orders`.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let test_sqs = Self {
            sqs: open(&folder),
            folder,
        };
        test_sqs
            .ok("CreateQueue", json!({"QueueName": "orders"}))
            .await;
        test_sqs
    }

    async fn ok(&self, operation: &str, request: Value) -> Value {
        match self.call(operation, request).await {
            Ok(response) => response,
            Err(error) => panic!("{operation} failed: {error}"),
        }
    }

    /// The error's code in the query protocol.
    async fn error_code(&self, operation: &str, request: Value) -> &'static str {
        match self.call(operation, request).await {
            Ok(response) => panic!("{operation} succeeded: {response}"),
            Err(error) => error.code,
        }
    }

    async fn call(&self, operation: &str, request: Value) -> Result<Value, SqsError> {
        let body = self
            .sqs
            .call(operation, request.to_string().as_bytes())
            .await?;
        Ok(serde_json::from_slice(&body).unwrap())
    }

    async fn send(&self, queue: &str, body: &str) -> Value {
        let request = json!({"QueueUrl": url(queue), "MessageBody": body});
        self.ok("SendMessage", request).await
    }

    /// Receives up to ten messages with all attributes, without waiting; hides them for a minute.
    async fn receive(&self, queue: &str) -> Vec<Value> {
        let request = json!({
            "QueueUrl": url(queue), "MaxNumberOfMessages": 10, "VisibilityTimeout": 60,
            "MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"],
        });
        list(&self.ok("ReceiveMessage", request).await["Messages"])
    }

    async fn delete(&self, queue: &str, message: &Value) {
        let request = json!({"QueueUrl": url(queue), "ReceiptHandle": message["ReceiptHandle"]});
        self.ok("DeleteMessage", request).await;
    }

    /// The numbers of visible, in-flight and delayed messages, by `GetQueueAttributes`.
    async fn counts(&self, queue: &str) -> [u64; 3] {
        let request = json!({"QueueUrl": url(queue), "AttributeNames": ["All"]});
        let response = self.ok("GetQueueAttributes", request).await;
        ["", "NotVisible", "Delayed"].map(|kind| {
            let name = format!("ApproximateNumberOfMessages{kind}");
            response["Attributes"][&name]
                .as_str()
                .unwrap()
                .parse()
                .unwrap()
        })
    }

    /// Stops this service and opens another over the same folder.
    fn reopened(self) -> Self {
        let Self { sqs, folder } = self;
        drop(sqs);
        Self {
            sqs: open(&folder),
            folder,
        }
    }
}

fn open(folder: &TempDir) -> Sqs {
    Sqs::open(folder.path(), "http://127.0.0.1:4566".to_owned()).unwrap()
}

/// With another host name than the service's: only the last segment matters.
fn url(queue: &str) -> String {
    format!("http://localhost:4566/000000000000/{queue}")
}

fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{queue}")
}

fn redrive_to(queue: &str, max_receive_count: u32) -> Value {
    json!({"deadLetterTargetArn": arn(queue), "maxReceiveCount": max_receive_count})
        .to_string()
        .into()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn bodies(messages: &[Value]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message["Body"].as_str().unwrap())
        .collect()
}
