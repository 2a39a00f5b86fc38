//! SNS's query protocol: `Publish`, `PublishBatch` and `ListTopics`, with queues as subscribers.
//!
//! Raw delivery, filter policies, FIFO topics and message signatures are not supported.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{SnsEventBridge, required_permission, text_attributes};
use crate::aws_call::Service;
use crate::error_response::{error_response, escape_xml};
use crate::permissions::RequiredPermission;
use crate::sqs::SqsError;
use crate::stack_spec::Topic;
use crate::sts;

/// Maximum size of a message and of a batch, in bytes (SNS quota).
const MAX_MESSAGE_BYTES: usize = 256 * 1024;
/// Maximum number of entries of one batch (SNS quota).
const MAX_BATCH_ENTRIES: usize = 10;
const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";

/// A request of the query protocol: form fields in order.
pub struct QueryRequest(Vec<(String, String)>);

/// An error of a request or of one batch entry.
struct SnsError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl QueryRequest {
    pub fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// Whether the request is for SNS, by its `Version`.
    pub fn is_for_sns(&self) -> bool {
        self.get("Version") == Some("2010-03-31")
    }

    pub fn is_for_sts(&self) -> bool {
        self.get("Version") == Some(sts::VERSION)
    }

    pub fn operation(&self) -> &str {
        self.get("Action").unwrap_or_default()
    }

    /// The permissions that the request needs.
    pub fn required_permissions(&self) -> Vec<RequiredPermission> {
        let action = match self.operation() {
            "PublishBatch" => "Publish",
            other => other,
        };
        required_permission(&format!("sns:{action}"), self.topic().unwrap_or("*"))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    fn topic(&self) -> Option<&str> {
        self.get("TopicArn").or(self.get("TargetArn"))
    }

    /// The paths of the list members `<name>.1`, `<name>.2` and so on that have this field.
    fn members(&self, name: &str, field: &str) -> Vec<String> {
        let path = |number: usize| format!("{name}.{number}");
        let exists = |path: &String| self.get(&format!("{path}.{field}")).is_some();
        (1..).map(path).take_while(exists).collect()
    }
}

impl SnsEventBridge {
    pub async fn sns(&self, query: &QueryRequest) -> Response {
        let operation = query.operation();
        let result = match operation {
            "Publish" => self.publish(query).await,
            "PublishBatch" => self.publish_batch(query).await,
            "ListTopics" => Ok(self.list_topics()),
            _ => Err(sns_error(
                StatusCode::BAD_REQUEST,
                "InvalidAction",
                "The embedded SNS supports only Publish, PublishBatch and ListTopics.",
            )),
        };
        let xml = [("content-type", "text/xml")];
        let id = Uuid::new_v4();
        match result {
            Ok(result) => {
                let body = format!(
                    r#"<{operation}Response xmlns="{NAMESPACE}"><{operation}Result>{result}</{operation}Result><ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{operation}Response>"#
                );
                (xml, body).into_response()
            }
            Err(error) => error_response(Service::Sns, error.status, error.code, &error.message),
        }
    }

    fn list_topics(&self) -> String {
        let arns = self.routes.topics.iter().map(|topic| &topic.arn);
        let members = arns.map(|arn| format!("<member><TopicArn>{arn}</TopicArn></member>"));
        format!("<Topics>{}</Topics>", members.collect::<String>())
    }

    async fn publish(&self, query: &QueryRequest) -> Result<String, SnsError> {
        let topic = self.topic(query)?;
        let id = self.publish_one(topic, query, "").await?;
        Ok(format!("<MessageId>{id}</MessageId>"))
    }

    async fn publish_batch(&self, query: &QueryRequest) -> Result<String, SnsError> {
        let topic = self.topic(query)?;
        let entries = query.members("PublishBatchRequestEntries.member", "Id");
        if entries.is_empty() || entries.len() > MAX_BATCH_ENTRIES {
            let (code, message) = match entries.len() {
                0 => (
                    "EmptyBatchRequest",
                    "The batch request doesn't contain any entries.",
                ),
                _ => (
                    "TooManyEntriesInBatchRequest",
                    "The batch request contains more entries than permissible.",
                ),
            };
            return Err(sns_error(StatusCode::BAD_REQUEST, code, message));
        }
        let field = |name: &str| query.get(name).unwrap_or_default().to_owned();
        let batch_bytes: usize = entries
            .iter()
            .map(|path| field(&format!("{path}.Message")).len())
            .sum();
        if batch_bytes > MAX_MESSAGE_BYTES {
            let message = "The batch is longer than 262144 bytes.";
            return Err(sns_error(
                StatusCode::BAD_REQUEST,
                "BatchRequestTooLong",
                message,
            ));
        }
        let (mut successful, mut failed) = (String::new(), String::new());
        for path in entries {
            let id = escape_xml(&field(&format!("{path}.Id")));
            match self.publish_one(topic, query, &format!("{path}.")).await {
                Ok(message) => successful.push_str(&format!(
                    "<member><Id>{id}</Id><MessageId>{message}</MessageId></member>"
                )),
                Err(error) => failed.push_str(&format!(
                    "<member><Id>{id}</Id><Code>{}</Code><Message>{}</Message><SenderFault>{}</SenderFault></member>",
                    error.code,
                    escape_xml(&error.message),
                    error.status.is_client_error()
                )),
            }
        }
        Ok(format!(
            "<Failed>{failed}</Failed><Successful>{successful}</Successful>"
        ))
    }

