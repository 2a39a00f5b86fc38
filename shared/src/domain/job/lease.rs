//! What the worker that holds a job may do with it: each transition is a change under the lease's fence, which the
//! store refuses to a worker that was superseded.

use std::time::Duration;

use jiff::Timestamp;

use super::change::{Assignment, Change, Condition, Increment, Removal};
use super::ending::end_assignments;
use super::log_write::{LogWrite, TAIL_BYTES, numbered};
use super::outcome::Outcome;
use super::state::{AttemptError, Job, Status};
use crate::domain::log::{EntryContent, LogEntry};

/// A worker renews its lease this many times before it would run out: two renewals may fail.
pub const RENEWALS_PER_LEASE: u32 = 3;

/// A progress report of an analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// From 0 to 100.
    pub percent: u8,
    /// What the analysis is doing.
    pub message: String,
}

/// The right to run a job and to write its events. The transitions that give it up consume it.
#[derive(Debug)]
pub struct Lease {
    job: Job,
}

impl Lease {
    /// From the row that the claim, or a write under this lease, returned.
    pub fn from_row(job: Job) -> Self {
        Self { job }
    }

    /// The row as it was last returned.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Reports progress, with an event for each report, and renews the lease. The percentage never falls.
    pub fn report(&self, reports: &[Report], now: Timestamp, lease: Duration) -> LogWrite {
        let (mut assignments, increments) = self.progress_change(reports, now);
        assignments.extend([
            Assignment::LeaseUntil(now + lease),
            Assignment::UpdatedAt(now),
        ]);
        let entries = self.progress_entries(reports, now);
        self.to_row(entries, assignments, increments)
    }

    /// Writes the answer's next chunk or reset, and renews the lease.
    pub fn stream(&self, entry: LogEntry, lease: Duration) -> LogWrite {
        let mut assignments = vec![
            Assignment::LeaseUntil(entry.at + lease),
            Assignment::UpdatedAt(entry.at),
        ];
        // A dialect can't remove text that it has shown.
        let is_reset = matches!(entry.content, EntryContent::Reset { .. });
        if is_reset && self.job.dialect_follower.is_some() {
            assignments.push(Assignment::DialectBroken);
        }
        if entry.bytes() <= TAIL_BYTES {
            return self.to_row(vec![entry], assignments, vec![Increment::Stream]);
        }
        assignments.push(Assignment::Tail(vec![]));
        let mut entries = self.job.tail.clone();
        entries.push(entry);
        LogWrite::Log {
            entries,
            change: Change {
                condition: self.unchanged_with_followers(),
                assignments,
                increments: vec![Increment::Stream],
                removals: vec![],
            },
        }
    }

    fn to_row(
        &self,
        entries: Vec<LogEntry>,
        assignments: Vec<Assignment>,
        increments: Vec<Increment>,
    ) -> LogWrite {
        LogWrite::to_row(
            &self.job,
            self.unchanged(),
            entries,
            assignments,
            increments,
        )
    }

    /// Whether no write has renewed the lease within the last of [`RENEWALS_PER_LEASE`] parts of it.
    pub fn is_due_for_renewal(&self, now: Timestamp, lease: Duration) -> bool {
        let renewed_lately = now + (lease - lease / RENEWALS_PER_LEASE);
        self.job
            .lease_until
            .is_none_or(|until| until <= renewed_lately)
    }

    /// Renews the lease without an event.
    pub fn renew(&self, now: Timestamp, lease: Duration) -> Change {
        Change {
            condition: Condition::Fence(self.job.fence),
            assignments: vec![Assignment::LeaseUntil(now + lease)],
            increments: vec![],
            removals: vec![],
        }
    }

    /// Records that a step of this name, which took `ms` milliseconds, was stored, and renews the lease. The step's
    /// result goes with it, in one transaction.
    pub fn save_step(&self, name: &str, ms: u64, now: Timestamp, lease: Duration) -> Change {
        let saved = EntryContent::StepSaved {
            name: name.to_owned(),
            ms,
        };
        Change {
            condition: self.unchanged_with_followers(),
            ..self.change(
                [saved],
                now,
                vec![
                    Assignment::LeaseUntil(now + lease),
                    Assignment::UpdatedAt(now),
                ],
                vec![],
            )
        }
    }

    /// Gives the job back to the queue for another attempt at `retry_at`; until then the sweep does not send it again.
    pub fn retry(self, retry_at: Timestamp, error: AttemptError) -> Change {
        let failed = EntryContent::AttemptFailed {
            attempt: self.job.attempt,
            code: error.code.clone(),
            message: error.message.clone(),
            retry_at,
        };
        let now = error.at;
        let mut assignments = vec![
            Assignment::Status(Status::Queued),
            Assignment::HandedOver(false),
            Assignment::UpdatedAt(now),
            Assignment::LastError(error),
            Assignment::ResentAt(retry_at),
        ];
        assignments.extend(self.dialect_seq());
        self.change([failed], now, assignments, vec![Removal::Lease])
    }

