//! Where a job's entries are stored: the latest in the job's row, the others in the event log.
//!
//! DynamoDB bills a write by the kilobyte of the item, and twice in a transaction. A short entry in the row, which each
//! write pays for anyway, costs a quarter of a transaction of row and log.

use std::mem::take;

use jiff::Timestamp;

use super::change::{Assignment, Change, Condition, Increment};
use super::state::Job;
use crate::domain::log::{EntryContent, LogEntry};

/// The largest tail of the log that a row holds, in bytes, but for the events of claims, failures and hand-overs: with it
/// most rows stay below the kilobyte that one write unit pays for.
pub const TAIL_BYTES: usize = 320;

/// How the log's next entries are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogWrite {
    /// Into the row, by this change. The entries that outgrow the row must be in the event log first.
    Row {
        outgrown: Vec<LogEntry>,
        change: Change,
    },
    /// Into the event log, behind the tail's entries, in a transaction with this change: the entry is too large for a
    /// row.
    Log {
        entries: Vec<LogEntry>,
        change: Change,
    },
}

/// Entries with this time and the sequence numbers after `seq`.
pub(super) fn numbered(
    seq: u64,
    at: Timestamp,
    contents: impl IntoIterator<Item = EntryContent>,
) -> Vec<LogEntry> {
    let entry = |(seq, content)| LogEntry { seq, at, content };
    (seq + 1..).zip(contents).map(entry).collect()
}

impl LogWrite {
    /// Appends these entries to the job's row under this condition. The earlier ones of the row's tail make room for them.
    pub(super) fn to_row(
        job: &Job,
        condition: Condition,
        entries: Vec<LogEntry>,
        mut assignments: Vec<Assignment>,
        increments: Vec<Increment>,
    ) -> Self {
        let bytes = |entries: &[LogEntry]| entries.iter().map(LogEntry::bytes).sum::<usize>();
        let mut tail = job.tail.clone();
        let outgrown = match bytes(&tail) + bytes(&entries) > TAIL_BYTES {
            true => take(&mut tail),
            false => vec![],
        };
        tail.extend(entries);
        assignments.push(Assignment::Tail(tail));
        let change = Change {
            condition,
            assignments,
            increments,
            removals: vec![],
        };
        Self::Row { outgrown, change }
    }
}

#[cfg(test)]
impl LogWrite {
    /// The change of the row, wherever the entries go.
    pub fn change(self) -> Change {
        match self {
            Self::Row { change, .. } | Self::Log { change, .. } => change,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::lease::Lease;
    use super::super::tests::{LEASE, apply, at, claim_by, submitted};
    use super::*;
    use crate::domain::log::Log;

    fn chunk(seq: u64, bytes: usize) -> LogEntry {
        LogEntry {
            seq,
            at: at(2),
            content: EntryContent::Chunk("x".repeat(bytes)),
        }
    }

    proptest! {
        /// However long the pieces are, and wherever a worker dies between the log's write and the row's: a reader that
        /// reads the row, and then the log, has all that was written by then, once and in order.
        #[test]
        fn row_and_log_together_hold_the_entries(pieces in prop::collection::vec((0..2 * TAIL_BYTES, any::<bool>()), 0..40), behind in 0..4usize) {
            let mut job = submitted(at(0));
            apply(&claim_by("i", &job.clone(), at(1)), &mut job);
            let first = job.tail.clone();
            let (mut log, mut written) = (BTreeMap::<u64, Vec<LogEntry>>::new(), first);
            let mut rows = vec![job.clone()];
            for (bytes, dies) in pieces {
                let entry = chunk(job.seq + 1, bytes);
                let change = match Lease::from_row(job.clone()).stream(entry.clone(), LEASE) {
                    LogWrite::Row { outgrown, change } => {
                        if let Some(last) = outgrown.last() {
                            log.insert(last.seq, outgrown.clone());
                        }
                        if dies { continue; }
                        change
                    }
                    LogWrite::Log { .. } if dies => continue,
                    LogWrite::Log { entries, change } => {
                        log.insert(entry.seq, entries);
                        change
                    }
                };
                prop_assert!(apply(&change, &mut job));
                prop_assert!(job.tail.iter().map(LogEntry::bytes).sum::<usize>() <= TAIL_BYTES);
                written.push(entry);
                rows.push(job.clone());
            }
            let read = &rows[rows.len().saturating_sub(behind + 1)];
            for after in 0..read.seq {
                let logged = log.range(after + 1..=read.seq).flat_map(|(_, entries)| entries.clone());
                let stream = Log::after(after, logged.collect(), true, &read.tail);
                let expected: Vec<LogEntry> = written.iter().filter(|entry| entry.seq > after && entry.seq <= read.seq).cloned().collect();
                prop_assert_eq!(stream.entries, expected);
            }
        }
    }

    #[test]
    fn an_entry_too_large_for_the_row_moves_the_tail_to_the_log() {
        let mut job = submitted(at(0));
        apply(&claim_by("i", &job.clone(), at(1)), &mut job);
        let started = job.tail.clone();
        let short = Lease::from_row(job.clone()).stream(chunk(3, 10), LEASE);
        apply(&short.change(), &mut job);
        let long = Lease::from_row(job.clone()).stream(chunk(4, TAIL_BYTES), LEASE);
        let LogWrite::Log { entries, change } = long else {
            panic!("it went into the row");
        };
        let streamed = [chunk(3, 10), chunk(4, TAIL_BYTES)];
        assert_eq!(entries, [&started[..], &streamed].concat());
        assert!(apply(&change, &mut job));
        assert_eq!((job.tail, job.stream_seq), (vec![], 4));
    }
}
