//! The fan-out's queue: pages of a topic's subscribers that are to be told something.
//!
//! Sends only; who is told what is decided where a page is read.

use anyhow::{Context, Result};
use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use tokio::task::JoinSet;

use crate::domain::topics::{FanoutPage, Publication, Recipient};
use crate::settings::{Environment, SettingsError};

#[derive(Clone)]
pub struct FanoutQueue {
    sqs: Client,
    queue_url: String,
}

impl FanoutQueue {
    /// The queue whose URL is `FANOUT_QUEUE_URL`.
    pub fn open(config: &Environment, sdk: &SdkConfig) -> Result<Self, SettingsError> {
        Ok(Self {
            sqs: Client::new(sdk),
            queue_url: config.required("FANOUT_QUEUE_URL")?.to_owned(),
        })
    }

    /// Begins to tell all subscribers of the topic that this is published on; once it has returned, each will
    /// be told.
    pub async fn begin(&self, published: &Publication) -> Result<()> {
        let mut sends = JoinSet::new();
        for page in published.pages() {
            let fanout = self.clone();
            sends.spawn(async move { fanout.send(&page, 0).await });
        }
        sends.join_all().await.into_iter().collect()
    }

    /// Has a page done, `delay` seconds (up to 900) from now.
    pub async fn send(&self, page: &FanoutPage, delay: u16) -> Result<()> {
        let body = serde_json::to_string(page).context("spelling a page")?;
        let send = self.sqs.send_message().queue_url(&self.queue_url);
        let mut send = send.message_body(body).delay_seconds(delay.into());
        // So that a crowded topic delays no other.
        if let Recipient::Topic(topic) = &page.published.to {
            send = send.message_group_id(topic.as_str());
        }
        send.send().await.context("sending a page to the queue")?;
        Ok(())
    }
}
