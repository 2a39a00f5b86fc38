//! The SQS event source mapping: long-polls a queue, hands batches to a function, deletes what the
//! function has done. It knows the SQS operations by name, not who answers them.
//!
//! What fails is left alone: it comes back when its visibility timeout passes, as in AWS. A batch
//! holds at most 10 messages without a batching window. Lambda's cut at 6 MB is not made.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::lambda::{Invoked, Lambda};
use crate::plan::{self, ACCOUNT, REGION};

/// One operation of SQS: its name, its request in SQS's JSON protocol, and the JSON response.
pub type SqsCall =
    Arc<dyn Fn(&'static str, Value) -> BoxFuture<'static, anyhow::Result<Value>> + Send + Sync>;

/// SQS's longest poll.
const LONG_POLL_SECONDS: u64 = 20;
/// SQS's most messages for one receive, delete or change.
const SQS_BATCH: usize = 10;
/// Loops that receive; each hands its batch on and receives again, so a few keep hundreds busy.
const POLLERS: usize = 4;
/// Without `MaximumConcurrency` the account's own limit throttles; this bounds what waits for it.
const DEFAULT_CONCURRENCY: usize = 1000;
/// How often a throttled batch is tried again before it goes back to the queue.
const THROTTLE_TRIES: u32 = 6;
/// The wait after the first throttle; it doubles with each.
const THROTTLE_WAIT: Duration = Duration::from_millis(100);
/// For how long a batch that stayed throttled hides in the queue.
const THROTTLED_VISIBILITY_SECONDS: u64 = 5;
/// The wait after an SQS error, so that a broken queue does not spin.
const ERROR_WAIT: Duration = Duration::from_secs(1);

/// A running event source mapping; dropping it aborts it, and its messages come back in time.
pub struct Mapping {
    stop: watch::Sender<bool>,
    pollers: JoinSet<()>,
}

impl Mapping {
    /// Begins to poll.
    ///
    /// # Errors
    /// The queue does not exist, or `batch_size` is zero.
    pub async fn start(
        source: plan::EventSource,
        lambda: Lambda,
        sqs: SqsCall,
    ) -> anyhow::Result<Mapping> {
        if source.batch_size == 0 {
            bail!("BatchSize of the event source of {} is 0", source.function);
        }
        let answer = sqs("GetQueueUrl", json!({ "QueueName": source.queue }))
            .await
            .with_context(|| format!("the event source of {}", source.function))?;
        let queue_url = answer["QueueUrl"]
            .as_str()
            .context("GetQueueUrl answered without QueueUrl")?
            .to_owned();
        let concurrency = source
            .maximum_concurrency
            .map_or(DEFAULT_CONCURRENCY, |most| most as usize);
        let poller = Poller {
            arn: format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{}", source.queue),
            source,
            queue_url,
            lambda,
            sqs,
            in_flight: Arc::new(Semaphore::new(concurrency)),
        };
        let poller = Arc::new(poller);
        let (stop, stopped) = watch::channel(false);
        let mut pollers = JoinSet::new();
        for _ in 0..POLLERS.min(concurrency) {
            pollers.spawn(poller.clone().poll(stopped.clone()));
        }
        Ok(Mapping { stop, pollers })
    }

    /// Receives no more and waits for the batches that are being worked on.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.pollers.join_next().await.is_some() {}
    }
}

struct Poller {
    source: plan::EventSource,
    queue_url: String,
    arn: String,
    lambda: Lambda,
    sqs: SqsCall,
    in_flight: Arc<Semaphore>,
}

/// What a function's answer says of its batch.
enum Verdict {
    AllDone,
    /// All but these message ids.
    AllBut(HashSet<String>),
    NoneDone,
}

