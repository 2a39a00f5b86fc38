//! Reads all messages of a queue. SQS returns at most ten messages a call, hides them, and may return one twice.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
    MessageSystemAttributeName as System, QueueAttributeName as Attribute,
};
use futures_util::future::{join_all, try_join_all};
use jiff::Timestamp;

use crate::domain::queue_message::QueueMessage;

/// SQS's limit of messages a call.
const BATCH: usize = 10;
const PARALLEL_CALLS: usize = 8;
/// Seconds of a long poll. It queries all of SQS's servers; a short poll would miss messages.
const LONG_POLL_SECONDS: i32 = 1;

/// The messages that were read.
pub struct QueueContents {
    /// Each message once, oldest first.
    pub messages: Vec<QueueMessage>,
    /// Approximate number of messages that another reader hides.
    pub in_flight: usize,
}

#[derive(Clone)]
pub struct QueueReader {
    sqs: Client,
    url: String,
    visibility_timeout: Duration,
}

impl QueueReader {
    /// A reader of the queue at `url`. Messages that it read are hidden from others for `visibility_timeout`, unless
    /// they are released or deleted earlier.
    pub fn new(sqs: &Client, url: String, visibility_timeout: Duration) -> Self {
        Self {
            sqs: sqs.clone(),
            url,
            visibility_timeout,
        }
    }

    /// The queue's ARN, which is the same at every endpoint.
    pub async fn arn(&self) -> Result<String> {
        let mut attributes = self.attributes(&[Attribute::QueueArn]).await?;
        let arn = attributes.remove(&Attribute::QueueArn);
        arn.context("SQS returned no ARN of the queue")
    }

    /// Reads every visible message, or at least `limit` of them if there are as many.
    pub async fn read(&self, limit: usize) -> Result<QueueContents> {
        let mut found = HashMap::new();
        loop {
            let before = found.len();
            for received in join_all((0..PARALLEL_CALLS).map(|_| self.receive())).await {
                // The latest receipt handle of a message is the valid one.
                found.extend(
                    received?
                        .into_iter()
                        .map(|message| (message.id.clone(), message)),
                );
            }
            if found.len() == before || found.len() >= limit {
                break;
            }
        }
        let mut messages: Vec<QueueMessage> = found.into_values().collect();
        messages.sort_by(|one, other| (one.sent_at, &one.id).cmp(&(other.sent_at, &other.id)));
        let in_flight = self
            .approximate_size()
            .await?
            .saturating_sub(messages.len());
        Ok(QueueContents {
            messages,
            in_flight,
        })
    }

    /// Approximate number of messages in the queue, hidden ones too.
    async fn approximate_size(&self) -> Result<usize> {
        let counts = [
            Attribute::ApproximateNumberOfMessages,
            Attribute::ApproximateNumberOfMessagesNotVisible,
        ];
        let attributes = self.attributes(&counts).await?;
        let count = |name| attributes.get(name)?.parse::<usize>().ok();
        Ok(counts.iter().filter_map(count).sum())
    }

    /// Makes the messages visible to other readers again.
    pub async fn release(&self, messages: &[QueueMessage]) -> Result<()> {
        for chunk in messages.chunks(BATCH * PARALLEL_CALLS) {
            try_join_all(chunk.chunks(BATCH).map(|batch| self.release_batch(batch))).await?;
        }
        Ok(())
    }

    /// Deletes the messages. `on_deleted` is called with the size of each chunk that was deleted.
    pub async fn delete(
        &self,
        messages: &[QueueMessage],
        on_deleted: impl Fn(usize),
    ) -> Result<()> {
        for chunk in messages.chunks(BATCH * PARALLEL_CALLS) {
            try_join_all(chunk.chunks(BATCH).map(|batch| self.delete_batch(batch))).await?;
            on_deleted(chunk.len());
        }
        Ok(())
    }

    async fn receive(&self) -> Result<Vec<QueueMessage>> {
        let receive = self
            .sqs
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(BATCH as i32)
            .wait_time_seconds(LONG_POLL_SECONDS)
            .visibility_timeout(self.visibility_timeout.as_secs() as i32)
            .message_system_attribute_names(System::SentTimestamp);
        let response = receive
            .send()
            .await
            .map_err(|error| error.into_service_error())
            .context("reading the queue")?;
        let messages = response.messages.unwrap_or_default();
        messages.into_iter().map(message).collect()
    }

    async fn release_batch(&self, batch: &[QueueMessage]) -> Result<()> {
        let mut change = self
            .sqs
            .change_message_visibility_batch()
            .queue_url(&self.url);
        for (n, message) in batch.iter().enumerate() {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(n.to_string())
                .receipt_handle(&message.receipt_handle)
                .visibility_timeout(0);
            change = change.entries(entry.build()?);
        }
        // An entry that SQS refuses is visible already.
        change
            .send()
            .await
            .map_err(|error| error.into_service_error())
            .context("releasing messages of the queue")?;
        Ok(())
    }

    async fn delete_batch(&self, batch: &[QueueMessage]) -> Result<()> {
        let mut delete = self.sqs.delete_message_batch().queue_url(&self.url);
        for (n, message) in batch.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder()
                .id(n.to_string())
                .receipt_handle(&message.receipt_handle);
            delete = delete.entries(entry.build()?);
        }
        let response = delete
            .send()
            .await
            .map_err(|error| error.into_service_error())
            .context("deleting messages")?;
        let reason = response.failed.first().and_then(|failed| failed.message());
        ensure!(
            response.failed.is_empty(),
            "SQS did not delete {} messages: {}",
            response.failed.len(),
            reason.unwrap_or("it gave no reason")
        );
        Ok(())
    }

    async fn attributes(&self, names: &[Attribute]) -> Result<HashMap<Attribute, String>> {
        let get = self
            .sqs
            .get_queue_attributes()
            .queue_url(&self.url)
            .set_attribute_names(Some(names.to_vec()));
        let response = get
            .send()
            .await
            .map_err(|error| error.into_service_error())
            .context("reading the queue's attributes")?;
        Ok(response.attributes.unwrap_or_default())
    }
}

fn message(received: aws_sdk_sqs::types::Message) -> Result<QueueMessage> {
    let sent = received
        .attributes
        .as_ref()
        .and_then(|attributes| attributes.get(&System::SentTimestamp)?.parse().ok())
        .context("SQS returned a message without a time")?;
    Ok(QueueMessage {
        id: received
            .message_id
            .context("SQS returned a message without an id")?,
        body: received.body.unwrap_or_default(),
        sent_at: Timestamp::from_millisecond(sent)?,
        receipt_handle: received
            .receipt_handle
            .context("SQS returned a message without a receipt handle")?,
    })
}
