//! The event source mapping with a real function. SQS is a list of prepared responses, behind [`SqsCall`].

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use futures_util::FutureExt;

use super::*;
use crate::data_folder::Endpoints;
use crate::lambda::tests::{function, notes, start_lambda, until};
use crate::process_end::EndedIn;

/// Returns one batch of bodies per receive, then nothing; records all other requests.
struct FakeQueue {
    batches: Mutex<Vec<Vec<&'static str>>>,
    requests: Mutex<Vec<(&'static str, Value)>>,
    process_ends: Mutex<Vec<ProcessEnd>>,
}

impl FakeQueue {
    fn respond(&self, operation: &'static str, request: Value) -> Value {
        match operation {
            "GetQueueUrl" => json!({ "QueueUrl": "http://127.0.0.1/jobs" }),
            "ReceiveMessage" => match self.batches.lock().unwrap().pop() {
                Some(bodies) => json!({ "Messages": messages(&bodies) }),
                None => json!({}),
            },
            _ => {
                self.requests.lock().unwrap().push((operation, request));
                json!({ "Successful": [], "Failed": [] })
            }
        }
    }

    /// The receipt handles of an operation's entries, in order.
    fn handles(&self, operation: &str) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        let entries = requests.iter().filter(|(name, _)| *name == operation);
        entries
            .flat_map(|(_, request)| request["Entries"].as_array().unwrap().clone())
            .map(|entry| entry["ReceiptHandle"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn messages(bodies: &[&str]) -> Vec<Value> {
    let message = |(index, body): (usize, &&str)| {
        json!({
            "MessageId": format!("id-{index}"),
            "ReceiptHandle": format!("handle-{index}"),
            "Body": body,
            "MD5OfBody": "0",
            "Attributes": { "ApproximateReceiveCount": "1" },
            "MessageAttributes": { "who": { "DataType": "String", "StringValue": "alice" } },
        })
    };
    bodies.iter().enumerate().map(message).collect()
}

/// A mapping of these batches, last first, to the function `batch`.
async fn start_mapping(
    folder: &Path,
    batches: Vec<Vec<&'static str>>,
    reserved: Option<u32>,
    maximum_concurrency: Option<u32>,
) -> (Arc<FakeQueue>, EventSourceMapping, Lambda) {
    let mut batch = function("batch", "batch");
    batch.reserved_concurrency = reserved;
    let lambda = start_lambda(folder, vec![batch]).await;
    let queue = Arc::new(FakeQueue {
        batches: Mutex::new(batches),
        requests: Mutex::default(),
        process_ends: Mutex::default(),
    });
    let sqs: SqsCall = {
        let queue = queue.clone();
        Arc::new(move |operation, request| {
            let queue = queue.clone();
            async move {
                let response = queue.respond(operation, request);
                // A real long poll of an empty queue ends after 20 s; no test waits for that.
                if response == json!({}) {
                    std::future::pending::<()>().await;
                }
                Ok(response)
            }
            .boxed()
        })
    };
    let source = EventSource {
        queue: "jobs".into(),
        function: "batch".into(),
        batch_size: 10,
        batching_window: Duration::ZERO,
        maximum_concurrency,
        reports_item_failures: true,
    };
    let process_ends = ProcessEndNotifier {
        stack: EndedIn {
            endpoints: Endpoints::default(),
            outputs: BTreeMap::new(),
        },
        notify: Some({
            let queue = queue.clone();
            Arc::new(move |_, end| {
                queue.process_ends.lock().unwrap().push(end);
                std::future::ready(()).boxed()
            })
        }),
    };
    let mapping = EventSourceMapping::start(source, lambda.clone(), sqs, process_ends)
        .await
        .unwrap();
    (queue, mapping, lambda)
}

/// Processes one batch and stops the mapping.
async fn process(folder: &Path, bodies: &[&'static str], reserved: Option<u32>) -> Arc<FakeQueue> {
    let (queue, mapping, lambda) =
        start_mapping(folder, vec![bodies.to_vec()], reserved, None).await;
    until("the batch was received", || {
        queue.batches.lock().unwrap().is_empty().then_some(())
    })
    .await;
    mapping.stop().await;
    lambda.stop().await;
    queue
}

#[tokio::test]
async fn a_processed_batch_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let queue = process(folder.path(), &["ok", "ok"], None).await;
    assert_eq!(
        queue.handles("DeleteMessageBatch"),
        ["handle-0", "handle-1"]
    );
    let record = &notes(folder.path(), "batches", 1).await[0]["Records"][0];
    assert_eq!(
        *record,
        json!({
            "messageId": "id-0",
            "receiptHandle": "handle-0",
            "body": "ok",
            "md5OfBody": "0",
            "attributes": { "ApproximateReceiveCount": "1" },
            "messageAttributes": { "who": {
                "dataType": "String", "stringValue": "alice",
                "stringListValues": [], "binaryListValues": [],
            }},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:jobs",
            "awsRegion": "us-east-1",
        })
    );
}

#[tokio::test]
async fn only_the_reported_messages_stay_in_the_queue() {
    let folder = tempfile::tempdir().unwrap();
    let queue = process(folder.path(), &["ok", "fail", "ok"], None).await;
    assert_eq!(
        queue.handles("DeleteMessageBatch"),
        ["handle-0", "handle-2"]
    );
}

#[tokio::test]
async fn a_failed_invocation_leaves_its_batch_in_the_queue() {
    let folder = tempfile::tempdir().unwrap();
    let queue = process(folder.path(), &["ok", "throw"], None).await;
    assert!(queue.requests.lock().unwrap().is_empty());
    assert!(
        queue.process_ends.lock().unwrap().is_empty(),
        "the process goes on"
    );
}

#[tokio::test]
async fn a_batch_whose_process_ended_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let queue = process(folder.path(), &["ok", "exit"], None).await;
    assert!(queue.requests.lock().unwrap().is_empty());
    let ends = queue.process_ends.lock().unwrap();
    let [ProcessEnd::Invocation { event, .. }] = &ends[..] else {
        panic!("one invocation ended with its process, and not {ends:?}");
    };
    let event: Value = serde_json::from_slice(event).unwrap();
    assert_eq!(event["Records"][1]["body"], "exit");
}

#[tokio::test]
async fn an_invalid_batch_response_fails_the_whole_batch() {
    let folder = tempfile::tempdir().unwrap();
    let body = r#"answer {"batchItemFailures":[{"itemIdentifier":"nobody"}]}"#;
    let queue = process(folder.path(), &["ok", body], None).await;
    assert!(queue.requests.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_batch_that_stays_throttled_gets_a_visibility_timeout() {
    let folder = tempfile::tempdir().unwrap();
    let queue = process(folder.path(), &["ok"], Some(0)).await;
    assert_eq!(queue.handles("ChangeMessageVisibilityBatch"), ["handle-0"]);
    assert!(queue.handles("DeleteMessageBatch").is_empty());
}

#[tokio::test]
async fn no_more_batches_are_received_than_the_maximum_concurrency() {
    let folder = tempfile::tempdir().unwrap();
    let batches = vec![vec!["wait"]; 5];
    let (queue, mapping, lambda) = start_mapping(folder.path(), batches, None, Some(2)).await;
    notes(folder.path(), "batches", 2).await;
    assert_eq!(queue.batches.lock().unwrap().len(), 3);
    std::fs::write(folder.path().join("go"), "").unwrap();
    until("all are deleted", || {
        (queue.handles("DeleteMessageBatch").len() == 5).then_some(())
    })
    .await;
    mapping.stop().await;
    lambda.stop().await;
}
