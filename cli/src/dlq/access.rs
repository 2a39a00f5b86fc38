//! Opens the dead-letter queue of a stack, and what replays its jobs.

use std::time::Duration;

use anyhow::Result;
use longhaul_shared::aws::queue_reader::QueueReader;
use longhaul_shared::orchestration::job_replayer::JobReplayer;

use crate::target::Target;

/// The caller's name in the logs of AWS calls.
const CALLER: &str = "longhaul-dlq";
/// How long read messages stay hidden from other readers if this command dies: enough to read 100,000 messages.
pub const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(60);

pub struct Access {
    pub queue: QueueReader,
    pub queue_arn: String,
    pub replayer: JobReplayer,
}

impl Access {
    pub async fn open(target: &Target) -> Result<Self> {
        let aws = target.open(CALLER).await?;
        let url = aws.queue_url("jobs-dlq").await?;
        let queue = QueueReader::new(&aws.sqs, url, VISIBILITY_TIMEOUT);
        Ok(Self {
            queue_arn: queue.arn().await?,
            queue,
            replayer: aws.job_replayer().await?,
        })
    }
}
