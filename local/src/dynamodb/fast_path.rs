//! DynamoDB's calls of a single item, a query or a transaction, in process: parsed once, performed on a
//! thread that does nothing else, and spelled once.
//!
//! For callers whose client is typed. It knows no error: what does not end well has changed nothing, and is
//! asked again at the engine's own door, which has DynamoDB's words for it.

use std::sync::mpsc::{Sender, channel};

use anyhow::{Context, Result};
use dynoxide::Database;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

type Work = Box<dyn FnOnce(&Database) + Send>;

/// The way to the thread, which ends with the last clone.
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
            .context("starting a thread for the tables")?;
        Ok(Self { work })
    }

    /// The answer to a call that ends well; `None` for any other, and for operations that are not of the
    /// everyday.
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
        let (reply, answer) = oneshot::channel();
        let work = move |database: &Database| {
            // Nobody waits any more where the caller hung up; its call is done all the same.
            let _ = reply.send(perform(database, request));
        };
        self.work.send(Box::new(work)).ok()?;
        serde_json::to_string(&answer.await.ok()?.ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[tokio::test]
    async fn what_ends_well_is_answered_and_what_does_not_has_changed_nothing() {
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
            let answer = fast_path
                .call(operation, body.to_string().as_bytes())
                .await?;
            serde_json::from_str::<Value>(&answer).ok()
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
