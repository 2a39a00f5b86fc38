//! The connections table under test, by raw requests: the `aws` command line takes most of a second to start.

use anyhow::{Result, ensure};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::http::http;
use crate::support::stack::Stack;

const TABLE: &str = "longhaul-connections";

impl Stack {
    /// One call of DynamoDB.
    pub async fn dynamodb(&self, operation: &str, request: Value) -> Result<Value> {
        let target = format!("DynamoDB_20120810.{operation}");
        let signature = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, \
                         SignedHeaders=host;x-amz-date, Signature=0";
        let headers = [
            ("X-Amz-Target", &target[..]),
            ("Content-Type", "application/x-amz-json-1.0"),
            ("X-Amz-Date", "20260101T000000Z"),
            ("Authorization", signature),
        ];
        let body = request.to_string();
        let response = http(&self.aws, "POST /", &headers, body.as_bytes()).await?;
        ensure!(response.status == 200, "{operation}: {}", response.text());
        Ok(serde_json::from_slice(&response.body)?)
    }

    /// The rows of all connections, as DynamoDB writes them, without those of users.
    pub async fn connection_rows(&self) -> Result<Vec<Value>> {
        let request = json!({"TableName": TABLE, "ConsistentRead": true,
            "FilterExpression": "attribute_exists(connectedAt)"});
        let answer = self.dynamodb("Scan", request).await?;
        Ok(answer["Items"].as_array().cloned().unwrap_or_default())
    }

    /// The ids of the connections whose rows say that they are open.
    pub async fn connection_ids(&self) -> Result<Vec<String>> {
        let rows = self.connection_rows().await?;
        let open = rows.iter().filter(|row| row["status"]["S"] == "CONNECTED");
        let ids = open.filter_map(|row| row["connectionId"]["S"].as_str());
        Ok(ids.map(str::to_owned).collect())
    }

    /// Lets a connection's row say that it opened this long ago.
    pub async fn open_connection_since(&self, id: &str, age: SignedDuration) -> Result<()> {
        let then = format!("{:.3}", Timestamp::now() - age);
        let request = json!({"TableName": TABLE, "Key": {"connectionId": {"S": id}},
            "UpdateExpression": "SET connectedAt = :then",
            "ConditionExpression": "attribute_exists(connectedAt)",
            "ExpressionAttributeValues": {":then": {"S": then}}});
        self.dynamodb("UpdateItem", request).await.map(drop)
    }
}
