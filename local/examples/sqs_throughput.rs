//! Measures SQS throughput over HTTP, with and without a backlog. Works with any endpoint;
//! `bench/README.md` has the procedure and results.
//!
//! ```sh
//! cargo run --release -p longhaul-local --example sqs_throughput -- http://127.0.0.1:4566 64 20000 0 100000
//! ```
//!
//! Arguments: endpoint, concurrent clients, messages per round, then backlogs in ascending order. A round
//! sends the messages one per request, then receives and deletes as many, so that the backlog is unchanged.
//! Each line is the median of five rounds, with minimum and maximum.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

const ROUNDS: usize = 5;
/// About as long as a job's message with its trace context.
const BODY: &str = r#"{"v":1,"job":"01970000-0000-7000-8000-000000000000","padding":"..........................."}"#;

/// One queue at one endpoint.
#[derive(Clone)]
struct Queue {
    http: Client<HttpConnector, Full<Bytes>>,
    endpoint: String,
    url: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let endpoint = arguments.next().context("missing argument: the endpoint")?;
    let mut number = || {
        let text = arguments.next()?;
        Some(
            text.parse()
                .with_context(|| format!("{text} is not a number")),
        )
    };
    let clients: usize = number().context("missing argument: the number of clients")??;
    let messages: usize = number().context("missing argument: messages per round")??;
    let backlogs: Vec<usize> = std::iter::from_fn(number).collect::<Result<_>>()?;

    let mut queue = Queue {
        http: Client::builder(TokioExecutor::new()).build_http(),
        endpoint,
        url: String::new(),
    };
    let attributes = json!({"VisibilityTimeout": "3600"});
    let name = format!("throughput-{}", std::process::id());
    let created = json!({"QueueName": name, "Attributes": attributes});
    let created = queue.call("CreateQueue", &created).await?;
    queue.url = created["QueueUrl"].as_str().context("no queue")?.to_owned();

    println!("{clients} clients, {messages} messages a round, {ROUNDS} rounds");
    println!("| backlog | sends/s | receive+delete pairs/s |");
    println!("| --- | --- | --- |");
    let mut backlog_now = 0;
    for backlog in backlogs {
        queue
            .fill(backlog.saturating_sub(backlog_now), clients)
            .await?;
        backlog_now = backlog;
        let (mut sends, mut pairs) = (vec![], vec![]);
        for _ in 0..ROUNDS {
            sends.push(rate(&queue, messages, clients, Queue::send).await?);
            pairs.push(rate(&queue, messages, clients, Queue::receive_and_delete).await?);
        }
        let left = queue.waiting().await?;
        ensure!(left == backlog, "{left} messages are left, not {backlog}");
        println!("| {backlog} | {} | {} |", summary(sends), summary(pairs));
    }
    queue
        .call("DeleteQueue", &queue.for_queue(json!({})))
        .await?;
    Ok(())
}

/// Runs `operation` this many times with this many concurrent clients; returns operations per second.
async fn rate<F>(
    queue: &Queue,
    times: usize,
    clients: usize,
    operation: impl Fn(Queue) -> F + Clone + Send + 'static,
) -> Result<f64>
where
    F: Future<Output = Result<()>> + Send,
{
    let started = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..clients {
        let (queue, started, operation) = (queue.clone(), started.clone(), operation.clone());
        running.spawn(async move {
            while started.fetch_add(1, Ordering::Relaxed) < times {
                operation(queue.clone()).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    Ok(times as f64 / start.elapsed().as_secs_f64())
}

/// Median, minimum and maximum.
fn summary(mut rates: Vec<f64>) -> String {
    rates.sort_by(f64::total_cmp);
    let (min, max) = (rates[0], rates[rates.len() - 1]);
    format!("{:.0} ({min:.0} to {max:.0})", rates[rates.len() / 2])
}

impl Queue {
    async fn send(self) -> Result<()> {
        let message = self.for_queue(json!({"MessageBody": BODY}));
        self.call("SendMessage", &message).await?;
        Ok(())
    }

    async fn receive_and_delete(self) -> Result<()> {
        let received = self
            .call("ReceiveMessage", &self.for_queue(json!({})))
            .await?;
        let handle = &received["Messages"][0]["ReceiptHandle"];
        ensure!(handle.is_string(), "nothing was received");
        let done = self.for_queue(json!({"ReceiptHandle": handle}));
        self.call("DeleteMessage", &done).await?;
        Ok(())
    }

    /// Sends at least this many messages, ten per request.
    async fn fill(&self, messages: usize, clients: usize) -> Result<()> {
        let ten = |queue: Queue| async move {
            let entry = |id: usize| json!({"Id": id.to_string(), "MessageBody": BODY});
            let entries: Vec<Value> = (0..10).map(entry).collect();
            let request = queue.for_queue(json!({ "Entries": entries }));
            let response = queue.call("SendMessageBatch", &request).await?;
            let failed = response["Failed"].as_array().map_or(0, Vec::len);
            ensure!(failed == 0, "{failed} of ten messages were rejected");
            Ok(())
        };
        rate(self, messages.div_ceil(10), clients, ten).await?;
        Ok(())
    }

    async fn waiting(&self) -> Result<usize> {
        let name = "ApproximateNumberOfMessages";
        let request = self.for_queue(json!({"AttributeNames": [name]}));
        let response = self.call("GetQueueAttributes", &request).await?;
        let count = response["Attributes"][name].as_str().context("no count")?;
        Ok(count.parse()?)
    }

    /// The request with this queue's URL.
    fn for_queue(&self, mut request: Value) -> Value {
        request["QueueUrl"] = self.url.as_str().into();
        request
    }

    async fn call(&self, operation: &str, request: &Value) -> Result<Value> {
        let request = Request::post(&self.endpoint)
            .header("x-amz-target", format!("AmazonSQS.{operation}"))
            .header("content-type", "application/x-amz-json-1.0")
            .body(Full::new(Bytes::from(request.to_string())))?;
        let response = self.http.request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        ensure!(
            status.is_success(),
            "{operation}: {status} {}",
            String::from_utf8_lossy(&body)
        );
        serde_json::from_slice(&body).with_context(|| format!("the response of {operation}"))
    }
}
