//! Sends the record of a failed run to the dead-letter queue.

use anyhow::{Context, Result};
use aws_config::SdkConfig;
use aws_sdk_sqs::Client;

use crate::domain::dead_letter::DeadLetterPayload;
use crate::domain::job::Job;

#[derive(Clone)]
pub struct DeadLetterQueue {
    sqs: Client,
    queue_url: String,
}

impl DeadLetterQueue {
    pub fn new(sdk_config: &SdkConfig, queue_url: String) -> Self {
        Self {
            sqs: Client::new(sdk_config),
            queue_url,
        }
    }

    /// Sends the record of an ended job, if it leaves a dead letter. After `false` the job must stay in the
    /// index of open jobs, so that the sweep tries again.
    pub async fn record(&self, job: &Job) -> bool {
        let Some(payload) = DeadLetterPayload::of_job(job) else {
            return true;
        };
        match self.send(&payload).await {
            Ok(()) => {
                tracing::info!(job = %job.id, run = payload.run, code = payload.code, "dead letter sent");
                true
            }
            Err(error) => {
                tracing::warn!(job = %job.id, error = format!("{error:#}"), "dead letter not sent; the sweep retries");
                false
            }
        }
    }

    async fn send(&self, payload: &DeadLetterPayload) -> Result<()> {
        let send = self
            .sqs
            .send_message()
            .queue_url(&self.queue_url)
            .message_body(payload.encode());
        send.send().await.context("sending a dead letter")?;
        Ok(())
    }
}
