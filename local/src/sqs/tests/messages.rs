//! Tests of sending, receiving and deleting messages.

use serde_json::json;

use super::{TestSqs, bodies, list, url};

#[tokio::test]
async fn a_message_is_received_with_its_digests_and_attributes() {
    let test_sqs = TestSqs::new().await;
    let sent = test_sqs
        .ok(
            "SendMessage",
            json!({
                "QueueUrl": url("orders"),
                "MessageBody": "This is a test message",
                "MessageGroupId": "tenant-1",
                "MessageAttributes": {
                    "City": {"DataType": "String", "StringValue": "Any City"},
                    "Population": {"DataType": "Number", "StringValue": "1250800"},
                    "Blob": {"DataType": "Binary.gz", "BinaryValue": "AAEC"},
                },
                "MessageSystemAttributes": {
                    "AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-2-3"},
                },
            }),
        )
        .await;
    // Each of the two digests was computed with another program from the documented algorithm.
    assert_eq!(sent["MD5OfMessageBody"], "fafb00f5732ab283681e124bf8747ed1");
    assert_eq!(
        sent["MD5OfMessageAttributes"],
        "a7db9b63b47a7d5aafce572d090b407c"
    );
    assert_eq!(
        sent["MD5OfMessageSystemAttributes"],
        "3f71502e2b401dca4ffefa0d1f324c78"
    );

    let received = test_sqs.receive("orders").await;
    let message = &received[0];
    assert_eq!(message["MessageId"], sent["MessageId"]);
    assert_eq!(message["Body"], "This is a test message");
    assert_eq!(message["MD5OfBody"], sent["MD5OfMessageBody"]);
    assert_eq!(
        message["MD5OfMessageAttributes"],
        sent["MD5OfMessageAttributes"]
    );
    assert_eq!(message["MessageAttributes"]["Blob"]["BinaryValue"], "AAEC");
    let context = &message["Attributes"];
    assert_eq!(context["ApproximateReceiveCount"], "1");
    assert_eq!(context["MessageGroupId"], "tenant-1");
    assert_eq!(context["AWSTraceHeader"], "Root=1-2-3");
    assert_eq!(context["SenderId"], "000000000000");
    assert!(
        context["SentTimestamp"].as_str() <= context["ApproximateFirstReceiveTimestamp"].as_str()
    );
    assert!(context.get("DeadLetterQueueSourceArn").is_none());
}

#[tokio::test]
async fn a_receiver_gets_only_the_requested_attributes() {
    let test_sqs = TestSqs::new().await;
    let text = |value: &str| json!({"DataType": "String", "StringValue": value});
    let attributes = json!({"app.a": text("1"), "app.b": text("2"), "other": text("3")});
    test_sqs
        .ok(
            "SendMessage",
            json!({"QueueUrl": url("orders"), "MessageBody": "x", "MessageAttributes": attributes}),
        )
        .await;
    for (requested, expected) in [
        (json!(["app.*"]), vec!["app.a", "app.b"]),
        (json!(["other"]), vec!["other"]),
        (json!([".*"]), vec!["app.a", "app.b", "other"]),
        (json!([]), vec![]),
    ] {
        let response = test_sqs
            .ok(
                "ReceiveMessage",
                json!({"QueueUrl": url("orders"), "VisibilityTimeout": 0,
                       "AttributeNames": ["SenderId"], "MessageAttributeNames": requested}),
            )
            .await;
        let message = &response["Messages"][0];
        let got: Vec<_> = message["MessageAttributes"]
            .as_object()
            .map(|map| map.keys().map(String::as_str).collect())
            .unwrap_or_default();
        assert_eq!(got, expected, "asked for {requested}");
        assert_eq!(message["Attributes"], json!({"SenderId": "000000000000"}));
    }
}

#[tokio::test]
async fn a_received_message_is_hidden_until_deleted_or_made_visible() {
    let test_sqs = TestSqs::new().await;
    test_sqs.send("orders", "one").await;
    assert_eq!(test_sqs.counts("orders").await, [1, 0, 0]);
    let first = test_sqs.receive("orders").await;
    assert_eq!(test_sqs.counts("orders").await, [0, 1, 0]);
    assert!(test_sqs.receive("orders").await.is_empty());

    let show = json!({"QueueUrl": url("orders"), "VisibilityTimeout": 0,
                      "ReceiptHandle": first[0]["ReceiptHandle"]});
    test_sqs.ok("ChangeMessageVisibility", show.clone()).await;
    let not_in_flight = "AWS.SimpleQueueService.MessageNotInflight";
    assert_eq!(
        test_sqs
            .error_code("ChangeMessageVisibility", show.clone())
            .await,
        not_in_flight
    );

    let second = test_sqs.receive("orders").await;
    assert_eq!(second[0]["Attributes"]["ApproximateReceiveCount"], "2");
    // The first receipt is outdated: it deletes nothing and hides nothing.
    test_sqs.delete("orders", &first[0]).await;
    assert_eq!(test_sqs.counts("orders").await, [0, 1, 0]);
    assert_eq!(
        test_sqs.error_code("ChangeMessageVisibility", show).await,
        "InvalidParameterValue"
    );
    test_sqs.delete("orders", &second[0]).await;
    test_sqs.delete("orders", &second[0]).await;
    assert_eq!(test_sqs.counts("orders").await, [0, 0, 0]);
}