impl Poller {
    async fn poll(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        let mut batches = JoinSet::new();
        loop {
            while batches.try_join_next().is_some() {}
            if *stopped.borrow() {
                break;
            }
            match self.receive(&mut stopped).await {
                Ok(None) => {}
                Ok(Some((messages, permit))) => {
                    let poller = self.clone();
                    batches.spawn(async move {
                        poller.work(messages).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    let queue = &self.source.queue;
                    tracing::warn!(queue, error = format!("{error:#}"), "cannot receive");
                    tokio::time::sleep(ERROR_WAIT).await;
                }
            }
        }
        while batches.join_next().await.is_some() {}
    }

    /// One batch, and the leave to work on it, taken first: what can't run stays in the queue.
    /// `None` where the queue is empty or the mapping stops; what was received is never let go.
    async fn receive(
        &self,
        stopped: &mut watch::Receiver<bool>,
    ) -> anyhow::Result<Option<(Vec<Value>, OwnedSemaphorePermit)>> {
        let full = self.source.batch_size as usize;
        let first = async {
            let permit = self.in_flight.clone().acquire_owned().await?;
            let messages = self.receive_once(full, LONG_POLL_SECONDS).await?;
            anyhow::Ok((messages, permit))
        };
        let (mut batch, permit) = tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return Ok(None),
            first = first => first?,
        };
        if batch.is_empty() {
            return Ok(None);
        }
        let until = Instant::now() + self.source.batching_window;
        while batch.len() < full && !*stopped.borrow() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let seconds = left.as_secs().min(LONG_POLL_SECONDS);
            let Ok(more) = self.receive_once(full - batch.len(), seconds).await else {
                break;
            };
            if more.is_empty() && seconds == 0 {
                tokio::time::sleep(left).await;
            }
            batch.extend(more);
        }
        Ok(Some((batch, permit)))
    }

    async fn receive_once(&self, wanted: usize, seconds: u64) -> anyhow::Result<Vec<Value>> {
        let request = json!({
            "QueueUrl": self.queue_url,
            "MaxNumberOfMessages": wanted.min(SQS_BATCH),
            "WaitTimeSeconds": seconds,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        });
        let mut answer = (self.sqs)("ReceiveMessage", request).await?;
        Ok(match answer["Messages"].take() {
            Value::Array(messages) => messages,
            _ => Vec::new(),
        })
    }

    /// Invokes the function with the batch and settles each message by its answer.
    async fn work(&self, messages: Vec<Value>) {
        let records: Vec<Value> = messages
            .iter()
            .map(|message| self.record(message))
            .collect();
        let payload = Bytes::from(json!({ "Records": records }).to_string());
        let trace = match messages.as_slice() {
            [only] => only["Attributes"]["AWSTraceHeader"]
                .as_str()
                .map(String::from),
            _ => None,
        };
        let verdict = match self.invoke(payload, trace).await {
            Invoked::Returned(answer) if self.source.reports_item_failures => {
                verdict(&answer, &messages)
            }
            Invoked::Returned(_) => Verdict::AllDone,
            Invoked::Failed { kind, .. } => {
                let function = &self.source.function;
                tracing::warn!(function, ?kind, messages = messages.len(), "batch failed");
                Verdict::NoneDone
            }
            Invoked::Throttled => {
                self.hide(&messages).await;
                Verdict::NoneDone
            }
            Invoked::NoSuchFunction => {
                let function = &self.source.function;
                tracing::error!(function, "the event source's function does not exist");
                Verdict::NoneDone
            }
        };
        self.settle(&messages, &verdict).await;
    }

