//! EventBridge's `PutEvents`: delivers each event to the queues of the rules that match it.
//!
//! Patterns match `source`, `detail-type` and `account` exactly or by prefix. Archives, replays and
//! targets other than queues are not supported.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{SnsEventBridge, required_permission, text_attributes};
use crate::aws_call::Service;
use crate::error_response::error_response;
use crate::permissions::RequiredPermission;
use crate::sqs::SqsError;
use crate::stack_spec::{ACCOUNT, EventRule, FieldMatcher, REGION};

/// Maximum number of entries of one request (EventBridge's quota).
const MAX_ENTRIES: usize = 10;
/// The default event bus of every account.
const DEFAULT_BUS: &str = "default";

/// The permissions that a request needs.
pub fn required_for_put_events(operation: &str, body: &[u8]) -> Vec<RequiredPermission> {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let entries = request["Entries"].as_array().into_iter().flatten();
    let for_entry = |entry: &Value| {
        let bus = bus_name(entry);
        let arn = format!("arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{bus}");
        required_permission(&format!("events:{operation}"), arn)
    };
    entries.flat_map(for_entry).collect()
}

/// The name of the entry's bus, which may be given as an ARN.
fn bus_name(entry: &Value) -> &str {
    let named = entry["EventBusName"].as_str().unwrap_or(DEFAULT_BUS);
    named.rsplit('/').next().unwrap_or(named)
}

impl SnsEventBridge {
    pub async fn events(&self, operation: &str, body: &[u8]) -> Response {
        let error = |code: &str, message: &str| {
            error_response(Service::Events, StatusCode::BAD_REQUEST, code, message)
        };
        if operation != "PutEvents" {
            let message = "The embedded EventBridge supports only PutEvents.";
            return error("UnknownOperationException", message);
        }
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let entries = match request["Entries"].as_array() {
            Some(entries) if (1..=MAX_ENTRIES).contains(&entries.len()) => entries,
            _ => return error("ValidationException", "There must be 1 to 10 Entries."),
        };
        let mut results = vec![];
        for entry in entries {
            results.push(match self.put_event(entry).await {
                Ok(id) => json!({"EventId": id.to_string()}),
                Err((code, message)) => json!({"ErrorCode": code, "ErrorMessage": message}),
            });
        }
        let failed = results
            .iter()
            .filter(|result| result.get("EventId").is_none());
        let response = json!({"FailedEntryCount": failed.count(), "Entries": results});
        let headers = [("content-type", "application/x-amz-json-1.1")];
        (headers, response.to_string()).into_response()
    }

    async fn put_event(&self, entry: &Value) -> Result<Uuid, (&'static str, String)> {
        let text = |name: &str| {
            let text = entry[name].as_str().filter(|text| !text.is_empty());
            text.ok_or_else(|| ("InvalidArgument", format!("{name} is missing.")))
        };
        let (source, detail_type) = (text("Source")?, text("DetailType")?);
        let detail: Value = serde_json::from_str(text("Detail")?)
            .ok()
            .filter(Value::is_object)
            .ok_or_else(|| ("MalformedDetail", "Detail is not a JSON object.".to_owned()))?;
        let bus = bus_name(entry);
        if bus != DEFAULT_BUS && !self.routes.buses.iter().any(|known| known == bus) {
            let message = format!("Event bus {bus} does not exist.");
            return Err(("ResourceNotFoundException", message));
        }
        let id = Uuid::new_v4();
        let now = Timestamp::now();
        let event = json!({
            "version": "0", "id": id.to_string(), "detail-type": detail_type, "source": source,
            "account": ACCOUNT, "time": format!("{now:.0}"), "region": REGION,
            "resources": entry.get("Resources").cloned().unwrap_or_else(|| json!([])),
            "detail": detail,
        });
        let matching = |rule: &&EventRule| rule.bus == bus && rule_matches(rule, &event);
        for rule in self.routes.rules.iter().filter(matching) {
            for target in &rule.targets {
                let evidence = |error: &SqsError| evidence(rule, &target.queue, error);
                let delivered = self.deliver(target, &event.to_string(), evidence).await;
                delivered.map_err(|error| ("InternalFailure", error.to_string()))?;
            }
        }
        Ok(id)
    }
}

/// The message attributes of a dead letter of EventBridge.
fn evidence(rule: &EventRule, queue: &str, error: &SqsError) -> Value {
    text_attributes([
        ("RULE_ARN", rule.arn.clone()),
        (
            "TARGET_ARN",
            format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"),
        ),
        ("ERROR_CODE", "NO_RESOURCE".to_owned()),
        ("ERROR_MESSAGE", error.to_string()),
    ])
}

fn rule_matches(rule: &EventRule, event: &Value) -> bool {
    rule.pattern.iter().all(|(field, accepted_values)| {
        let actual = event[field].as_str().unwrap_or_default();
        accepted_values.iter().any(|accepted| match accepted {
            FieldMatcher::Exact(text) => actual == text,
            FieldMatcher::Prefix(prefix) => actual.starts_with(prefix.as_str()),
        })
    })
}