    /// Hands the job over to the next invocation, which continues the same attempt.
    pub fn hand_over(self, now: Timestamp) -> Change {
        let handed_over = EntryContent::HandedOver {
            attempt: self.job.attempt,
        };
        let mut assignments = vec![
            Assignment::Status(Status::Queued),
            Assignment::HandedOver(true),
            // The next claim counts an attempt again.
            Assignment::Attempt(self.job.attempt.saturating_sub(1)),
            Assignment::UpdatedAt(now),
            Assignment::ResentAt(now),
        ];
        assignments.extend(self.dialect_seq());
        self.change([handed_over], now, assignments, vec![Removal::Lease])
    }

    /// Ends the job, with an event for each of the last reports before the end's. The index of open jobs lists it
    /// until its end was pushed.
    pub fn finish(
        self,
        last_reports: &[Report],
        outcome: Outcome,
        now: Timestamp,
        retention: Duration,
    ) -> Change {
        let (mut assignments, mut increments) = self.progress_change(last_reports, now);
        assignments.extend(end_assignments(outcome, now, retention));
        increments.push(Increment::Seq);
        let mut tail = self.job.tail.clone();
        tail.extend(self.progress_entries(last_reports, now));
        if !last_reports.is_empty() {
            assignments.push(Assignment::Tail(tail));
        }
        Change {
            condition: self.unchanged(),
            assignments,
            increments,
            removals: vec![Removal::Lease],
        }
    }

    /// Ends a job whose attempts were used up before: this claim ran nothing, so it is not counted as one.
    pub fn finish_unattempted(
        self,
        outcome: Outcome,
        now: Timestamp,
        retention: Duration,
    ) -> Change {
        let attempts = self.job.attempt.saturating_sub(1);
        let mut finish = self.finish(&[], outcome, now, retention);
        finish.assignments.push(Assignment::Attempt(attempts));
        finish
    }

    /// The row holds the last of the reports, and counts all.
    fn progress_change(
        &self,
        reports: &[Report],
        now: Timestamp,
    ) -> (Vec<Assignment>, Vec<Increment>) {
        let Some(last) = reports.last() else {
            return (vec![], vec![]);
        };
        let mut assignments = vec![
            Assignment::Progress(self.clamped(last)),
            Assignment::Message(last.message.clone()),
            Assignment::Reported(true),
            Assignment::ProgressAt(now),
        ];
        if self.job.handed_over {
            assignments.push(Assignment::HandedOver(false));
        }
        if self.job.retrying {
            assignments.push(Assignment::Retrying(false));
        }
        let count = reports.len() as u64;
        (assignments, vec![Increment::Progress(count)])
    }

    fn progress_entries(&self, reports: &[Report], now: Timestamp) -> Vec<LogEntry> {
        let content = |report: &Report| EntryContent::Progress {
            percent: self.clamped(report),
            message: report.message.clone(),
            attempt: self.job.attempt,
            retrying: false,
        };
        numbered(self.job.seq, now, reports.iter().map(content))
    }

    /// A report's percentage, which never falls below the row's.
    fn clamped(&self, report: &Report) -> u8 {
        report.percent.clamp(self.job.current_progress(), 100)
    }

    /// A worker that gives the job back in order has pushed all of its stream.
    fn dialect_seq(&self) -> Option<Assignment> {
        let follower = self.job.dialect_follower.as_ref();
        follower.map(|_| Assignment::DialectSeq(self.job.stream_seq))
    }

    /// A change with these events.
    fn change(
        &self,
        contents: impl IntoIterator<Item = EntryContent>,
        now: Timestamp,
        mut assignments: Vec<Assignment>,
        removals: Vec<Removal>,
    ) -> Change {
        let entries = numbered(self.job.seq, now, contents);
        let increments = entries.iter().map(|_| Increment::Seq).collect();
        let mut tail = self.job.tail.clone();
        tail.extend(entries);
        assignments.push(Assignment::Tail(tail));
        Change {
            condition: self.unchanged(),
            assignments,
            increments,
            removals,
        }
    }

    /// The lease is held, and the job had no event since.
    fn unchanged(&self) -> Condition {
        Condition::Held {
            fence: self.job.fence,
            seq: self.job.seq,
        }
    }

    /// As [`Lease::unchanged`], and the followers are the same.
    fn unchanged_with_followers(&self) -> Condition {
        Condition::HeldWithFollowers {
            fence: self.job.fence,
            seq: self.job.seq,
            follower_version: self.job.follower_version,
        }
    }
}
