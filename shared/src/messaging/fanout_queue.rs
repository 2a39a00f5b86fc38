//! Sends pages of a topic's subscribers to the queue of the fan-out.

use anyhow::{Context, Result};
use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use tokio::task::JoinSet;

use crate::domain::topics::{FanoutPage, Publication, Recipient};

#[derive(Clone)]
pub struct FanoutQueue {
    sqs: Client,
    queue_url: String,
}

impl FanoutQueue {
    pub fn new(sdk_config: &SdkConfig, queue_url: String) -> Self {
        Self {
            sqs: Client::new(sdk_config),
            queue_url,
        }
    }

    /// Queues the first page of every shard of the topic. Once this returns, every subscriber will be notified.
    pub async fn begin(&self, publication: &Publication) -> Result<()> {
        let mut sends = JoinSet::new();
        for page in publication.pages() {
            let fanout = self.clone();
            sends.spawn(async move { fanout.send(&page, 0).await });
        }
        sends.join_all().await.into_iter().collect()
    }

    /// Queues a page, to be handled after `delay` seconds (at most 900, by SQS).
    pub async fn send(&self, page: &FanoutPage, delay: u16) -> Result<()> {
        let body = serde_json::to_string(page).context("serializing a page")?;
        let send = self.sqs.send_message().queue_url(&self.queue_url);
        let mut send = send.message_body(body).delay_seconds(delay.into());
        // A message group for each topic, so that a busy topic does not delay others.
        if let Recipient::Topic(topic) = &page.published.to {
            send = send.message_group_id(topic.as_str());
        }
        send.send().await.context("sending a page to the queue")?;
        Ok(())
    }
}
