//! SNS in its query protocol: `Publish` and `PublishBatch` to a topic's queues, and the topics by name.
//!
//! Knows no raw delivery, no filter policy, no FIFO topic and no subscriber but a queue; signs nothing.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Publishing, need};
use crate::aws_call::Service;
use crate::error_response::{escaped, refused};
use crate::permissions::Need;
use crate::plan::Topic;

/// SNS's largest message, and its largest batch, in bytes.
const LARGEST: usize = 256 * 1024;
/// SNS's most entries of one batch.
const BATCH: usize = 10;
const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";

/// A request of the query protocol: a form.
pub struct Query(Vec<(String, String)>);

/// Why a request, or an entry of a batch, is not done.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Query {
    pub fn read(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// Whether it is SNS's, by its version.
    pub fn is_for_sns(&self) -> bool {
        self.get("Version") == Some("2010-03-31")
    }

    pub fn operation(&self) -> &str {
        self.get("Action").unwrap_or_default()
    }

    /// What a function's role must allow.
    pub fn needs(&self) -> Vec<Need> {
        let action = match self.operation() {
            "PublishBatch" => "Publish",
            other => other,
        };
        need(&format!("sns:{action}"), self.topic().unwrap_or("*"))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    fn topic(&self) -> Option<&str> {
        self.get("TopicArn").or(self.get("TargetArn"))
    }

    /// The entries `1`, `2` and so on under this name, while they have this field.
    fn members(&self, name: &str, field: &str) -> Vec<String> {
        let path = |number: usize| format!("{name}.{number}");
        let there = |path: &String| self.get(&format!("{path}.{field}")).is_some();
        (1..).map(path).take_while(there).collect()
    }
}

impl Publishing {
    pub async fn sns(&self, query: &Query) -> Response {
        let operation = query.operation();
        let answer = match operation {
            "Publish" => self.publish(query).await,
            "PublishBatch" => self.publish_batch(query).await,
            "ListTopics" => Ok(self.list()),
            _ => Err(refusal(
                StatusCode::BAD_REQUEST,
                "InvalidAction",
                "The small cloud's SNS knows Publish, PublishBatch and ListTopics.",
            )),
        };
        let xml = [("content-type", "text/xml")];
        let id = Uuid::new_v4();
        match answer {
            Ok(result) => {
                let body = format!(
                    r#"<{operation}Response xmlns="{NAMESPACE}"><{operation}Result>{result}</{operation}Result><ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{operation}Response>"#
                );
                (xml, body).into_response()
            }
            Err(refusal) => refused(Service::Sns, refusal.status, refusal.code, &refusal.message),
        }
    }

    fn list(&self) -> String {
        let arns = self.wired.topics.iter().map(|topic| &topic.arn);
        let members = arns.map(|arn| format!("<member><TopicArn>{arn}</TopicArn></member>"));
        format!("<Topics>{}</Topics>", members.collect::<String>())
    }

    async fn publish(&self, query: &Query) -> Result<String, Refusal> {
        let topic = self.topic(query)?;
        let id = self.one(topic, query, "").await?;
        Ok(format!("<MessageId>{id}</MessageId>"))
    }

    async fn publish_batch(&self, query: &Query) -> Result<String, Refusal> {
        let topic = self.topic(query)?;
        let entries = query.members("PublishBatchRequestEntries.member", "Id");
        if entries.is_empty() || entries.len() > BATCH {
            let (code, message) = match entries.len() {
                0 => ("EmptyBatchRequest", "The batch has no entries."),
                _ => ("TooManyEntriesInBatchRequest", "The batch has too many."),
            };
            return Err(refusal(StatusCode::BAD_REQUEST, code, message));
        }
        let of = |name: &str| query.get(name).unwrap_or_default().to_owned();
        let whole: usize = entries
            .iter()
            .map(|path| of(&format!("{path}.Message")).len())
            .sum();
        if whole > LARGEST {
            let message = "The batch is longer than 262144 bytes.";
            return Err(refusal(
                StatusCode::BAD_REQUEST,
                "BatchRequestTooLong",
                message,
            ));
        }
        let (mut done, mut failed) = (String::new(), String::new());
        for path in entries {
            let id = escaped(&of(&format!("{path}.Id")));
            match self.one(topic, query, &format!("{path}.")).await {
                Ok(message) => done.push_str(&format!(
                    "<member><Id>{id}</Id><MessageId>{message}</MessageId></member>"
                )),
                Err(refusal) => failed.push_str(&format!(
                    "<member><Id>{id}</Id><Code>{}</Code><Message>{}</Message><SenderFault>{}</SenderFault></member>",
                    refusal.code,
                    escaped(&refusal.message),
                    refusal.status.is_client_error()
                )),
            }
        }
        Ok(format!(
            "<Failed>{failed}</Failed><Successful>{done}</Successful>"
        ))
    }

    fn topic(&self, query: &Query) -> Result<&Topic, Refusal> {
        let arn = query.topic().ok_or_else(|| {
            let message = "Invalid parameter: TopicArn Reason: it is missing";
            refusal(StatusCode::BAD_REQUEST, "InvalidParameter", message)
        })?;
        let known = self.wired.topics.iter().find(|topic| topic.arn == arn);
        known.ok_or_else(|| refusal(StatusCode::NOT_FOUND, "NotFound", "Topic does not exist"))
    }

    /// One message, whose fields' names begin with `path`; its id.
    async fn one(&self, topic: &Topic, query: &Query, path: &str) -> Result<Uuid, Refusal> {
        let get = |name: &str| query.get(&format!("{path}{name}"));
        let invalid = |message: &str| refusal(StatusCode::BAD_REQUEST, "InvalidParameter", message);
        let message = get("Message").unwrap_or_default();
        if message.is_empty() {
            return Err(invalid("Invalid parameter: Empty message"));
        }
        if message.len() > LARGEST {
            return Err(invalid("Invalid parameter: Message too long"));
        }
        let message = match get("MessageStructure") {
            None => message.to_owned(),
            Some("json") => for_queues(message)
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
        let delivered = self.deliver(&topic.queues, &envelope.to_string()).await;
        delivered.map_err(|error| {
            let message = error.to_string();
            refusal(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalFailure",
                &message,
            )
        })?;
        Ok(id)
    }
}

/// What queues get of a message that differs by protocol.
fn for_queues(message: &str) -> Option<String> {
    let by_protocol: Map<String, Value> = serde_json::from_str(message).ok()?;
    let default = by_protocol.get("default")?.as_str()?;
    let own = by_protocol.get("sqs").and_then(Value::as_str);
    Some(own.unwrap_or(default).to_owned())
}

fn refusal(status: StatusCode, code: &'static str, message: &str) -> Refusal {
    Refusal {
        status,
        code,
        message: message.to_owned(),
    }
}
