//! Tests of dead-letter queues and move tasks.

use serde_json::{Value, json};

use super::{TestSqs, arn, bodies, redrive_to, url};

/// `orders` moves messages to `dead` after one receive.
async fn test_sqs() -> TestSqs {
    let test_sqs = TestSqs::new().await;
    test_sqs
        .ok("CreateQueue", json!({"QueueName": "dead"}))
        .await;
    test_sqs
        .ok(
            "SetQueueAttributes",
            json!({"QueueUrl": url("orders"), "Attributes": {"RedrivePolicy": redrive_to("dead", 1)}}),
        )
        .await;
    test_sqs
}

/// Receives all messages and makes them visible again immediately.
async fn fail_all(test_sqs: &TestSqs) -> usize {
    let request =
        json!({"QueueUrl": url("orders"), "MaxNumberOfMessages": 10, "VisibilityTimeout": 0});
    let response = test_sqs.ok("ReceiveMessage", request).await;
    super::list(&response["Messages"]).len()
}

/// Waits until the newest task has the status.
async fn task_until(test_sqs: &TestSqs, status: &str) -> Value {
    loop {
        let tasks = test_sqs
            .ok("ListMessageMoveTasks", json!({"SourceArn": arn("dead")}))
            .await;
        if tasks["Results"][0]["Status"] == status {
            return tasks["Results"][0].clone();
        }
    }
}

#[tokio::test]
async fn a_message_received_too_often_moves_and_keeps_its_attributes() {
    let test_sqs = test_sqs().await;
    let sent = test_sqs.send("orders", "poison").await;
    let first = test_sqs.receive("orders").await;
    let handle = &first[0]["ReceiptHandle"];
    let show = json!({"QueueUrl": url("orders"), "ReceiptHandle": handle, "VisibilityTimeout": 0});
    test_sqs.ok("ChangeMessageVisibility", show).await;
    assert!(test_sqs.receive("orders").await.is_empty());
    assert_eq!(test_sqs.counts("orders").await, [0, 0, 0]);
    assert_eq!(test_sqs.counts("dead").await, [1, 0, 0]);
    // The receipt from before the move is no longer valid.
    test_sqs.delete("orders", &first[0]).await;

    let test_sqs = test_sqs.reopened();
    let dead = test_sqs.receive("dead").await;
    assert_eq!(dead[0]["MessageId"], sent["MessageId"]);
    let (before, after) = (&first[0]["Attributes"], &dead[0]["Attributes"]);
    for name in ["SentTimestamp", "ApproximateFirstReceiveTimestamp"] {
        assert_eq!(before[name], after[name], "{name}");
    }
    assert_eq!(after["ApproximateReceiveCount"], "2");
    assert_eq!(after["DeadLetterQueueSourceArn"], json!(arn("orders")));
}

#[tokio::test]
async fn a_missing_dead_letter_queue_loses_no_message() {
    let test_sqs = test_sqs().await;
    test_sqs.send("orders", "kept").await;
    test_sqs
        .ok("DeleteQueue", json!({"QueueUrl": url("dead")}))
        .await;
    for _ in 0..5 {
        assert_eq!(fail_all(&test_sqs).await, 1);
    }
    assert_eq!(test_sqs.counts("orders").await, [1, 0, 0]);
}

#[tokio::test]
async fn a_dead_letter_ends_a_long_poll_of_the_dead_letter_queue() {
    let test_sqs = test_sqs().await;
    test_sqs.send("orders", "poison").await;
    fail_all(&test_sqs).await;
    let wait = json!({"QueueUrl": url("dead"), "WaitTimeSeconds": 20});
    let (response, moved) =
        tokio::join!(biased; test_sqs.ok("ReceiveMessage", wait), fail_all(&test_sqs));
    assert_eq!(moved, 0);
    assert_eq!(response["Messages"][0]["Body"], "poison");
}

