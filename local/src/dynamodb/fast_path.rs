//! In-process DynamoDB calls for typed clients: single items, queries and transactions, on one
//! dedicated thread.
//!
//! It returns no errors: a failed call has changed nothing, and is repeated through the engine's HTTP
//! server, which produces DynamoDB's error response.

use std::sync::mpsc::{Sender, channel};

use anyhow::{Context, Result};
use dynoxide::Database;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

type Work = Box<dyn FnOnce(&Database) + Send>;

/// A handle to the thread, which ends when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct FastPath {
    work: Sender<Work>,
}

impl FastPath {
    pub(super) fn start(database: Database) -> Result<Self> {
        let (work, queue) = channel::<Work>();
        std::thread::Builder::new()
            .name("dynamodb-direct".to_owned())
            .spawn(move || queue.iter().for_each(|work| work(&database)))
            .context("starting the DynamoDB thread")?;
        Ok(Self { work })
    }

    /// The response of a successful call; `None` for a failed call or an operation that is not supported
    /// here.
    pub async fn call(&self, operation: &str, body: &[u8]) -> Option<String> {
        match operation {
            "PutItem" => self.perform(body, Database::put_item).await,
            "GetItem" => self.perform(body, Database::get_item).await,
            "UpdateItem" => self.perform(body, Database::update_item).await,
            "DeleteItem" => self.perform(body, Database::delete_item).await,
            "Query" => self.perform(body, Database::query).await,
            "BatchGetItem" => self.perform(body, Database::batch_get_item).await,
            "TransactWriteItems" => self.perform(body, Database::transact_write_items).await,
            _ => None,
        }
    }

    async fn perform<Q, A>(
        &self,
        body: &[u8],
        perform: fn(&Database, Q) -> dynoxide::Result<A>,
    ) -> Option<String>
    where
        Q: DeserializeOwned + Send + 'static,
        A: Serialize + Send + 'static,
    {
        let request = serde_json::from_slice(body).ok()?;
        let (reply, response) = oneshot::channel();
        let work = move |database: &Database| {
            // The receiver is gone if the caller disconnected; the call is performed anyway.
            let _ = reply.send(perform(database, request));
        };
        self.work.send(Box::new(work)).ok()?;
        serde_json::to_string(&response.await.ok()?.ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[tokio::test]
    async fn successful_calls_are_answered_and_failed_calls_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("d.sqlite");
        let database = Database::new(file.to_str().unwrap()).unwrap();
        let table = json!({
            "TableName": "things",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        });
        let table = serde_json::from_value(table).unwrap();
        database.create_table(table).unwrap();
        let fast_path = FastPath::start(database).unwrap();
        let call = async |operation: &str, rest: Value| {
            let mut body = rest;
            body["TableName"] = "things".into();
            let response = fast_path
                .call(operation, body.to_string().as_bytes())
                .await?;
            serde_json::from_str::<Value>(&response).ok()
        };
        let key = json!({"id": {"S": "1"}});
        let put = |n: &str| {
            json!({
                "Item": {"id": {"S": "1"}, "n": {"N": n}},
                "ConditionExpression": "attribute_not_exists(id)",
            })
        };
        assert_eq!(call("PutItem", put("1")).await, Some(json!({})));
        assert_eq!(call("PutItem", put("2")).await, None);
        assert_eq!(call("PutItem", json!({"Item": []})).await, None);
        assert_eq!(call("Scan", json!({})).await, None);
        let raise = json!({
            "Key": key,
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
            "ReturnValues": "ALL_NEW",
        });
        let item = json!({"id": {"S": "1"}, "n": {"N": "2"}});
        let raised = call("UpdateItem", raise).await;
        assert_eq!(raised, Some(json!({"Attributes": item})));
        let got = call("GetItem", json!({"Key": key})).await;
        assert_eq!(got, Some(json!({"Item": item})));
    }
}
