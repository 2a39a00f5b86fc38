//! Delivery and error responses, against a real SQS store.

use axum::body::to_bytes;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::{QueryRequest, SnsEventBridge};
use crate::sqs::Sqs;
use crate::stack_spec::{
    ACCOUNT, EventRule, FieldMatcher, Queue, QueueTarget, REGION, StackSpec, Topic,
};

const ENDPOINT: &str = "http://127.0.0.1:4566";

struct Fixture {
    services: SnsEventBridge,
    sqs: Sqs,
    _folder: tempfile::TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sqs = Sqs::open(folder.path(), ENDPOINT.to_owned()).unwrap();
        let queue = |name: &str| Queue {
            name: name.to_owned(),
            attributes: [].into(),
        };
        let target = QueueTarget {
            queue: "q".to_owned(),
            dead_letter_queue: Some("dead".to_owned()),
        };
        let spec = StackSpec {
            queues: vec![queue("q"), queue("dead")],
            topics: vec![Topic {
                arn: arn("t"),
                targets: vec![target.clone()],
            }],
            buses: vec!["b".to_owned()],
            event_rules: vec![EventRule {
                arn: format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/b/r"),
                bus: "b".to_owned(),
                pattern: vec![(
                    "source".to_owned(),
                    vec![FieldMatcher::Prefix("shop".to_owned())],
                )],
                targets: vec![target],
            }],
            ..StackSpec::default()
        };
        sqs.provision(&spec.queues).await.unwrap();
        Self {
            services: SnsEventBridge::new(&spec, &sqs, ENDPOINT),
            sqs,
            _folder: folder,
        }
    }

    async fn sns(&self, form: &str) -> (StatusCode, String) {
        let query = QueryRequest::parse(form.as_bytes());
        assert!(query.is_for_sns());
        text(self.services.sns(&query).await).await
    }

    /// The bodies of the messages in the queue, parsed.
    async fn received(&self) -> Vec<Value> {
        let messages = self.messages("q").await;
        messages
            .iter()
            .map(|message| serde_json::from_str(message["Body"].as_str().unwrap()).unwrap())
            .collect()
    }

    async fn messages(&self, queue: &str) -> Vec<Value> {
        let url = format!("{ENDPOINT}/{ACCOUNT}/{queue}");
        let receive =
            json!({"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]});
        let receive = receive.to_string();
        let response = self.sqs.call("ReceiveMessage", receive.as_bytes()).await;
        let mut response: Value = serde_json::from_slice(&response.unwrap()).unwrap();
        match response["Messages"].take() {
            Value::Array(messages) => messages,
            _ => vec![],
        }
    }

    async fn delete_queue(&self, queue: &str) {
        let delete = json!({"QueueUrl": format!("{ENDPOINT}/{ACCOUNT}/{queue}")}).to_string();
        let deleted = self.sqs.call("DeleteQueue", delete.as_bytes()).await;
        deleted.unwrap();
    }
}

fn arn(topic: &str) -> String {
    format!("arn:aws:sns:{REGION}:{ACCOUNT}:{topic}")
}

async fn text(response: Response) -> (StatusCode, String) {
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_message_is_in_the_queue_before_the_publisher_gets_a_response() {
    let fixture = Fixture::new().await;
    let topic = arn("t");
    let form = format!(
        "Action=Publish&Version=2010-03-31&TopicArn={topic}&Message=a%20%3Cb%3E%20%26+c&Subject=s\
         &MessageAttributes.entry.1.Name=n&MessageAttributes.entry.1.Value.DataType=String\
         &MessageAttributes.entry.1.Value.StringValue=v"
    );
    let (status, response) = fixture.sns(&form).await;
    assert_eq!(status, StatusCode::OK);
    let envelope = fixture.received().await.pop().unwrap();
    assert!(response.contains(envelope["MessageId"].as_str().unwrap()));
    assert_eq!(envelope["Message"], "a <b> & c");
    assert_eq!(envelope["Subject"], "s");
    assert_eq!(
        envelope["MessageAttributes"]["n"],
        json!({"Type": "String", "Value": "v"})
    );
}

#[tokio::test]
async fn a_batch_has_a_result_for_each_entry() {
    let fixture = Fixture::new().await;
    let entry = |n: usize, id: &str, message: &str| {
        format!(
            "&PublishBatchRequestEntries.member.{n}.Id={id}&PublishBatchRequestEntries.member.{n}.Message={message}"
        )
    };
    let form = format!(
        "Action=PublishBatch&Version=2010-03-31&TopicArn={}{}{}",
        arn("t"),
        entry(1, "one", "hello"),
        entry(2, "two", "")
    );
    let (status, response) = fixture.sns(&form).await;
    assert_eq!(status, StatusCode::OK);
    assert!(response.contains("<Successful><member><Id>one</Id>"));
    assert!(response.contains("<Failed><member><Id>two</Id><Code>InvalidParameter</Code>"));
    assert_eq!(fixture.received().await.len(), 1);
}

#[tokio::test]
async fn an_unknown_topic_is_not_found() {
    let fixture = Fixture::new().await;
    for (form, status, code) in [
        (
            format!("Action=Publish&TopicArn={}&Message=m", arn("x")),
            404,
            "NotFound",
        ),
        ("Action=Publish&Message=m".into(), 400, "InvalidParameter"),
        (
            format!("Action=Publish&TopicArn={}", arn("t")),
            400,
            "InvalidParameter",
        ),
        ("Action=Subscribe".into(), 400, "InvalidAction"),
    ] {
        let response = fixture.sns(&format!("Version=2010-03-31&{form}")).await;
        assert_eq!(response.0.as_u16(), status, "{form}");
        assert!(response.1.contains(&format!("<Code>{code}</Code>")));
    }
    assert!(fixture.received().await.is_empty());
}

#[tokio::test]
async fn an_event_reaches_the_queues_of_the_rules_that_match_it() {
    let fixture = Fixture::new().await;
    let entry = |bus: &str, source: &str, detail: &str| json!({"EventBusName": bus, "Source": source, "DetailType": "d", "Detail": detail});
    let bus = format!("arn:aws:events:{REGION}:{ACCOUNT}:event-bus/b");
    let entries = [
        entry("b", "shop.deals", r#"{"n": 1}"#),
        entry(&bus, "shop", r#"{"n": 2}"#),
        entry("b", "elsewhere", r#"{"n": 3}"#),
        entry("default", "shop", r#"{"n": 4}"#),
        entry("nowhere", "shop", r#"{"n": 5}"#),
        entry("b", "shop", "no JSON"),
    ];
    let request = json!({ "Entries": entries }).to_string();
    let response = fixture
        .services
        .events("PutEvents", request.as_bytes())
        .await;
    let (status, response) = text(response).await;
    let response: Value = serde_json::from_str(&response).unwrap();
    assert_eq!(
        (status, &response["FailedEntryCount"]),
        (StatusCode::OK, &json!(2))
    );
    assert_eq!(response["Entries"][5]["ErrorCode"], "MalformedDetail");
    let mut numbers: Vec<Value> = fixture.received().await;
    numbers
        .iter_mut()
        .for_each(|event| *event = event["detail"]["n"].take());
    numbers.sort_by_key(Value::as_u64);
    assert_eq!(numbers, [json!(1), json!(2)]);
}

#[tokio::test]
async fn what_can_not_be_delivered_is_a_dead_letter_with_its_evidence() {
    let fixture = Fixture::new().await;
    fixture.delete_queue("q").await;
    let form = format!(
        "Action=Publish&Version=2010-03-31&TopicArn={}&Message=m",
        arn("t")
    );
    assert_eq!(fixture.sns(&form).await.0, StatusCode::OK);
    let entry =
        json!({"EventBusName": "b", "Source": "shop", "DetailType": "d", "Detail": r#"{"n": 1}"#});
    let request = json!({ "Entries": [entry] }).to_string();
    let events = &fixture.services;
    let response = text(events.events("PutEvents", request.as_bytes()).await).await;
    assert!(response.1.contains(r#""FailedEntryCount":0"#));
    let dead = fixture.messages("dead").await;
    let attribute = |name: &str| {
        let mut found = dead
            .iter()
            .filter_map(|message| message["MessageAttributes"][name]["StringValue"].as_str());
        found.next().map(str::to_owned)
    };
    assert_eq!(dead.len(), 2);
    assert_eq!(attribute("ErrorCode").as_deref(), Some("400"));
    let rule = format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/b/r");
    assert_eq!(attribute("RULE_ARN"), Some(rule));
    assert_eq!(
        attribute("TARGET_ARN").unwrap(),
        arn("q").replace("sns", "sqs")
    );

    // Without either queue the publisher gets an error, where AWS would drop the message and count it.
    fixture.delete_queue("dead").await;
    let lost = fixture.sns(&form).await;
    assert_eq!(lost.0, StatusCode::INTERNAL_SERVER_ERROR);
}
