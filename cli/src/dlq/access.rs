//! What these commands need of a stack: its dead letters, and what starts their jobs anew.
//!
//! Which stack that is, [`crate::target`] knows.

use std::time::Duration;

use anyhow::Result;
use longhaul_shared::messaging::dead_letters::QueueReader;
use longhaul_shared::orchestration::job_replayer::JobReplayer;

use crate::target::Target;

/// As which the calls of these commands show in logs.
const CALLER: &str = "longhaul-dlq";
/// Time enough to read a hundred thousand messages; a reader that dies hides them no longer than this.
pub const HIDDEN: Duration = Duration::from_secs(60);

/// A stack, opened.
pub struct Access {
    pub letters: QueueReader,
    /// The ARN of their queue.
    pub arn: String,
    pub replays: JobReplayer,
}

impl Access {
    pub async fn open(target: &Target) -> Result<Self> {
        let site = target.site(CALLER).await?;
        let letters = QueueReader::at(&site.sqs, site.queue_url("jobs-dlq").await?, HIDDEN);
        Ok(Self {
            arn: letters.arn().await?,
            letters,
            replays: site.replays().await?,
        })
    }
}
