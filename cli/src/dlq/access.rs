//! What these commands need of a stack: its dead letters, and what starts their jobs anew.
//!
//! Which stack that is, [`crate::target`] knows.

use anyhow::Result;

use crate::dlq::queue::Queue;
use crate::replay::Replays;
use crate::target::Target;

/// As which the calls of these commands show in logs.
const CALLER: &str = "longhaul-dlq";

/// A stack, opened.
pub struct Access {
    pub letters: Queue,
    pub replays: Replays,
}

impl Access {
    pub async fn open(target: &Target) -> Result<Self> {
        let site = target.site(CALLER).await?;
        Ok(Self {
            replays: Replays::open(&site).await?,
            letters: Queue::open(&site.sqs, &site.named("jobs-dlq")).await?,
        })
    }
}
