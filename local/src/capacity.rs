//! What DynamoDB says a call costs.

use bytes::Bytes;
use serde_json::{Map, Value};

/// Asks DynamoDB what a call costs behind the caller's back, and takes the figure out of the answer.
pub struct CapacityProbe {
    is_injected: bool,
    is_write: bool,
}

/// Capacity units, indexes included.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct CapacityUnits {
    pub write: f64,
    pub read: f64,
}

impl CapacityProbe {
    /// The request as it is to be sent on. One whose caller asks for its costs itself, or that is
    /// not JSON, is left alone.
    pub fn inject(operation: &str, request: Bytes) -> (Self, Bytes) {
        let is_write = [
            "PutItem",
            "UpdateItem",
            "DeleteItem",
            "BatchWriteItem",
            "TransactWriteItems",
        ]
        .contains(&operation);
        let is_read = [
            "GetItem",
            "Query",
            "Scan",
            "BatchGetItem",
            "TransactGetItems",
        ]
        .contains(&operation);
        match serde_json::from_slice::<Map<String, Value>>(&request) {
            Ok(mut fields)
                if (is_write || is_read) && !fields.contains_key(RETURN_CONSUMED_CAPACITY) =>
            {
                fields.insert(RETURN_CONSUMED_CAPACITY.to_owned(), "TOTAL".into());
                (
                    Self {
                        is_injected: true,
                        is_write,
                    },
                    Value::Object(fields).to_string().into(),
                )
            }
            _ => (
                Self {
                    is_injected: false,
                    is_write,
                },
                request,
            ),
        }
    }

    /// What the call cost, and the answer as the caller is to have it.
    pub fn extract(&self, answer: Bytes) -> (CapacityUnits, Bytes) {
        match serde_json::from_slice::<Map<String, Value>>(&answer) {
            Ok(mut fields) if self.is_injected => {
                let units = fields
                    .remove("ConsumedCapacity")
                    .map_or(0.0, |consumed| total_units(&consumed));
                let units = if self.is_write {
                    CapacityUnits {
                        write: units,
                        read: 0.0,
                    }
                } else {
                    CapacityUnits {
                        write: 0.0,
                        read: units,
                    }
                };
                (units, Value::Object(fields).to_string().into())
            }
            _ => (CapacityUnits::default(), answer),
        }
    }
}

const RETURN_CONSUMED_CAPACITY: &str = "ReturnConsumedCapacity";

/// Of one table, or of each table of a batch or transaction.
fn total_units(consumed: &Value) -> f64 {
    match consumed {
        Value::Array(tables) => tables.iter().map(total_units).sum(),
        table => table["CapacityUnits"].as_f64().unwrap_or(0.0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn costs_are_asked_for_and_taken_out_again() {
        let (probe, request) =
            CapacityProbe::inject("UpdateItem", Bytes::from_static(br#"{"TableName":"t"}"#));
        assert_eq!(
            serde_json::from_slice::<Value>(&request).unwrap(),
            json!({"TableName": "t", "ReturnConsumedCapacity": "TOTAL"})
        );
        let answer = json!({"ConsumedCapacity": [{"CapacityUnits": 2.0}, {"CapacityUnits": 1.5}], "Attributes": {}});
        let (units, answer) = probe.extract(answer.to_string().into());
        assert_eq!(
            (units, answer),
            (
                CapacityUnits {
                    write: 3.5,
                    read: 0.0
                },
                Bytes::from_static(br#"{"Attributes":{}}"#)
            )
        );
    }

    #[test]
    fn a_caller_that_asks_itself_is_answered_itself() {
        let body = Bytes::from_static(br#"{"ReturnConsumedCapacity":"INDEXES"}"#);
        let (probe, request) = CapacityProbe::inject("Query", body.clone());
        assert_eq!(request, body);
        let answer = Bytes::from_static(br#"{"ConsumedCapacity":{"CapacityUnits":1.0}}"#);
        assert_eq!(
            probe.extract(answer.clone()),
            (CapacityUnits::default(), answer)
        );
    }
}
