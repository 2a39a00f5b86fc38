//! A queue read as a whole: SQS hands out ten messages at a time, hides them, and may hand one out twice.
//!
//! Knows messages and nothing of what they say.

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

/// SQS takes and gives at most so many messages a call.
const BATCH: usize = 10;
/// Calls at a time.
const AT_ONCE: usize = 8;
/// A long poll, in seconds, asks all of SQS's servers; a short one would miss messages.
const POLL: i32 = 1;

/// A message in this reader's hands.
#[derive(Debug, Clone)]
pub struct Message {
    pub id: String,
    pub body: String,
    pub sent_at: Timestamp,
    receipt: String,
}

/// What a reading brought.
pub struct QueueContents {
    /// Each message once, oldest first.
    pub messages: Vec<Message>,
    /// About so many more are there, hidden by another reader.
    pub in_flight: usize,
}

#[derive(Clone)]
pub struct QueueReader {
    sqs: Client,
    url: String,
    /// How long a reader that dies hides what it has read.
    hidden: Duration,
}

impl QueueReader {
    /// The queue at `url`; what is read of it is hidden from others for so long at most.
    pub fn at(sqs: &Client, url: String, hidden: Duration) -> Self {
        let sqs = sqs.clone();
        Self { sqs, url, hidden }
    }

    /// What names the queue wherever it answers.
    pub async fn arn(&self) -> Result<String> {
        let mut attributes = self.attributes(&[Attribute::QueueArn]).await?;
        let arn = attributes.remove(&Attribute::QueueArn);
        arn.context("SQS gave the queue no ARN")
    }

    /// Every message that nobody else holds, or about `most` of them, hidden from others until it is
    /// released or deleted, or its time is over.
    pub async fn read(&self, most: usize) -> Result<QueueContents> {
        let mut found = HashMap::new();
        loop {
            let before = found.len();
            for received in join_all((0..AT_ONCE).map(|_| self.receive())).await {
                // The latest receipt is the one that counts.
                found.extend(
                    received?
                        .into_iter()
                        .map(|message| (message.id.clone(), message)),
                );
            }
            if found.len() == before || found.len() >= most {
                break;
            }
        }
        let mut messages: Vec<Message> = found.into_values().collect();
        messages.sort_by(|one, other| (one.sent_at, &one.id).cmp(&(other.sent_at, &other.id)));
        let elsewhere = self.about().await?.saturating_sub(messages.len());
        Ok(QueueContents {
            messages,
            in_flight: elsewhere,
        })
    }

    /// About how many messages the queue holds, hidden ones too.
    async fn about(&self) -> Result<usize> {
        let counts = [
            Attribute::ApproximateNumberOfMessages,
            Attribute::ApproximateNumberOfMessagesNotVisible,
        ];
        let attributes = self.attributes(&counts).await?;
        let count = |name| attributes.get(name)?.parse::<usize>().ok();
        Ok(counts.iter().filter_map(count).sum())
    }

    /// Lets others see the messages again, at once.
    pub async fn release(&self, messages: &[Message]) -> Result<()> {
        for chunk in messages.chunks(BATCH * AT_ONCE) {
            try_join_all(chunk.chunks(BATCH).map(|batch| self.show(batch))).await?;
        }
        Ok(())
    }

    /// Deletes the messages; `deleted` hears of each batch's size.
    pub async fn delete(&self, messages: &[Message], deleted: impl Fn(usize)) -> Result<()> {
        for chunk in messages.chunks(BATCH * AT_ONCE) {
            try_join_all(chunk.chunks(BATCH).map(|batch| self.remove(batch))).await?;
            deleted(chunk.len());
        }
        Ok(())
    }

    async fn receive(&self) -> Result<Vec<Message>> {
        let receive = self
            .sqs
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(BATCH as i32)
            .wait_time_seconds(POLL)
            .visibility_timeout(self.hidden.as_secs() as i32)
            .message_system_attribute_names(System::SentTimestamp);
        let answer = receive
            .send()
            .await
            .map_err(|error| error.into_service_error())
            .context("reading the queue")?;
        let messages = answer.messages.unwrap_or_default();
        messages.into_iter().map(message).collect()
    }

    async fn show(&self, batch: &[Message]) -> Result<()> {
        let mut change = self
            .sqs
            .change_message_visibility_batch()
            .queue_url(&self.url);
        for (n, message) in batch.iter().enumerate() {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(n.to_string())
                .receipt_handle(&message.receipt)
                .visibility_timeout(0);
            change = change.entries(entry.build()?);
        }
        // One that is refused was hidden no longer, which is all that is wanted.
        change
            .send()
            .await
            .map_err(|error| error.into_service_error())
            .context("giving messages back to the queue")?;
        Ok(())
    }

    async fn remove(&self, batch: &[Message]) -> Result<()> {
        let mut delete = self.sqs.delete_message_batch().queue_url(&self.url);
        for (n, message) in batch.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder()
                .id(n.to_string())
                .receipt_handle(&message.receipt);
            delete = delete.entries(entry.build()?);
        }
        let answer = delete
            .send()
            .await
            .map_err(|error| error.into_service_error())
            .context("deleting messages")?;
        let refused = answer.failed.first().and_then(|failed| failed.message());
        ensure!(
            answer.failed.is_empty(),
            "SQS did not delete {} messages: {}",
            answer.failed.len(),
            refused.unwrap_or("it gave no reason")
        );
        Ok(())
    }

    async fn attributes(&self, names: &[Attribute]) -> Result<HashMap<Attribute, String>> {
        let get = self
            .sqs
            .get_queue_attributes()
            .queue_url(&self.url)
            .set_attribute_names(Some(names.to_vec()));
        let answer = get
            .send()
            .await
            .map_err(|error| error.into_service_error())
            .context("asking about the queue")?;
        Ok(answer.attributes.unwrap_or_default())
    }
}

fn message(received: aws_sdk_sqs::types::Message) -> Result<Message> {
    let sent = received
        .attributes
        .as_ref()
        .and_then(|attributes| attributes.get(&System::SentTimestamp)?.parse().ok())
        .context("SQS gave a message no time")?;
    Ok(Message {
        id: received.message_id.context("SQS gave a message no id")?,
        body: received.body.unwrap_or_default(),
        sent_at: Timestamp::from_millisecond(sent)?,
        receipt: received
            .receipt_handle
            .context("SQS gave a message no receipt handle")?,
    })
}