#[tokio::test]
async fn invalid_requests_are_rejected_with_their_code() {
    let test_sqs = TestSqs::new().await;
    let orders = url("orders");
    let long = "x".repeat(1_048_577);
    let many: serde_json::Map<_, _> = (0..11)
        .map(|n| {
            (
                format!("a{n}"),
                json!({"DataType": "String", "StringValue": "v"}),
            )
        })
        .collect();
    let send = |mut fields: serde_json::Value| {
        fields["QueueUrl"] = json!(orders);
        fields
    };
    for (operation, request, code) in [
        (
            "SendMessage",
            json!({"MessageBody": "x"}),
            "MissingParameter",
        ),
        ("SendMessage", send(json!({})), "MissingParameter"),
        (
            "SendMessage",
            json!({"QueueUrl": url("nowhere"), "MessageBody": "x"}),
            "AWS.SimpleQueueService.NonExistentQueue",
        ),
        (
            "SendMessage",
            send(json!({"MessageBody": "bell \u{7}"})),
            "InvalidMessageContents",
        ),
        (
            "SendMessage",
            send(json!({"MessageBody": "\u{FFFE}"})),
            "InvalidMessageContents",
        ),
        (
            "SendMessage",
            send(json!({"MessageBody": long})),
            "InvalidParameterValue",
        ),
        (
            "SendMessage",
            send(json!({"MessageBody": "x", "DelaySeconds": 901})),
            "InvalidParameterValue",
        ),
        (
            "SendMessage",
            send(json!({"MessageBody": "x", "MessageAttributes": many})),
            "InvalidParameterValue",
        ),
        (
            "SendMessage",
            send(json!({"MessageBody": "x", "MessageAttributes":
                {"n": {"DataType": "Number", "StringValue": "many"}}})),
            "InvalidParameterValue",
        ),
        (
            "SendMessage",
            send(json!({"MessageBody": "x", "MessageAttributes":
                {"AWS.n": {"DataType": "String", "StringValue": "v"}}})),
            "InvalidParameterValue",
        ),
        (
            "SendMessage",
            send(json!({"MessageBody": "x", "MessageDeduplicationId": "1"})),
            "InvalidParameterValue",
        ),
        (
            "SendMessage",
            send(json!({"MessageBody": "x", "MessageGroupId": "two words"})),
            "InvalidParameterValue",
        ),
        (
            "SendMessage",
            send(json!({"MessageBody": 7})),
            "SerializationException",
        ),
        (
            "ReceiveMessage",
            send(json!({"MaxNumberOfMessages": 11})),
            "InvalidParameterValue",
        ),
        (
            "ReceiveMessage",
            send(json!({"WaitTimeSeconds": 21})),
            "InvalidParameterValue",
        ),
        (
            "ReceiveMessage",
            send(json!({"AttributeNames": ["Nonsense"]})),
            "InvalidAttributeName",
        ),
        (
            "DeleteMessage",
            send(json!({"ReceiptHandle": "garbage"})),
            "ReceiptHandleIsInvalid",
        ),
        ("DeleteMessage", send(json!({})), "MissingParameter"),
        ("Dance", json!({}), "InvalidAction"),
    ] {
        let context = format!("{operation} for {code}");
        assert_eq!(
            test_sqs.error_code(operation, request).await,
            code,
            "{context}"
        );
    }
    assert_eq!(test_sqs.counts("orders").await, [0, 0, 0]);
}

#[tokio::test]
async fn each_entry_of_a_batch_has_its_own_result() {
    let test_sqs = TestSqs::new().await;
    let response = test_sqs
        .ok(
            "SendMessageBatch",
            json!({"QueueUrl": url("orders"), "Entries": [
                {"Id": "a", "MessageBody": "one"},
                {"Id": "b", "MessageBody": "\u{0}"},
                {"Id": "c", "MessageBody": "three"},
            ]}),
        )
        .await;
    assert_eq!(response["Successful"][0]["Id"], "a");
    assert_eq!(response["Successful"][1]["Id"], "c");
    assert_eq!(response["Failed"][0]["Id"], "b");
    assert_eq!(response["Failed"][0]["Code"], "InvalidMessageContents");
    assert_eq!(response["Failed"][0]["SenderFault"], true);

    let received = test_sqs.receive("orders").await;
    assert_eq!(bodies(&received), ["one", "three"]);
    let handle = |n: usize| received[n]["ReceiptHandle"].clone();
    let response = test_sqs
        .ok(
            "ChangeMessageVisibilityBatch",
            json!({"QueueUrl": url("orders"), "Entries": [
                {"Id": "a", "ReceiptHandle": handle(0), "VisibilityTimeout": 0},
                {"Id": "b", "ReceiptHandle": handle(1), "VisibilityTimeout": 43_201},
                {"Id": "c", "ReceiptHandle": "garbage", "VisibilityTimeout": 5},
            ]}),
        )
        .await;
    assert_eq!(response["Successful"], json!([{"Id": "a"}]));
    assert_eq!(response["Failed"][0]["Code"], "InvalidParameterValue");
    assert_eq!(response["Failed"][1]["Code"], "ReceiptHandleIsInvalid");

    let response = test_sqs
        .ok(
            "DeleteMessageBatch",
            json!({"QueueUrl": url("orders"), "Entries": [
                {"Id": "a", "ReceiptHandle": handle(0)}, {"Id": "b", "ReceiptHandle": handle(1)},
            ]}),
        )
        .await;
    assert_eq!(list(&response["Successful"]).len(), 2);
    assert!(response.get("Failed").is_none());
    assert_eq!(test_sqs.counts("orders").await, [0, 0, 0]);
}

