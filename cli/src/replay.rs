//! A failed job, started anew: the one way in which a command does it, by its letter or by its id.
//!
//! The write is [`Job::replay`]; whether a job is to be replayed, the caller decides.

use anyhow::Result;
use longhaul_shared::dispatch::Dispatch;
use longhaul_shared::event::Event;
use longhaul_shared::job::Job;
use longhaul_shared::jobs::{Commit, Jobs};
use longhaul_shared::push::Push;
use longhaul_shared::{dialect, time};

use crate::target::Site;

/// What a replay needs of a stack.
pub struct Replays {
    pub jobs: Jobs,
    pub dispatch: Dispatch,
    /// `None` where nobody said where connections are.
    pub push: Option<Push>,
}

/// What became of one replay.
pub enum Replayed {
    /// This is the row of the new run.
    Anew,
    /// Somebody was faster: the job stands elsewhere now, or is gone.
    Elsewhere(Option<Box<Job>>),
}

impl Replays {
    pub async fn open(site: &Site) -> Result<Self> {
        Ok(Self {
            jobs: site.jobs()?,
            dispatch: site.dispatch().await?,
            push: site.push()?,
        })
    }

    /// Writes, tells and queues a new run after the run of this number: in this order, so that a crash
    /// leaves a job that the sweep, or the next try, sends to the queue.
    pub async fn run(&self, job: &Job, run: u32, from_start: bool) -> Result<Replayed> {
        let now = time::now();
        let replay = job.replay(run, from_start, now);
        let anew = match self.jobs.commit(job.id, &replay).await? {
            Commit::Applied(anew) => anew,
            // The SDK sends a replay again whose answer it lost; the second then meets the first.
            Commit::Refused(Some(anew)) if anew.replayed_at == Some(now) => anew,
            Commit::Refused(other) => return Ok(Replayed::Elsewhere(other)),
        };
        self.tell(&anew).await;
        self.dispatch.send(&anew).await?;
        Ok(Replayed::Anew)
    }

    /// Tells those who follow the job. Best effort: its next event leaves a gap that they close.
    async fn tell(&self, job: &Job) {
        if let Some(push) = &self.push {
            push.tell(dialect::told(job, &Event::progress(job))).await;
        }
    }
}
