//! The SQS event source mapping: long-polls a queue, invokes a function with each batch, and deletes the
//! messages that the function processed.
//!
//! Failed messages stay in the queue and reappear after their visibility timeout, as in AWS; the cloud's owner learns
//! of a batch whose process ended. Without a batching window, a batch has at most 10 messages. Unlike in AWS, batches are not limited to 6 MB.

mod batch_response;
mod sqs_event;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use crate::lambda::{FailureKind, InvokeOutcome, Lambda};
use crate::process_end::{ProcessEnd, ProcessEndNotifier};
use crate::stack_spec::{ACCOUNT, EventSource, REGION};
use batch_response::BatchOutcome;
use sqs_event::sqs_event;

/// Performs one SQS operation: takes its name and its request in SQS's JSON protocol, returns the JSON
/// response.
pub type SqsCall =
    Arc<dyn Fn(&'static str, Value) -> BoxFuture<'static, anyhow::Result<Value>> + Send + Sync>;

/// SQS's maximum `WaitTimeSeconds`.
const LONG_POLL_SECONDS: u64 = 20;
/// SQS's maximum number of messages per receive, delete or visibility change.
const MAX_SQS_BATCH: usize = 10;
/// Tasks that receive. Each starts an invocation per batch and receives again at once, so a few tasks keep
/// hundreds of invocations busy.
const POLLERS: usize = 4;
/// Bounds the batches in flight if there is no `MaximumConcurrency`. The account's concurrency limit throttles
/// them.
const DEFAULT_CONCURRENCY: usize = 1000;
/// How often a throttled batch is tried before it returns to the queue.
const THROTTLE_ATTEMPTS: u32 = 6;
/// The wait after the first throttled attempt. It doubles each time.
const FIRST_THROTTLE_WAIT: Duration = Duration::from_millis(100);
/// The visibility timeout of a batch that stayed throttled.
const THROTTLED_VISIBILITY_SECONDS: u64 = 5;
/// The wait after a failed receive, so that a broken queue does not cause a busy loop.
const RECEIVE_ERROR_WAIT: Duration = Duration::from_secs(1);

/// A running event source mapping. Dropping it aborts its batches; their messages reappear after their
/// visibility timeout.
pub struct EventSourceMapping {
    stop: watch::Sender<bool>,
    pollers: JoinSet<()>,
}

impl EventSourceMapping {
    /// Starts polling.
    ///
    /// # Errors
    /// The queue does not exist, or `batch_size` is zero.
    pub async fn start(
        source: EventSource,
        lambda: Lambda,
        sqs: SqsCall,
        process_ends: ProcessEndNotifier,
    ) -> anyhow::Result<EventSourceMapping> {
        if source.batch_size == 0 {
            bail!("BatchSize of the event source of {} is 0", source.function);
        }
        let response = sqs("GetQueueUrl", json!({ "QueueName": source.queue }))
            .await
            .with_context(|| format!("cannot start the event source of {}", source.function))?;
        let queue_url = response["QueueUrl"]
            .as_str()
            .context("the response of GetQueueUrl has no QueueUrl")?
            .to_owned();
        let concurrency = source
            .maximum_concurrency
            .map_or(DEFAULT_CONCURRENCY, |maximum| maximum as usize);
        let poller = Poller {
            queue_arn: format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{}", source.queue),
            source,
            queue_url,
            lambda,
            sqs,
            process_ends,
            batch_permits: Arc::new(Semaphore::new(concurrency)),
        };
        let poller = Arc::new(poller);
        let (stop, stopped) = watch::channel(false);
        let mut pollers = JoinSet::new();
        for _ in 0..POLLERS.min(concurrency) {
            pollers.spawn(poller.clone().poll(stopped.clone()));
        }
        Ok(EventSourceMapping { stop, pollers })
    }

    /// Stops receiving and waits for the batches in flight.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.pollers.join_next().await.is_some() {}
    }
}

struct Poller {
    source: EventSource,
    queue_url: String,
    queue_arn: String,
    lambda: Lambda,
    sqs: SqsCall,
    process_ends: ProcessEndNotifier,
    /// One permit per batch in flight.
    batch_permits: Arc<Semaphore>,
}

