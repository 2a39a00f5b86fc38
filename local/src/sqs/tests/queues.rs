//! Tests of administrative operations.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{TestSqs, arn, list, redrive_to, url};
use crate::stack_spec;

#[tokio::test]
async fn creating_a_queue_twice_fails_only_if_an_attribute_differs() {
    let test_sqs = TestSqs::new().await;
    let create =
        |seconds: &str| json!({"QueueName": "jobs", "Attributes": {"VisibilityTimeout": seconds}});
    let response = test_sqs.ok("CreateQueue", create("120")).await;
    assert_eq!(
        response["QueueUrl"],
        "http://127.0.0.1:4566/000000000000/jobs"
    );
    test_sqs.ok("CreateQueue", create("120")).await;
    test_sqs
        .ok("CreateQueue", json!({"QueueName": "jobs"}))
        .await;
    let error = test_sqs
        .call("CreateQueue", create("121"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, "com.amazonaws.sqs#QueueNameExists");
    assert_eq!(error.query_error(), "QueueAlreadyExists;Sender");
    let body: Value = serde_json::from_slice(&error.body()).unwrap();
    assert_eq!(body["__type"], "com.amazonaws.sqs#QueueNameExists");
    assert!(
        body["message"]
            .as_str()
            .unwrap()
            .contains("VisibilityTimeout")
    );
}

#[tokio::test]
async fn an_invalid_queue_is_rejected_without_side_effects() {
    let test_sqs = TestSqs::new().await;
    let with = |name: &str, value: Value| json!({"QueueName": "q", "Attributes": {name: value}});
    for (request, code) in [
        (
            json!({"QueueName": "q.fifo"}),
            "AWS.SimpleQueueService.UnsupportedOperation",
        ),
        (json!({"QueueName": "no spaces"}), "InvalidParameterValue"),
        (json!({}), "MissingParameter"),
        (with("FifoQueue", json!("true")), "InvalidAttributeValue"),
        (with("Colour", json!("red")), "InvalidAttributeName"),
        (with("QueueArn", json!("x")), "InvalidAttributeName"),
        (
            with("VisibilityTimeout", json!("43201")),
            "InvalidAttributeValue",
        ),
        (with("DelaySeconds", json!("soon")), "InvalidAttributeValue"),
        (
            with("MaximumMessageSize", json!("1048577")),
            "InvalidAttributeValue",
        ),
        (
            with("RedrivePolicy", redrive_to("nowhere", 3)),
            "InvalidParameterValue",
        ),
        (
            with("RedrivePolicy", redrive_to("orders", 0)),
            "InvalidParameterValue",
        ),
        (
            with("RedrivePolicy", redrive_to("q", 3)),
            "InvalidParameterValue",
        ),
        (
            with(
                "RedriveAllowPolicy",
                json!("{\"redrivePermission\":\"byQueue\"}"),
            ),
            "InvalidAttributeValue",
        ),
    ] {
        let context = request.to_string();
        assert_eq!(
            test_sqs.error_code("CreateQueue", request).await,
            code,
            "{context}"
        );
        let missing_queue = "AWS.SimpleQueueService.NonExistentQueue";
        assert_eq!(
            test_sqs
                .error_code("GetQueueUrl", json!({"QueueName": "q"}))
                .await,
            missing_queue
        );
    }
}

#[tokio::test]
async fn attributes_are_reported_with_their_defaults_and_can_be_changed() {
    let test_sqs = TestSqs::new().await;
    let ask = |names: Value| json!({"QueueUrl": url("orders"), "AttributeNames": names});
    let all = test_sqs.ok("GetQueueAttributes", ask(json!(["All"]))).await;
    for (name, value) in [
        ("VisibilityTimeout", "30"),
        ("DelaySeconds", "0"),
        ("MaximumMessageSize", "1048576"),
        ("MessageRetentionPeriod", "345600"),
        ("ReceiveMessageWaitTimeSeconds", "0"),
        ("ApproximateNumberOfMessages", "0"),
        ("QueueArn", &arn("orders")),
    ] {
        assert_eq!(all["Attributes"][name], value, "{name}");
    }
    test_sqs
        .ok(
            "SetQueueAttributes",
            json!({"QueueUrl": url("orders"), "Attributes": {"DelaySeconds": "9"}}),
        )
        .await;
    let one = test_sqs
        .ok("GetQueueAttributes", ask(json!(["DelaySeconds"])))
        .await;
    assert_eq!(one, json!({"Attributes": {"DelaySeconds": "9"}}));
    test_sqs.send("orders", "later").await;
    assert_eq!(test_sqs.counts("orders").await, [0, 0, 1]);
    assert_eq!(
        test_sqs.ok("GetQueueAttributes", ask(json!([]))).await,
        json!({})
    );
    assert_eq!(
        test_sqs
            .error_code("GetQueueAttributes", ask(json!(["Colour"])))
            .await,
        "InvalidAttributeName"
    );
}

#[tokio::test]
async fn queues_are_listed_by_prefix_in_pages() {
    let test_sqs = TestSqs::new().await;
    for name in ["a-1", "a-2", "a-3", "b-1"] {
        test_sqs.ok("CreateQueue", json!({"QueueName": name})).await;
    }
    let ask = |token: &Value| json!({"QueueNamePrefix": "a-", "MaxResults": 2, "NextToken": token});
    let first = test_sqs.ok("ListQueues", ask(&Value::Null)).await;
    let second = test_sqs.ok("ListQueues", ask(&first["NextToken"])).await;
    let names: Vec<_> = [&first, &second]
        .iter()
        .flat_map(|page| list(&page["QueueUrls"]))
        .map(|url| url.as_str().unwrap().rsplit('/').next().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["a-1", "a-2", "a-3"]);
    assert!(second.get("NextToken").is_none());
    let everything: Value =
        serde_json::from_slice(&test_sqs.sqs.call("ListQueues", b"").await.unwrap()).unwrap();
    assert_eq!(list(&everything["QueueUrls"]).len(), 5);
}

#[tokio::test]
async fn tags_are_added_and_removed() {
    let test_sqs = TestSqs::new().await;
    let queue = url("orders");
    let tags = json!({"QueueUrl": queue, "Tags": {"team": "a", "stage": "dev"}});
    test_sqs.ok("TagQueue", tags).await;
    test_sqs
        .ok(
            "UntagQueue",
            json!({"QueueUrl": queue, "TagKeys": ["stage"]}),
        )
        .await;
    let test_sqs = test_sqs.reopened();
    assert_eq!(
        test_sqs
            .ok("ListQueueTags", json!({"QueueUrl": queue}))
            .await,
        json!({"Tags": {"team": "a"}})
    );
}

#[tokio::test]
async fn a_purge_empties_the_queue_at_once_and_only_once_a_minute() {
    let test_sqs = TestSqs::new().await;
    for n in 0..3 {
        test_sqs.send("orders", &n.to_string()).await;
    }
    let received = test_sqs.receive("orders").await;
    let purge = json!({"QueueUrl": url("orders")});
    test_sqs.ok("PurgeQueue", purge.clone()).await;
    assert_eq!(test_sqs.counts("orders").await, [0, 0, 0]);
    test_sqs.delete("orders", &received[0]).await;
    assert_eq!(
        test_sqs.error_code("PurgeQueue", purge).await,
        "AWS.SimpleQueueService.PurgeQueueInProgress"
    );
    test_sqs.send("orders", "new").await;
    assert_eq!(test_sqs.counts("orders").await, [1, 0, 0]);
}

#[tokio::test]
async fn deleting_a_queue_ends_its_long_polls_and_frees_its_name() {
    let test_sqs = TestSqs::new().await;
    let wait = json!({"QueueUrl": url("orders"), "WaitTimeSeconds": 20});
    let poll = test_sqs.error_code("ReceiveMessage", wait);
    let delete = test_sqs.ok("DeleteQueue", json!({"QueueUrl": url("orders")}));
    let (error, _) = tokio::join!(biased; poll, delete);
    assert_eq!(error, "AWS.SimpleQueueService.NonExistentQueue");
    test_sqs
        .ok("CreateQueue", json!({"QueueName": "orders"}))
        .await;
    assert_eq!(test_sqs.counts("orders").await, [0, 0, 0]);
}

#[tokio::test]
async fn provisioning_keeps_messages_and_takes_queues_in_any_order() {
    let test_sqs = TestSqs::new().await;
    let queue = |name: &str, attributes: &[(&str, Value)]| stack_spec::Queue {
        name: name.to_owned(),
        attributes: attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_str().unwrap().to_owned()))
            .collect::<BTreeMap<_, _>>(),
    };
    test_sqs.send("orders", "kept").await;
    let source = queue("orders", &[("RedrivePolicy", redrive_to("dead", 2))]);
    let sources = json!({"redrivePermission": "byQueue", "sourceQueueArns": [arn("orders")]});
    let dead = queue(
        "dead",
        &[("RedriveAllowPolicy", json!(sources.to_string()))],
    );
    test_sqs
        .sqs
        .provision(&[source.clone(), dead.clone()])
        .await
        .unwrap();
    assert_eq!(test_sqs.counts("orders").await, [1, 0, 0]);
    let sources = test_sqs
        .ok(
            "ListDeadLetterSourceQueues",
            json!({"QueueUrl": url("dead")}),
        )
        .await;
    assert_eq!(
        sources["queueUrls"],
        json!(["http://127.0.0.1:4566/000000000000/orders"])
    );

    // A source that the target does not allow, and a missing target: nothing changes.
    let not_allowed = queue("stranger", &[("RedrivePolicy", redrive_to("dead", 2))]);
    let without_target = queue("orders", &[("RedrivePolicy", redrive_to("nowhere", 2))]);
    for wrong in [not_allowed, without_target] {
        let error = test_sqs.sqs.provision(&[dead.clone(), wrong]).await;
        assert!(format!("{:#}", error.unwrap_err()).contains("RedrivePolicy"));
    }
    let test_sqs = test_sqs.reopened();
    test_sqs.sqs.provision(&[source, dead]).await.unwrap();
    let urls = test_sqs.ok("ListQueues", json!({})).await;
    assert_eq!(list(&urls["QueueUrls"]).len(), 2);
    assert_eq!(test_sqs.counts("orders").await, [1, 0, 0]);
}
