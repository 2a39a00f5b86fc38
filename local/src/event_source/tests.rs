//! The event source mapping with a real function; SQS is played by a list of prepared receives, at
//! the one seam where its operations come in.

use std::path::Path;
use std::sync::Mutex;

use futures_util::FutureExt;

use super::*;
use crate::lambda::tests::{function, host, notes, until};

/// Answers each receive with one batch of bodies, then with nothing; keeps what else is asked.
struct Queue {
    batches: Mutex<Vec<Vec<&'static str>>>,
    asked: Mutex<Vec<(&'static str, Value)>>,
}

impl Queue {
    fn answer(&self, operation: &'static str, request: Value) -> Value {
        match operation {
            "GetQueueUrl" => json!({ "QueueUrl": "http://127.0.0.1/jobs" }),
            "ReceiveMessage" => match self.batches.lock().unwrap().pop() {
                Some(bodies) => json!({ "Messages": messages(&bodies) }),
                None => json!({}),
            },
            _ => {
                self.asked.lock().unwrap().push((operation, request));
                json!({ "Successful": [], "Failed": [] })
            }
        }
    }

    /// The receipt handles of an operation's entries, in order.
    fn handles(&self, operation: &str) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let entries = asked.iter().filter(|(name, _)| *name == operation);
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

/// A mapping from these batches, the last first, to the function `batch`.
async fn map(
    folder: &Path,
    batches: Vec<Vec<&'static str>>,
    reserved: Option<u32>,
    maximum_concurrency: Option<u32>,
) -> (Arc<Queue>, Mapping, Lambda) {
    let mut batch = function("batch", "batch");
    batch.reserved_concurrency = reserved;
    let lambda = host(folder, vec![batch]).await;
    let queue = Arc::new(Queue {
        batches: Mutex::new(batches),
        asked: Mutex::default(),
    });
    let sqs: SqsCall = {
        let queue = queue.clone();
        Arc::new(move |operation, request| {
            let queue = queue.clone();
            async move {
                let answer = queue.answer(operation, request);
                // An empty queue answers when its long poll ends; the tests never wait for that.
                if answer == json!({}) {
                    std::future::pending::<()>().await;
                }
                Ok(answer)
            }
            .boxed()
        })
    };
    let source = plan::EventSource {
        queue: "jobs".into(),
        function: "batch".into(),
        batch_size: 10,
        batching_window: Duration::ZERO,
        maximum_concurrency,
        reports_item_failures: true,
    };
    let mapping = Mapping::start(source, lambda.clone(), sqs).await.unwrap();
    (queue, mapping, lambda)
}

/// Has one batch worked on to its end.
async fn deliver(folder: &Path, bodies: &[&'static str], reserved: Option<u32>) -> Arc<Queue> {
    let (queue, mapping, lambda) = map(folder, vec![bodies.to_vec()], reserved, None).await;
    until("the batch was received", || {
        queue.batches.lock().unwrap().is_empty().then_some(())
    })
    .await;
    mapping.stop().await;
    lambda.stop().await;
    queue
}

#[tokio::test]
async fn a_batch_that_is_done_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let queue = deliver(folder.path(), &["ok", "ok"], None).await;
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
async fn only_the_reported_records_stay() {
    let folder = tempfile::tempdir().unwrap();
    let queue = deliver(folder.path(), &["ok", "fail", "ok"], None).await;
    assert_eq!(
        queue.handles("DeleteMessageBatch"),
        ["handle-0", "handle-2"]
    );
}

#[tokio::test]
async fn a_failed_function_leaves_its_batch_alone() {
    let folder = tempfile::tempdir().unwrap();
    let queue = deliver(folder.path(), &["ok", "throw"], None).await;
    assert!(queue.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_response_that_cannot_be_read_fails_the_whole_batch() {
    let folder = tempfile::tempdir().unwrap();
    let answer = r#"answer {"batchItemFailures":[{"itemIdentifier":"nobody"}]}"#;
    let queue = deliver(folder.path(), &["ok", answer], None).await;
    assert!(queue.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_batch_that_stays_throttled_is_hidden_for_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let queue = deliver(folder.path(), &["ok"], Some(0)).await;
    assert_eq!(queue.handles("ChangeMessageVisibilityBatch"), ["handle-0"]);
    assert!(queue.handles("DeleteMessageBatch").is_empty());
}

#[tokio::test]
async fn no_more_batches_are_received_than_may_run_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let batches = vec![vec!["wait"]; 5];
    let (queue, mapping, lambda) = map(folder.path(), batches, None, Some(2)).await;
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

#[test]
fn each_shape_of_a_batch_response_is_read_as_aws_reads_it() {
    let messages = messages(&["a", "b"]);
    let cases = [
        ("", "all"),
        ("null", "all"),
        ("{}", "all"),
        (r#"{"statusCode":500}"#, "all"),
        (r#"{"batchItemFailures":null}"#, "all"),
        (r#"{"batchItemFailures":[]}"#, "all"),
        (
            r#"{"batchItemFailures":[{"itemIdentifier":"id-1"}]}"#,
            "but 1",
        ),
        (
            r#"{"batchItemFailures":[{"itemIdentifier":"id-7"}]}"#,
            "none",
        ),
        (r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#, "none"),
        (r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#, "none"),
        (r#"{"batchItemFailures":[{"itemId":"id-1"}]}"#, "none"),
        (r#"{"batchItemFailures":"id-1"}"#, "none"),
        ("not JSON", "none"),
    ];
    for (answer, expected) in cases {
        let read = match verdict(answer.as_bytes(), &messages) {
            Verdict::AllDone => "all".to_owned(),
            Verdict::AllBut(ids) if ids.is_empty() => "all".to_owned(),
            Verdict::AllBut(ids) => format!("but {}", ids.len()),
            Verdict::NoneDone => "none".to_owned(),
        };
        assert_eq!(read, expected, "{answer}");
    }
}
