//! What DynamoDB says a call costs.

use bytes::Bytes;
use serde_json::{Map, Value};

/// Asks DynamoDB what a call costs behind the caller's back, and takes the figure out of the answer.
pub struct Costs {
    asked: bool,
    writes: bool,
}

/// Capacity units, indexes included.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Units {
    pub write: f64,
    pub read: f64,
}

impl Costs {
    /// The request as it is to be sent on. One whose caller asks for its costs itself, or that is
    /// not JSON, is left alone.
    pub fn ask(operation: &str, request: Bytes) -> (Self, Bytes) {
        let writes = [
            "PutItem",
            "UpdateItem",
            "DeleteItem",
            "BatchWriteItem",
            "TransactWriteItems",
        ]
        .contains(&operation);
        let reads = [
            "GetItem",
            "Query",
            "Scan",
            "BatchGetItem",
            "TransactGetItems",
        ]
        .contains(&operation);
        match serde_json::from_slice::<Map<String, Value>>(&request) {
            Ok(mut fields) if (writes || reads) && !fields.contains_key(ASKED) => {
                fields.insert(ASKED.to_owned(), "TOTAL".into());
                (
                    Self {
                        asked: true,
                        writes,
                    },
                    Value::Object(fields).to_string().into(),
                )
            }
            _ => (
                Self {
                    asked: false,
                    writes,
                },
                request,
            ),
        }
    }

    /// What the call cost, and the answer as the caller is to have it.
    pub fn take(&self, answer: Bytes) -> (Units, Bytes) {
        match serde_json::from_slice::<Map<String, Value>>(&answer) {
            Ok(mut fields) if self.asked => {
                let units = fields
                    .remove("ConsumedCapacity")
                    .map_or(0.0, |costs| total(&costs));
                let units = if self.writes {
                    Units {
                        write: units,
                        read: 0.0,
                    }
                } else {
                    Units {
                        write: 0.0,
                        read: units,
                    }
                };
                (units, Value::Object(fields).to_string().into())
            }
            _ => (Units::default(), answer),
        }
    }
}

const ASKED: &str = "ReturnConsumedCapacity";

/// Of one table, or of each table of a batch or transaction.
fn total(costs: &Value) -> f64 {
    match costs {
        Value::Array(tables) => tables.iter().map(total).sum(),
        table => table["CapacityUnits"].as_f64().unwrap_or(0.0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn costs_are_asked_for_and_taken_out_again() {
        let (costs, request) =
            Costs::ask("UpdateItem", Bytes::from_static(br#"{"TableName":"t"}"#));
        assert_eq!(
            serde_json::from_slice::<Value>(&request).unwrap(),
            json!({"TableName": "t", "ReturnConsumedCapacity": "TOTAL"})
        );
        let answer = json!({"ConsumedCapacity": [{"CapacityUnits": 2.0}, {"CapacityUnits": 1.5}], "Attributes": {}});
        let (units, answer) = costs.take(answer.to_string().into());
        assert_eq!(
            (units, answer),
            (
                Units {
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
        let (costs, request) = Costs::ask("Query", body.clone());
        assert_eq!(request, body);
        let answer = Bytes::from_static(br#"{"ConsumedCapacity":{"CapacityUnits":1.0}}"#);
        assert_eq!(costs.take(answer.clone()), (Units::default(), answer));
    }
}
