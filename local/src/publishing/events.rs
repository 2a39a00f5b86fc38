//! EventBridge's `PutEvents`: an event is in the queues of the rules that match it, or of none.
//!
//! Knows exact texts and prefixes of `source`, `detail-type` and `account`; no archive, no replay, no target
//! but a queue.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Publishing, need};
use crate::aws_call::Service;
use crate::error_response::refused;
use crate::permissions::Need;
use crate::plan::{ACCOUNT, EventRule, Match, REGION};

/// EventBridge's most entries of one request.
const MOST: usize = 10;
/// The bus that every account has.
const DEFAULT: &str = "default";

/// What a function's role must allow for a request.
pub fn needs(operation: &str, body: &[u8]) -> Vec<Need> {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let entries = request["Entries"].as_array().into_iter().flatten();
    let need = |entry: &Value| {
        let bus = bus(entry);
        let arn = format!("arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{bus}");
        need(&format!("events:{operation}"), arn)
    };
    entries.flat_map(need).collect()
}

/// The bus's name, which may be given by its ARN.
fn bus(entry: &Value) -> &str {
    let named = entry["EventBusName"].as_str().unwrap_or(DEFAULT);
    named.rsplit('/').next().unwrap_or(named)
}

impl Publishing {
    pub async fn events(&self, operation: &str, body: &[u8]) -> Response {
        let refuse = |code: &str, message: &str| {
            refused(Service::Events, StatusCode::BAD_REQUEST, code, message)
        };
        if operation != "PutEvents" {
            let message = "The small cloud's EventBridge knows PutEvents.";
            return refuse("UnknownOperationException", message);
        }
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let entries = match request["Entries"].as_array() {
            Some(entries) if (1..=MOST).contains(&entries.len()) => entries,
            _ => return refuse("ValidationException", "There must be 1 to 10 Entries."),
        };
        let mut answers = vec![];
        for entry in entries {
            answers.push(match self.put(entry).await {
                Ok(id) => json!({"EventId": id.to_string()}),
                Err((code, message)) => json!({"ErrorCode": code, "ErrorMessage": message}),
            });
        }
        let failed = answers
            .iter()
            .filter(|answer| answer.get("EventId").is_none());
        let answer = json!({"FailedEntryCount": failed.count(), "Entries": answers});
        let headers = [("content-type", "application/x-amz-json-1.1")];
        (headers, answer.to_string()).into_response()
    }

    async fn put(&self, entry: &Value) -> Result<Uuid, (&'static str, String)> {
        let text = |name: &str| {
            let text = entry[name].as_str().filter(|text| !text.is_empty());
            text.ok_or_else(|| ("InvalidArgument", format!("{name} is missing.")))
        };
        let (source, kind) = (text("Source")?, text("DetailType")?);
        let detail: Value = serde_json::from_str(text("Detail")?)
            .ok()
            .filter(Value::is_object)
            .ok_or_else(|| ("MalformedDetail", "Detail is no JSON object.".to_owned()))?;
        let bus = bus(entry);
        if bus != DEFAULT && !self.wired.buses.iter().any(|known| known == bus) {
            let message = format!("Event bus {bus} does not exist.");
            return Err(("ResourceNotFoundException", message));
        }
        let id = Uuid::new_v4();
        let now = Timestamp::now();
        let event = json!({
            "version": "0", "id": id.to_string(), "detail-type": kind, "source": source,
            "account": ACCOUNT, "time": format!("{now:.0}"), "region": REGION,
            "resources": entry.get("Resources").cloned().unwrap_or_else(|| json!([])),
            "detail": detail,
        });
        let matching = |rule: &&EventRule| rule.bus == bus && matches(rule, &event);
        for rule in self.wired.rules.iter().filter(matching) {
            let delivered = self.deliver(&rule.queues, &event.to_string()).await;
            delivered.map_err(|error| ("InternalFailure", error.to_string()))?;
        }
        Ok(id)
    }
}

fn matches(rule: &EventRule, event: &Value) -> bool {
    rule.pattern.iter().all(|(field, several)| {
        let is = event[field].as_str().unwrap_or_default();
        several.iter().any(|one| match one {
            Match::Exactly(text) => is == text,
            Match::Prefix(prefix) => is.starts_with(prefix.as_str()),
        })
    })
}