#[tokio::test]
async fn an_invalid_batch_has_no_effect() {
    let test_sqs = TestSqs::new().await;
    let entry = |id: &str, body: &str| json!({"Id": id, "MessageBody": body});
    let half = "x".repeat(600_000);
    let eleven: Vec<_> = (0..11).map(|n| entry(&n.to_string(), "x")).collect();
    for (entries, code) in [
        (json!([]), "EmptyBatchRequest"),
        (json!(eleven), "TooManyEntriesInBatchRequest"),
        (
            json!([entry("a", "x"), entry("a", "y")]),
            "BatchEntryIdsNotDistinct",
        ),
        (json!([entry("no spaces", "x")]), "InvalidBatchEntryId"),
        (
            json!([entry("a", &half), entry("b", &half)]),
            "BatchRequestTooLong",
        ),
    ] {
        let request = json!({"QueueUrl": url("orders"), "Entries": entries});
        let error = test_sqs.error_code("SendMessageBatch", request).await;
        assert_eq!(error, format!("AWS.SimpleQueueService.{code}"));
    }
    assert_eq!(test_sqs.counts("orders").await, [0, 0, 0]);
}

#[tokio::test]
async fn a_send_ends_a_long_poll() {
    let test_sqs = TestSqs::new().await;
    let wait = json!({"QueueUrl": url("orders"), "WaitTimeSeconds": 20});
    let poll = test_sqs.ok("ReceiveMessage", wait);
    let send = async {
        // The poll was polled first, so its request is in the channel before the send's.
        test_sqs.send("orders", "at last").await;
    };
    let (response, ()) = tokio::join!(biased; poll, send);
    assert_eq!(response["Messages"][0]["Body"], "at last");
    assert_eq!(test_sqs.counts("orders").await, [0, 1, 0]);
}

#[tokio::test]
async fn a_message_that_becomes_visible_ends_a_long_poll() {
    let test_sqs = TestSqs::new().await;
    test_sqs.send("orders", "again").await;
    let request = json!({"QueueUrl": url("orders"), "VisibilityTimeout": 1});
    let first = test_sqs.ok("ReceiveMessage", request).await;
    let request = json!({"QueueUrl": url("orders"), "WaitTimeSeconds": 20});
    let second = test_sqs.ok("ReceiveMessage", request).await;
    assert_eq!(
        first["Messages"][0]["MessageId"],
        second["Messages"][0]["MessageId"]
    );
}

#[tokio::test]
async fn a_cancelled_long_poll_receives_no_message() {
    let test_sqs = TestSqs::new().await;
    let wait = json!({"QueueUrl": url("orders"), "WaitTimeSeconds": 20});
    tokio::select! {
        biased;
        response = test_sqs.ok("ReceiveMessage", wait) => panic!("nothing was sent, yet {response}"),
        // When this returns, the poll before it is waiting.
        _ = test_sqs.counts("orders") => {}
    }
    test_sqs.send("orders", "for the next").await;
    assert_eq!(bodies(&test_sqs.receive("orders").await), ["for the next"]);
}

#[tokio::test]
async fn a_long_poll_ends_empty_at_its_timeout() {
    let test_sqs = TestSqs::new().await;
    let wait = json!({"QueueUrl": url("orders"), "WaitTimeSeconds": 1});
    assert_eq!(test_sqs.ok("ReceiveMessage", wait).await, json!({}));
}

#[tokio::test]
async fn a_noisy_group_does_not_delay_a_quiet_one() {
    let test_sqs = TestSqs::new().await;
    let send = async |group: &str, body: &str| {
        let request =
            json!({"QueueUrl": url("orders"), "MessageBody": body, "MessageGroupId": group});
        test_sqs.ok("SendMessage", request).await;
    };
    for n in 0..30 {
        send("noisy", &format!("noisy {n}")).await;
    }
    assert_eq!(test_sqs.receive("orders").await.len(), 10);
    send("quiet", "quiet 0").await;
    send("quiet", "quiet 1").await;
    let next = test_sqs.receive("orders").await;
    assert_eq!(
        bodies(&next)[..3],
        ["quiet 0", "quiet 1", "noisy 10"],
        "the quiet group is served first, the noisy one still progresses"
    );
}
