//! What the dead-letter queue says of one run of one job, and what is to be done about it.
//!
//! What is decided is a pure function of the letter and the job's row; nothing is done here.

use std::collections::BTreeMap;

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::queue::{Message, QueueContents};
use super::{DeadLetter, DeadLetterPayload};
use crate::domain::ids::{JobId, Owner};
use crate::domain::job::{Job, Status};
use crate::store::jobs::Jobs;

/// Rows read at a time.
const AT_ONCE: usize = 16;

/// One run of one job, with every letter about it: evidence comes at least once.
pub struct FailedRun {
    pub job: JobId,
    /// `None` of a message that redrive moved: it knows no run.
    pub run: Option<u32>,
    pub evidence: Option<DeadLetterPayload>,
    /// At least one; the oldest first.
    pub messages: Vec<Message>,
    pub row: Option<Job>,
}

/// What is done about a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resolution {
    /// The job starts a new run.
    Replay,
    /// Redrive took the message of a job that still waits: its id goes to the queue again.
    Send,
    /// The run is over and something came after it: the letter is stale.
    Delete,
    /// The job is gone, or its row is older than the letter: left for a person.
    Leave,
}

impl Resolution {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Send => "send",
            Self::Delete => "delete",
            Self::Leave => "leave",
        }
    }

    /// Of the letters about this run, seeing the job's row.
    pub fn of(run: Option<u32>, row: Option<&Job>, now: Timestamp) -> Self {
        let Some(job) = row.filter(|job| job.expires_at > now) else {
            return Self::Leave;
        };
        match run {
            Some(run) if run > job.replays => Self::Leave,
            Some(run) if run == job.replays && job.status == Status::Failed => Self::Replay,
            // Of one that an earlier apply has replayed the sweep sees to: a long backlog is not doubled.
            None if job.status == Status::Queued => Self::Send,
            _ => Self::Delete,
        }
    }
}

impl FailedRun {
    pub fn resolution(&self, now: Timestamp) -> Resolution {
        Resolution::of(self.run, self.row.as_ref(), now)
    }

    pub fn owner(&self) -> Option<&Owner> {
        let of_row = || self.row.as_ref().map(|job| &job.owner);
        let evidence = self.evidence.as_ref();
        evidence.map_or_else(of_row, |evidence| Some(&evidence.owner))
    }

    pub fn kind(&self) -> Option<&str> {
        let of_row = || self.row.as_ref().map(|job| job.kind.as_str());
        let evidence = self.evidence.as_ref();
        evidence.map_or_else(of_row, |evidence| Some(&evidence.kind))
    }

    /// When the run failed, or else when the message was first sent.
    pub fn since(&self) -> Timestamp {
        let sent = self.messages.first().map(|message| message.sent_at);
        let failed = self.evidence.as_ref().map(|evidence| evidence.failed_at);
        failed.or(sent).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// A whole dead-letter queue, understood as far as that goes.
pub struct FailedRuns {
    pub runs: Vec<FailedRun>,
    /// Messages that this version can't read: none of its business but to show them.
    pub unreadable: Vec<Message>,
    /// About so many messages are hidden by another reader.
    pub in_flight: usize,
}

impl FailedRuns {
    /// Sorts what was read by job and run, and looks each job up.
    pub async fn of(reading: &QueueContents, jobs: &Jobs) -> Result<Self> {
        let mut unreadable = vec![];
        let mut by_run: BTreeMap<(JobId, Option<u32>), FailedRun> = BTreeMap::new();
        for message in &reading.messages {
            let Some(letter) = DeadLetter::read(&message.body) else {
                unreadable.push(message.clone());
                continue;
            };
            let job = letter.job();
            let evidence = match letter {
                DeadLetter::DeadLetterPayload(evidence) => Some(*evidence),
                DeadLetter::Redriven(_) => None,
            };
            let run = evidence.as_ref().map(|evidence| evidence.run);
            let case = by_run.entry((job, run)).or_insert(FailedRun {
                job,
                run,
                evidence,
                messages: vec![],
                row: None,
            });
            case.messages.push(message.clone());
        }
        let looked_up = stream::iter(by_run.into_values()).map(async |case| {
            let row = jobs.get(case.job).await?;
            anyhow::Ok(FailedRun { row, ..case })
        });
        let mut cases: Vec<FailedRun> = looked_up.buffer_unordered(AT_ONCE).try_collect().await?;
        cases.sort_by_key(|case| (case.since(), case.job, case.run));
        Ok(Self {
            runs: cases,
            unreadable,
            in_flight: reading.in_flight,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::job::{JobInput, SubmitOptions};

    #[test]
    fn the_row_decides_what_is_done_about_a_letter() {
        let (now, day) = (Timestamp::UNIX_EPOCH, Duration::from_secs(24 * 3600));
        let owner = Owner {
            user: "alice".into(),
            tenant: None,
        };
        let input = JobInput::whole("q".into(), "{}".into());
        let id = JobId::new(now, &[1; 10]);
        let terms = SubmitOptions {
            deadline: day,
            retention: day,
        };
        let mut job = Job::submitted(id, owner, "noop".into(), input, now, terms);
        job.replays = 1;
        let mut disposal = |status, run| {
            job.status = status;
            Resolution::of(run, Some(&job), now)
        };
        use Resolution::{Delete, Leave, Replay, Send};
        for (status, run, wanted) in [
            (Status::Failed, Some(1), Replay),
            (Status::Failed, Some(0), Delete),
            (Status::Failed, Some(2), Leave),
            (Status::Failed, None, Delete),
            (Status::Queued, Some(0), Delete),
            (Status::Queued, None, Send),
            (Status::Processing, Some(0), Delete),
            (Status::Processing, None, Delete),
            (Status::Completed, Some(1), Delete),
            (Status::Cancelled, None, Delete),
        ] {
            assert_eq!(disposal(status, run), wanted, "{status:?} {run:?}");
        }
        assert_eq!(Resolution::of(Some(1), None, now), Leave);
        assert_eq!(Resolution::of(Some(1), Some(&job), job.expires_at), Leave);
    }
}