#[tokio::test]
async fn a_move_task_returns_dead_letters_as_new_messages() {
    let test_sqs = test_sqs().await;
    let sent = test_sqs.send("orders", "again").await;
    fail_all(&test_sqs).await;
    fail_all(&test_sqs).await;
    assert_eq!(test_sqs.counts("dead").await, [1, 0, 0]);

    let started = test_sqs
        .ok("StartMessageMoveTask", json!({"SourceArn": arn("dead")}))
        .await;
    assert!(started["TaskHandle"].is_string());
    let task = task_until(&test_sqs, "COMPLETED").await;
    assert_eq!(task["ApproximateNumberOfMessagesMoved"], 1);
    assert_eq!(task["ApproximateNumberOfMessagesToMove"], 1);
    assert!(task.get("TaskHandle").is_none());
    assert_eq!(test_sqs.counts("dead").await, [0, 0, 0]);

    let home = test_sqs.receive("orders").await;
    assert_eq!(bodies(&home), ["again"]);
    assert_ne!(home[0]["MessageId"], sent["MessageId"]);
    assert_eq!(home[0]["Attributes"]["ApproximateReceiveCount"], "1");
}

#[tokio::test]
async fn a_slow_task_can_be_cancelled_and_survives_a_restart() {
    let test_sqs = test_sqs().await;
    test_sqs
        .ok("CreateQueue", json!({"QueueName": "other"}))
        .await;
    for n in 0..9 {
        test_sqs.send("dead", &n.to_string()).await;
    }
    let start = json!({"SourceArn": arn("dead"), "DestinationArn": arn("other"),
                       "MaxNumberOfMessagesPerSecond": 1});
    let started = test_sqs.ok("StartMessageMoveTask", start.clone()).await;
    assert_eq!(
        test_sqs.error_code("StartMessageMoveTask", start).await,
        "AWS.SimpleQueueService.UnsupportedOperation"
    );
    let test_sqs = test_sqs.reopened();
    let task = task_until(&test_sqs, "RUNNING").await;
    assert_eq!(task["TaskHandle"], started["TaskHandle"]);
    assert_eq!(task["ApproximateNumberOfMessagesToMove"], 9);
    let cancel = json!({"TaskHandle": started["TaskHandle"]});
    let cancelled = test_sqs.ok("CancelMessageMoveTask", cancel.clone()).await;
    let moved = cancelled["ApproximateNumberOfMessagesMoved"]
        .as_u64()
        .unwrap();
    assert_eq!(test_sqs.counts("other").await[0], moved);
    assert_eq!(test_sqs.counts("dead").await[0], 9 - moved);
    assert_eq!(
        test_sqs.error_code("CancelMessageMoveTask", cancel).await,
        "AWS.SimpleQueueService.UnsupportedOperation"
    );
}

#[tokio::test]
async fn a_task_without_a_source_queue_fails_and_loses_no_message() {
    let test_sqs = test_sqs().await;
    test_sqs.send("dead", "sent here directly").await;
    test_sqs
        .ok("StartMessageMoveTask", json!({"SourceArn": arn("dead")}))
        .await;
    let task = task_until(&test_sqs, "FAILED").await;
    assert_eq!(task["FailureReason"], "CouldNotDetermineMessageSource");
    assert_eq!(test_sqs.counts("dead").await, [1, 0, 0]);
}

#[tokio::test]
async fn only_a_dead_letter_queue_can_be_moved_from() {
    let test_sqs = test_sqs().await;
    for (request, code) in [
        (
            json!({"SourceArn": arn("nowhere")}),
            "ResourceNotFoundException",
        ),
        (json!({"SourceArn": arn("orders")}), "InvalidParameterValue"),
        (
            json!({"SourceArn": arn("dead"), "DestinationArn": arn("nowhere")}),
            "ResourceNotFoundException",
        ),
        (
            json!({"SourceArn": arn("dead"), "DestinationArn": arn("dead")}),
            "InvalidParameterValue",
        ),
        (
            json!({"SourceArn": arn("dead"), "MaxNumberOfMessagesPerSecond": 501}),
            "InvalidParameterValue",
        ),
    ] {
        assert_eq!(
            test_sqs.error_code("StartMessageMoveTask", request).await,
            code
        );
    }
}
