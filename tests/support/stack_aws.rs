//! What a test asks a stack's AWS endpoint: by the stock `aws` command line, or by raw requests where many are needed.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::http::http;
use crate::support::stack::Stack;
use crate::support::wait::wait_until;

impl Stack {
    /// Runs the stock `aws` command line against this stack; its output as JSON, null where it prints none.
    pub async fn aws(&self, arguments: &[&str]) -> Result<Value> {
        let text = self.aws_text(arguments).await?;
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// The same for commands that do not print JSON.
    pub async fn aws_text(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new("aws")
            .args(arguments)
            .args(["--endpoint-url", &self.aws])
            .args(["--region", "us-east-1", "--output", "json"])
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .output()
            .await
            .context("the tests need the aws command line; ./scripts/test installs it")?;
        ensure!(
            output.status.success(),
            "aws {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).context("aws printed no text")
    }

    /// Publishes a message by SNS, as a back end would.
    pub async fn publish(&self, message: &Value) -> Result<Value> {
        let topic = "arn:aws:sns:us-east-1:000000000000:longhaul-publish";
        let text = message.to_string();
        self.aws(&["sns", "publish", "--topic-arn", topic, "--message", &text])
            .await
    }

    /// Waits until everything published has been pushed to its subscribers.
    pub async fn wait_for_fanout(&self) -> Result<()> {
        wait_until("the fan-out is done", async || {
            // In the order in which a message passes the queues: it is sent on before it is deleted.
            Ok(self.message_count("longhaul-publish").await? == 0
                && self.message_count("longhaul-fanout").await? == 0)
        })
        .await
    }

    /// A queue's URL.
    pub async fn queue_url(&self, name: &str) -> Result<String> {
        let answer = self
            .aws(&["sqs", "get-queue-url", "--queue-name", name])
            .await?;
        answer["QueueUrl"]
            .as_str()
            .map(str::to_owned)
            .context("no such queue")
    }

    /// All attributes of a queue, under SQS's names.
    pub async fn queue_attributes(&self, queue_url: &str) -> Result<Value> {
        let get = ["sqs", "get-queue-attributes", "--queue-url", queue_url];
        let all = ["--attribute-names", "All"];
        let answer = self.aws(&[&get[..], &all].concat()).await?;
        Ok(answer["Attributes"].clone())
    }

    /// The number of messages on a queue: visible, in flight and delayed. By a raw request, since the `aws`
    /// command line takes most of a second to start.
    pub async fn message_count(&self, queue: &str) -> Result<u64> {
        let all = ["", "NotVisible", "Delayed"];
        Ok(self.approximate_counts(queue, &all).await?.iter().sum())
    }

    /// The number of messages on a queue that are delayed.
    pub async fn delayed_count(&self, queue: &str) -> Result<u64> {
        Ok(self
            .approximate_counts(queue, &["Delayed"])
            .await?
            .iter()
            .sum())
    }

    /// Waits until the jobs queue is empty. A message is deleted a moment after its job has ended.
    pub async fn wait_for_empty_queue(&self) -> Result<()> {
        wait_until("nothing is on the queue or in flight", async || {
            Ok(self.message_count("longhaul-jobs").await? == 0)
        })
        .await
    }

    async fn approximate_counts(&self, queue: &str, states: &[&str]) -> Result<Vec<u64>> {
        let name = |state: &&str| format!("ApproximateNumberOfMessages{state}");
        let names: Vec<String> = states.iter().map(name).collect();
        let request = json!({"AttributeNames": names});
        let answer = self.sqs("GetQueueAttributes", queue, request).await?;
        let number = |name: &String| answer["Attributes"][name].as_str()?.parse().ok();
        let numbers: Option<Vec<u64>> = names.iter().map(number).collect();
        numbers.context("no counts")
    }

    /// Sends a message that becomes visible after a delay, in seconds.
    pub async fn send_delayed(&self, queue: &str, message: &Value, seconds: u32) -> Result<()> {
        let request = json!({"MessageBody": message.to_string(), "DelaySeconds": seconds});
        self.sqs("SendMessage", queue, request).await.map(drop)
    }

    async fn sqs(&self, operation: &str, queue: &str, mut request: Value) -> Result<Value> {
        request["QueueUrl"] = format!("{}/000000000000/{queue}", self.aws).into();
        let target = format!("AmazonSQS.{operation}");
        let headers = [
            ("X-Amz-Target", target.as_str()),
            ("Content-Type", "application/x-amz-json-1.0"),
        ];
        let body = request.to_string();
        let response = http(&self.aws, "POST /", &headers, body.as_bytes()).await?;
        ensure!(response.status == 200, "{}", response.text());
        Ok(serde_json::from_slice(&response.body)?)
    }

    /// A job's row in the jobs table, as DynamoDB writes it; null without a row.
    pub async fn job_row(&self, job: &str) -> Result<Value> {
        let request = json!({"TableName": "longhaul-jobs", "ConsistentRead": true,
            "Key": {"jobId": {"S": job}}});
        let answer = self.dynamodb("GetItem", request).await?;
        Ok(answer["Item"].clone())
    }

    /// The row of a job that has ended, once all that its end owes is done.
    pub async fn settled_job_row(&self, job: &str) -> Result<Value> {
        wait_until("the job has left the index of open jobs", async || {
            Ok(self.job_row(job).await?["openShard"].is_null())
        })
        .await?;
        self.job_row(job).await
    }
}