impl Poller {
    async fn poll(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        let mut batches = JoinSet::new();
        loop {
            while batches.try_join_next().is_some() {}
            if *stopped.borrow() {
                break;
            }
            match self.receive_batch(&mut stopped).await {
                Ok(None) => {}
                Ok(Some((messages, permit))) => {
                    let poller = self.clone();
                    batches.spawn(async move {
                        poller.process_batch(messages).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    let queue = &self.source.queue;
                    tracing::warn!(queue, error = format!("{error:#}"), "cannot receive");
                    tokio::time::sleep(RECEIVE_ERROR_WAIT).await;
                }
            }
        }
        while batches.join_next().await.is_some() {}
    }

    /// Receives one batch with a permit to process it. The permit is acquired first, so that messages that
    /// cannot be processed yet stay in the queue. `None` if the queue is empty or the mapping stops; messages
    /// that were received are always returned.
    async fn receive_batch(
        &self,
        stopped: &mut watch::Receiver<bool>,
    ) -> anyhow::Result<Option<(Vec<Value>, OwnedSemaphorePermit)>> {
        let batch_size = self.source.batch_size as usize;
        let first = async {
            let permit = self.batch_permits.clone().acquire_owned().await?;
            let messages = self.receive(batch_size, LONG_POLL_SECONDS).await?;
            anyhow::Ok((messages, permit))
        };
        let (mut batch, permit) = tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return Ok(None),
            first = first => first?,
        };
        if batch.is_empty() {
            return Ok(None);
        }
        let window_end = Instant::now() + self.source.batching_window;
        while batch.len() < batch_size && !*stopped.borrow() {
            let remaining = window_end.saturating_duration_since(Instant::now());
            if remaining.is_zero() {
                break;
            }
            let wait_seconds = remaining.as_secs().min(LONG_POLL_SECONDS);
            let Ok(more) = self.receive(batch_size - batch.len(), wait_seconds).await else {
                break;
            };
            if more.is_empty() && wait_seconds == 0 {
                tokio::time::sleep(remaining).await;
            }
            batch.extend(more);
        }
        Ok(Some((batch, permit)))
    }

    async fn receive(&self, max_messages: usize, wait_seconds: u64) -> anyhow::Result<Vec<Value>> {
        let request = json!({
            "QueueUrl": self.queue_url,
            "MaxNumberOfMessages": max_messages.min(MAX_SQS_BATCH),
            "WaitTimeSeconds": wait_seconds,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        });
        let mut response = (self.sqs)("ReceiveMessage", request).await?;
        Ok(match response["Messages"].take() {
            Value::Array(messages) => messages,
            _ => Vec::new(),
        })
    }

    /// Invokes the function with the batch and deletes the messages that it processed.
    async fn process_batch(&self, messages: Vec<Value>) {
        let event = sqs_event(&messages, &self.queue_arn);
        let trace = match messages.as_slice() {
            [single] => single["Attributes"]["AWSTraceHeader"]
                .as_str()
                .map(String::from),
            _ => None,
        };
        let function = &self.source.function;
        let request_id = Uuid::new_v4().to_string();
        let outcome = match self.invoke(&request_id, event.clone(), trace).await {
            InvokeOutcome::Returned(response) if self.source.reports_item_failures => {
                BatchOutcome::from_response(&response, &messages)
            }
            InvokeOutcome::Returned(_) => BatchOutcome::AllSucceeded,
            InvokeOutcome::Failed { kind, .. } => {
                tracing::warn!(function, ?kind, messages = messages.len(), "batch failed");
                if matches!(kind, FailureKind::Crashed(_) | FailureKind::TimedOut) {
                    let end = ProcessEnd::Invocation { request_id, event };
                    self.process_ends.ended(end).await;
                }
                BatchOutcome::AllFailed
            }
            InvokeOutcome::Throttled => {
                self.postpone(&messages).await;
                BatchOutcome::AllFailed
            }
            InvokeOutcome::NoSuchFunction => {
                tracing::error!(function, "the event source's function does not exist");
                BatchOutcome::AllFailed
            }
        };
        self.delete_succeeded(&messages, &outcome).await;
    }

    /// Retries while throttled and keeps the batch meanwhile: each return to the queue would count as a
    /// receive and bring a valid message closer to the dead-letter queue.
    async fn invoke(&self, request_id: &str, event: Bytes, trace: Option<String>) -> InvokeOutcome {
        let mut wait = FIRST_THROTTLE_WAIT;
        for _ in 1..THROTTLE_ATTEMPTS {
            let function = &self.source.function;
            let outcome = self
                .lambda
                .invoke_as(request_id, function, event.clone(), trace.clone())
                .await;
            if outcome != InvokeOutcome::Throttled {
                return outcome;
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        self.lambda
            .invoke_as(request_id, &self.source.function, event, trace)
            .await
    }

    async fn delete_succeeded(&self, messages: &[Value], outcome: &BatchOutcome) {
        let succeeded = messages.iter().filter(|message| outcome.succeeded(message));
        let succeeded: Vec<&Value> = succeeded.collect();
        self.send_batches("DeleteMessageBatch", &succeeded, &json!({}))
            .await;
    }

    async fn postpone(&self, messages: &[Value]) {
        let all: Vec<&Value> = messages.iter().collect();
        let visibility = json!({ "VisibilityTimeout": THROTTLED_VISIBILITY_SECONDS });
        self.send_batches("ChangeMessageVisibilityBatch", &all, &visibility)
            .await;
    }

    /// Sends the batch operation with one entry per message: its receipt handle and `parameters`. Failures
    /// are only logged: the function gets the message again, which at-least-once delivery allows.
    async fn send_batches(&self, operation: &'static str, messages: &[&Value], parameters: &Value) {
        for chunk in messages.chunks(MAX_SQS_BATCH) {
            let entry = |(index, message): (usize, &&Value)| {
                let mut entry = parameters.clone();
                entry["Id"] = json!(index.to_string());
                entry["ReceiptHandle"] = message["ReceiptHandle"].clone();
                entry
            };
            let entries: Vec<Value> = chunk.iter().enumerate().map(entry).collect();
            let request = json!({ "QueueUrl": self.queue_url, "Entries": entries });
            let queue = &self.source.queue;
            match (self.sqs)(operation, request).await {
                Ok(response) => {
                    let failed = response["Failed"].as_array().map_or(0, Vec::len);
                    if failed > 0 {
                        tracing::warn!(queue, operation, failed, "SQS rejected some entries");
                    }
                }
                Err(error) => {
                    tracing::warn!(queue, operation, error = format!("{error:#}"), "SQS failed");
                }
            }
        }
    }
}
