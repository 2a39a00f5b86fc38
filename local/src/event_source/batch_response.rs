//! Interprets a function's response to a batch (`ReportBatchItemFailures`).

use std::collections::HashSet;

use serde_json::Value;

/// Which messages of a batch were processed.
pub(super) enum BatchOutcome {
    AllSucceeded,
    /// All but the messages with these ids.
    PartiallyFailed(HashSet<String>),
    AllFailed,
}

impl BatchOutcome {
    /// Interprets a partial batch response as AWS does: nothing, null or an empty list is success; any other
    /// shape, or the id of a message that is not in the batch, fails the whole batch.
    pub(super) fn from_response(response: &[u8], messages: &[Value]) -> BatchOutcome {
        if response.iter().all(u8::is_ascii_whitespace) {
            return BatchOutcome::AllSucceeded;
        }
        let Ok(response) = serde_json::from_slice::<Value>(response) else {
            return BatchOutcome::AllFailed;
        };
        let failures = match response.get("batchItemFailures") {
            Some(Value::Array(failures)) => failures,
            Some(Value::Null) => return BatchOutcome::AllSucceeded,
            Some(_) => return BatchOutcome::AllFailed,
            // Another kind of response (null, `{}`, a status code) reports no failures.
            None => return BatchOutcome::AllSucceeded,
        };
        let ids: HashSet<&str> = messages.iter().filter_map(message_id).collect();
        let failed = failures.iter().map(|failure| {
            failure["itemIdentifier"]
                .as_str()
                .filter(|id| ids.contains(id))
                .map(String::from)
        });
        match failed.collect::<Option<HashSet<String>>>() {
            Some(failed) => BatchOutcome::PartiallyFailed(failed),
            None => BatchOutcome::AllFailed,
        }
    }

    /// Whether this message was processed.
    pub(super) fn succeeded(&self, message: &Value) -> bool {
        match self {
            BatchOutcome::AllSucceeded => true,
            BatchOutcome::PartiallyFailed(failed) => {
                !failed.contains(message_id(message).unwrap_or_default())
            }
            BatchOutcome::AllFailed => false,
        }
    }
}

fn message_id(message: &Value) -> Option<&str> {
    message["MessageId"].as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_shape_of_a_batch_response_is_interpreted_as_aws_does() {
        let messages = [
            json!({ "MessageId": "id-0" }),
            json!({ "MessageId": "id-1" }),
        ];
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
        for (response, expected) in cases {
            let outcome = match BatchOutcome::from_response(response.as_bytes(), &messages) {
                BatchOutcome::AllSucceeded => "all".to_owned(),
                BatchOutcome::PartiallyFailed(ids) if ids.is_empty() => "all".to_owned(),
                BatchOutcome::PartiallyFailed(ids) => format!("but {}", ids.len()),
                BatchOutcome::AllFailed => "none".to_owned(),
            };
            assert_eq!(outcome, expected, "{response}");
        }
    }
}