    /// Tries again while throttled, holding the batch: each return to the queue would count as a
    /// receive and bring a healthy message nearer to the dead-letter queue.
    async fn invoke(&self, payload: Bytes, trace: Option<String>) -> Invoked {
        let mut wait = THROTTLE_WAIT;
        for _ in 1..THROTTLE_TRIES {
            let function = &self.source.function;
            let invoked = self
                .lambda
                .invoke(function, payload.clone(), trace.clone())
                .await;
            if invoked != Invoked::Throttled {
                return invoked;
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        self.lambda
            .invoke(&self.source.function, payload, trace)
            .await
    }

    async fn settle(&self, messages: &[Value], verdict: &Verdict) {
        let done = messages.iter().filter(|message| match verdict {
            Verdict::AllDone => true,
            Verdict::AllBut(failed) => {
                !failed.contains(message["MessageId"].as_str().unwrap_or_default())
            }
            Verdict::NoneDone => false,
        });
        let done: Vec<&Value> = done.collect();
        self.in_batches("DeleteMessageBatch", &done, &json!({}))
            .await;
    }

    async fn hide(&self, messages: &[Value]) {
        let all: Vec<&Value> = messages.iter().collect();
        let visibility = json!({ "VisibilityTimeout": THROTTLED_VISIBILITY_SECONDS });
        self.in_batches("ChangeMessageVisibilityBatch", &all, &visibility)
            .await;
    }

    /// One entry per message, with its receipt handle and `more`. What fails comes back later: the
    /// function sees that message again, which at-least-once delivery allows.
    async fn in_batches(&self, operation: &'static str, messages: &[&Value], more: &Value) {
        for some in messages.chunks(SQS_BATCH) {
            let entry = |(index, message): (usize, &&Value)| {
                let mut entry = more.clone();
                entry["Id"] = json!(index.to_string());
                entry["ReceiptHandle"] = message["ReceiptHandle"].clone();
                entry
            };
            let entries: Vec<Value> = some.iter().enumerate().map(entry).collect();
            let request = json!({ "QueueUrl": self.queue_url, "Entries": entries });
            let queue = &self.source.queue;
            match (self.sqs)(operation, request).await {
                Ok(answer) => {
                    let failed = answer["Failed"].as_array().map_or(0, Vec::len);
                    if failed > 0 {
                        tracing::warn!(queue, operation, failed, "SQS refused some entries");
                    }
                }
                Err(error) => {
                    tracing::warn!(queue, operation, error = format!("{error:#}"), "SQS failed");
                }
            }
        }
    }

    /// A message as Lambda spells it in an SQS event.
    fn record(&self, message: &Value) -> Value {
        let attributes = match &message["Attributes"] {
            Value::Null => json!({}),
            attributes => attributes.clone(),
        };
        json!({
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "md5OfBody": message["MD5OfBody"],
            "attributes": attributes,
            "messageAttributes": message_attributes(&message["MessageAttributes"]),
            "eventSource": "aws:sqs",
            "eventSourceARN": self.arn,
            "awsRegion": REGION,
        })
    }
}

fn message_attributes(attributes: &Value) -> Value {
    let spelled = |attribute: &Value| {
        let mut spelled = json!({
            "dataType": attribute["DataType"],
            "stringListValues": [],
            "binaryListValues": [],
        });
        for (ours, theirs) in [
            ("stringValue", "StringValue"),
            ("binaryValue", "BinaryValue"),
        ] {
            if let Some(value) = attribute.get(theirs) {
                spelled[ours] = value.clone();
            }
        }
        spelled
    };
    let spelled: Map<String, Value> = attributes
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, attribute)| (name.clone(), spelled(attribute)))
        .collect();
    Value::Object(spelled)
}

/// AWS's reading of a partial batch response: nothing, null or an empty list is success; any other
/// shape, or an id that is not of the batch, is the failure of the whole batch.
fn verdict(answer: &[u8], messages: &[Value]) -> Verdict {
    if answer.iter().all(u8::is_ascii_whitespace) {
        return Verdict::AllDone;
    }
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else {
        return Verdict::NoneDone;
    };
    let failures = match answer.get("batchItemFailures") {
        Some(Value::Array(failures)) => failures,
        Some(Value::Null) => return Verdict::AllDone,
        Some(_) => return Verdict::NoneDone,
        // A response of another kind (null, `{}`, a status code) reports no failures.
        None => return Verdict::AllDone,
    };
    let ids: HashSet<&str> = messages
        .iter()
        .filter_map(|message| message["MessageId"].as_str())
        .collect();
    let failed = failures.iter().map(|failure| {
        failure["itemIdentifier"]
            .as_str()
            .filter(|id| ids.contains(id))
            .map(String::from)
    });
    match failed.collect::<Option<HashSet<String>>>() {
        Some(failed) => Verdict::AllBut(failed),
        None => Verdict::NoneDone,
    }
}

#[cfg(test)]
mod tests;
