//! Converts received SQS messages into the event that Lambda passes to a function.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::stack_spec::REGION;

/// The event with one record per message.
pub(super) fn sqs_event(messages: &[Value], queue_arn: &str) -> Bytes {
    let records: Vec<Value> = messages
        .iter()
        .map(|message| record(message, queue_arn))
        .collect();
    json!({ "Records": records }).to_string().into()
}

fn record(message: &Value, queue_arn: &str) -> Value {
    let attributes = match &message["Attributes"] {
        Value::Null => json!({}),
        attributes => attributes.clone(),
    };
    json!({
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "md5OfBody": message["MD5OfBody"],
        "attributes": attributes,
        "messageAttributes": message_attributes(&message["MessageAttributes"]),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    })
}

/// Lambda's names start in lower case, those of SQS in upper case.
fn message_attributes(attributes: &Value) -> Value {
    let converted: Map<String, Value> = attributes
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, attribute)| (name.clone(), message_attribute(attribute)))
        .collect();
    Value::Object(converted)
}

fn message_attribute(attribute: &Value) -> Value {
    let mut converted = json!({
        "dataType": attribute["DataType"],
        "stringListValues": [],
        "binaryListValues": [],
    });
    for (lambda_name, sqs_name) in [
        ("stringValue", "StringValue"),
        ("binaryValue", "BinaryValue"),
    ] {
        if let Some(value) = attribute.get(sqs_name) {
            converted[lambda_name] = value.clone();
        }
    }
    converted
}
