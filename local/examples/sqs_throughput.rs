//! How many messages a second SQS takes and gives, over HTTP, and whether a backlog slows it.
//!
//! It knows an endpoint and the JSON protocol, and nothing of what is behind: whoever starts the
//! endpoint chooses what is measured (`bench/README.md` says how, and what came of it).
//!
//! ```sh
//! cargo run --release -p longhaul-local --example sqs_throughput -- http://127.0.0.1:4566 64 20000 0 100000
//! ```
//!
//! The arguments: the endpoint, clients at a time, messages a round, then backlogs in rising order.
//! A round sends that many messages, one a request, and then receives and deletes as many, one a
//! request, so that the backlog is as before. Each line is the median of five rounds, with the least
//! and the most.

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
/// A job's message is about so long, with its trace context.
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
    let endpoint = arguments.next().context("the endpoint?")?;
    let mut number = || {
        let text = arguments.next()?;
        Some(text.parse().with_context(|| format!("{text} is no number")))
    };
    let clients: usize = number().context("how many clients?")??;
    let messages: usize = number().context("how many messages a round?")??;
    let backlogs: Vec<usize> = std::iter::from_fn(number).collect::<Result<_>>()?;

    let mut queue = Queue {
        http: Client::builder(TokioExecutor::new()).build_http(),
        endpoint,
        url: String::new(),
    };
    let attributes = json!({"VisibilityTimeout": "3600"});
    let name = format!("throughput-{}", std::process::id());
    let made = json!({"QueueName": name, "Attributes": attributes});
    let made = queue.call("CreateQueue", &made).await?;
    queue.url = made["QueueUrl"].as_str().context("no queue")?.to_owned();

    println!("{clients} clients, {messages} messages a round, {ROUNDS} rounds");
    println!("| backlog | sends/s | receive+delete pairs/s |");
    println!("| --- | --- | --- |");
    let mut there = 0;
    for backlog in backlogs {
        queue.fill(backlog.saturating_sub(there), clients).await?;
        there = backlog;
        let (mut sends, mut pairs) = (vec![], vec![]);
        for _ in 0..ROUNDS {
            sends.push(rate(&queue, messages, clients, Queue::send).await?);
            pairs.push(rate(&queue, messages, clients, Queue::take).await?);
        }
        let left = queue.waiting().await?;
        ensure!(left == backlog, "{left} messages are left, not {backlog}");
        println!("| {backlog} | {} | {} |", told(sends), told(pairs));
    }
    queue.call("DeleteQueue", &queue.about(json!({}))).await?;
    Ok(())
}

/// Does `deed` so many times by so many clients at a time; times a second.
async fn rate<F>(
    queue: &Queue,
    times: usize,
    clients: usize,
    deed: impl Fn(Queue) -> F + Clone + Send + 'static,
) -> Result<f64>
where
    F: Future<Output = Result<()>> + Send,
{
    let begun = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..clients {
        let (queue, begun, deed) = (queue.clone(), begun.clone(), deed.clone());
        running.spawn(async move {
            while begun.fetch_add(1, Ordering::Relaxed) < times {
                deed(queue.clone()).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    Ok(times as f64 / start.elapsed().as_secs_f64())
}

/// Median, least and most.
fn told(mut rates: Vec<f64>) -> String {
    rates.sort_by(f64::total_cmp);
    let (least, most) = (rates[0], rates[rates.len() - 1]);
    format!("{:.0} ({least:.0} to {most:.0})", rates[rates.len() / 2])
}

impl Queue {
    async fn send(self) -> Result<()> {
        let message = self.about(json!({"MessageBody": BODY}));
        self.call("SendMessage", &message).await?;
        Ok(())
    }

    async fn take(self) -> Result<()> {
        let received = self.call("ReceiveMessage", &self.about(json!({}))).await?;
        let handle = &received["Messages"][0]["ReceiptHandle"];
        ensure!(handle.is_string(), "nothing was received");
        let done = self.about(json!({"ReceiptHandle": handle}));
        self.call("DeleteMessage", &done).await?;
        Ok(())
    }

    /// Sends so many messages, ten a request; the last request is whole.
    async fn fill(&self, messages: usize, clients: usize) -> Result<()> {
        let ten = |queue: Queue| async move {
            let entry = |id: usize| json!({"Id": id.to_string(), "MessageBody": BODY});
            let entries: Vec<Value> = (0..10).map(entry).collect();
            let request = queue.about(json!({ "Entries": entries }));
            let answer = queue.call("SendMessageBatch", &request).await?;
            let failed = answer["Failed"].as_array().map_or(0, Vec::len);
            ensure!(failed == 0, "{failed} of ten messages were refused");
            Ok(())
        };
        rate(self, messages.div_ceil(10), clients, ten).await?;
        Ok(())
    }

    async fn waiting(&self) -> Result<usize> {
        let name = "ApproximateNumberOfMessages";
        let asked = self.about(json!({"AttributeNames": [name]}));
        let answer = self.call("GetQueueAttributes", &asked).await?;
        let count = answer["Attributes"][name].as_str().context("no count")?;
        Ok(count.parse()?)
    }

    /// The request with the queue that it is about.
    fn about(&self, mut request: Value) -> Value {
        request["QueueUrl"] = self.url.as_str().into();
        request
    }

    async fn call(&self, operation: &str, request: &Value) -> Result<Value> {
        let request = Request::post(&self.endpoint)
            .header("x-amz-target", format!("AmazonSQS.{operation}"))
            .header("content-type", "application/x-amz-json-1.0")
            .body(Full::new(Bytes::from(request.to_string())))?;
        let answer = self.http.request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        ensure!(
            status.is_success(),
            "{operation}: {status} {}",
            String::from_utf8_lossy(&body)
        );
        serde_json::from_slice(&body).with_context(|| format!("{operation}'s answer"))
    }
}
