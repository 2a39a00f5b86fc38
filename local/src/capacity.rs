//! Measures the capacity units that DynamoDB calls consume.

use bytes::Bytes;
use serde_json::{Map, Value};

/// Adds `ReturnConsumedCapacity` to a request and removes the result from the response, so that the
/// caller does not notice.
pub struct CapacityProbe {
    is_injected: bool,
    is_write: bool,
}

/// Capacity units, including those of indexes.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct CapacityUnits {
    pub write: f64,
    pub read: f64,
}

impl CapacityProbe {
    /// The request to forward. It is unchanged if it is not JSON or already asks for its consumed
    /// capacity.
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

    /// The consumed capacity, and the response for the caller.
    pub fn extract(&self, response: Bytes) -> (CapacityUnits, Bytes) {
        match serde_json::from_slice::<Map<String, Value>>(&response) {
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
            _ => (CapacityUnits::default(), response),
        }
    }
}

const RETURN_CONSUMED_CAPACITY: &str = "ReturnConsumedCapacity";

/// The units of one table, or the sum over the tables of a batch or transaction.
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
    fn consumed_capacity_is_requested_and_removed_from_the_response() {
        let (probe, request) =
            CapacityProbe::inject("UpdateItem", Bytes::from_static(br#"{"TableName":"t"}"#));
        assert_eq!(
            serde_json::from_slice::<Value>(&request).unwrap(),
            json!({"TableName": "t", "ReturnConsumedCapacity": "TOTAL"})
        );
        let response = json!({"ConsumedCapacity": [{"CapacityUnits": 2.0}, {"CapacityUnits": 1.5}], "Attributes": {}});
        let (units, response) = probe.extract(response.to_string().into());
        assert_eq!(
            (units, response),
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
    fn a_request_for_consumed_capacity_by_the_caller_is_left_unchanged() {
        let body = Bytes::from_static(br#"{"ReturnConsumedCapacity":"INDEXES"}"#);
        let (probe, request) = CapacityProbe::inject("Query", body.clone());
        assert_eq!(request, body);
        let response = Bytes::from_static(br#"{"ConsumedCapacity":{"CapacityUnits":1.0}}"#);
        assert_eq!(
            probe.extract(response.clone()),
            (CapacityUnits::default(), response)
        );
    }
}