    fn topic(&self, query: &QueryRequest) -> Result<&Topic, SnsError> {
        let arn = query.topic().ok_or_else(|| {
            let message = "Invalid parameter: TopicArn Reason: the parameter is missing";
            sns_error(StatusCode::BAD_REQUEST, "InvalidParameter", message)
        })?;
        let topic = self.routes.topics.iter().find(|topic| topic.arn == arn);
        topic.ok_or_else(|| sns_error(StatusCode::NOT_FOUND, "NotFound", "Topic does not exist"))
    }

    /// Publishes the message whose field names begin with `path`; returns its id.
    async fn publish_one(
        &self,
        topic: &Topic,
        query: &QueryRequest,
        path: &str,
    ) -> Result<Uuid, SnsError> {
        let get = |name: &str| query.get(&format!("{path}{name}"));
        let invalid =
            |message: &str| sns_error(StatusCode::BAD_REQUEST, "InvalidParameter", message);
        let message = get("Message").unwrap_or_default();
        if message.is_empty() {
            return Err(invalid("Invalid parameter: Empty message"));
        }
        if message.len() > MAX_MESSAGE_BYTES {
            return Err(invalid("Invalid parameter: Message too long"));
        }
        let message = match get("MessageStructure") {
            None => message.to_owned(),
            Some("json") => sqs_message(message)
                .ok_or_else(|| invalid("Invalid parameter: Message Structure - no default"))?,
            Some(_) => return Err(invalid("Invalid parameter: MessageStructure")),
        };
        let id = Uuid::new_v4();
        let now = Timestamp::now();
        let mut envelope = json!({
            "Type": "Notification", "MessageId": id.to_string(), "TopicArn": topic.arn,
            "Message": message, "Timestamp": format!("{now:.3}"), "SignatureVersion": "1",
            "Signature": "", "SigningCertURL": "", "UnsubscribeURL": "",
        });
        if let Some(subject) = get("Subject") {
            envelope["Subject"] = subject.into();
        }
        let mut attributes = Map::new();
        for entry in query.members(&format!("{path}MessageAttributes.entry"), "Name") {
            let part = |name: &str| query.get(&format!("{entry}.{name}")).unwrap_or_default();
            let value = match part("Value.StringValue") {
                "" => part("Value.BinaryValue"),
                text => text,
            };
            let attribute = json!({"Type": part("Value.DataType"), "Value": value});
            attributes.insert(part("Name").to_owned(), attribute);
        }
        if !attributes.is_empty() {
            envelope["MessageAttributes"] = Value::Object(attributes);
        }
        let envelope = envelope.to_string();
        for target in &topic.targets {
            let delivered = self.deliver(target, &envelope, evidence).await;
            delivered.map_err(|error| {
                let message = error.to_string();
                sns_error(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "InternalFailure",
                    &message,
                )
            })?;
        }
        Ok(id)
    }
}

/// The message attributes of a dead letter of SNS.
fn evidence(error: &SqsError) -> Value {
    text_attributes([
        ("RequestID", Uuid::new_v4().to_string()),
        ("ErrorCode", "400".to_owned()),
        ("ErrorMessage", error.to_string()),
    ])
}

/// The SQS text of a message with one text per protocol (`MessageStructure` `json`).
fn sqs_message(message: &str) -> Option<String> {
    let by_protocol: Map<String, Value> = serde_json::from_str(message).ok()?;
    let default = by_protocol.get("default")?.as_str()?;
    let for_sqs = by_protocol.get("sqs").and_then(Value::as_str);
    Some(for_sqs.unwrap_or(default).to_owned())
}

fn sns_error(status: StatusCode, code: &'static str, message: &str) -> SnsError {
    SnsError {
        status,
        code,
        message: message.to_owned(),
    }
}
