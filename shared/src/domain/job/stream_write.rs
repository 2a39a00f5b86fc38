//! Where a job's stream is stored: its latest entries in the job's row, the others in the event log.
//!
//! DynamoDB bills a write by the kilobyte of the item, and twice in a transaction. A short entry in the row, which each
//! write pays for anyway, costs a quarter of a transaction of row and log.

use std::mem::take;
use std::time::Duration;

use super::change::{Assignment, Change, Condition, Increment};
use super::lease::Lease;
use crate::domain::stream::{StreamContent, StreamEntry};

/// The largest tail of the stream that a row holds, in bytes: with it most rows stay below the kilobyte that one write
/// unit pays for.
pub const TAIL_BYTES: usize = 320;

/// How the stream's next entry is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamWrite {
    /// Into the row, by this change. The entries that outgrow the row must be in the event log first.
    Row {
        outgrown: Vec<StreamEntry>,
        change: Change,
    },
    /// Into the event log, behind the tail's entries, in a transaction with this change: it is too large for a row.
    Log {
        entries: Vec<StreamEntry>,
        change: Change,
    },
}

impl Lease {
    /// Writes the stream's next entry, and renews the lease.
    pub fn stream(&self, entry: StreamEntry, lease: Duration) -> StreamWrite {
        let (fence, seq) = (self.job().fence, self.job().seq);
        let follower_version = self.job().follower_version;
        let mut assignments = vec![
            Assignment::LeaseUntil(entry.at + lease),
            Assignment::UpdatedAt(entry.at),
        ];
        // A dialect can't remove text that it has shown.
        let is_reset = matches!(entry.content, StreamContent::Reset { .. });
        if is_reset && self.job().dialect_follower.is_some() {
            assignments.push(Assignment::DialectBroken);
        }
        let change = |condition, tail| {
            assignments.push(Assignment::Tail(tail));
            Change {
                condition,
                assignments,
                increments: vec![Increment::Stream],
                removals: vec![],
            }
        };
        let mut tail = self.job().tail.clone();
        let tail_bytes: usize = tail.iter().map(StreamEntry::bytes).sum();
        if entry.bytes() > TAIL_BYTES {
            tail.push(entry);
            let condition = Condition::HeldWithFollowers {
                fence,
                seq,
                follower_version,
            };
            return StreamWrite::Log {
                entries: tail,
                change: change(condition, vec![]),
            };
        }
        let outgrown = if tail_bytes + entry.bytes() > TAIL_BYTES {
            take(&mut tail)
        } else {
            vec![]
        };
        tail.push(entry);
        StreamWrite::Row {
            outgrown,
            change: change(Condition::Held { fence, seq }, tail),
        }
    }
}

#[cfg(test)]
impl StreamWrite {
    /// The change of the row, wherever the entry goes.
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

    use super::super::state::Job;
    use super::super::tests::{LEASE, apply, at, submitted};
    use super::*;
    use crate::domain::stream::Stream;

    fn chunk(seq: u64, bytes: usize) -> StreamEntry {
        StreamEntry {
            seq,
            at: at(2),
            content: StreamContent::Chunk("x".repeat(bytes)),
        }
    }

    proptest! {
        /// However long the pieces are, and wherever a worker dies between the log's write and the row's: a reader that
        /// reads the row, and then the log, has all that was written by then, once and in order.
        #[test]
        fn row_and_log_together_hold_the_stream(pieces in prop::collection::vec((0..2 * TAIL_BYTES, any::<bool>()), 0..40), behind in 0..4usize) {
            let mut job = submitted(at(0));
            apply(&Job::claim("i", "m", at(1), LEASE), &mut job);
            let (mut log, mut written) = (BTreeMap::<u64, Vec<StreamEntry>>::new(), vec![]);
            let mut rows = vec![job.clone()];
            for (bytes, dies) in pieces {
                let entry = chunk(job.seq + 1, bytes);
                let change = match Lease::from_row(job.clone()).stream(entry.clone(), LEASE) {
                    StreamWrite::Row { outgrown, change } => {
                        if let Some(last) = outgrown.last() {
                            log.insert(last.seq, outgrown.clone());
                        }
                        if dies { continue; }
                        change
                    }
                    StreamWrite::Log { .. } if dies => continue,
                    StreamWrite::Log { entries, change } => {
                        log.insert(entry.seq, entries);
                        change
                    }
                };
                prop_assert!(apply(&change, &mut job));
                prop_assert!(job.tail.iter().map(StreamEntry::bytes).sum::<usize>() <= TAIL_BYTES);
                written.push(entry);
                rows.push(job.clone());
            }
            let read = &rows[rows.len().saturating_sub(behind + 1)];
            for after in 0..read.stream_seq {
                let logged = log.range(after + 1..=read.stream_seq).flat_map(|(_, entries)| entries.clone());
                let stream = Stream::after(after, logged.collect(), true, &read.tail);
                let expected: Vec<StreamEntry> = written.iter().filter(|entry| entry.seq > after && entry.seq <= read.stream_seq).cloned().collect();
                prop_assert_eq!(stream.entries, expected);
            }
        }
    }

    #[test]
    fn an_entry_too_large_for_the_row_moves_the_tail_to_the_log() {
        let mut job = submitted(at(0));
        apply(&Job::claim("i", "m", at(1), LEASE), &mut job);
        let short = Lease::from_row(job.clone()).stream(chunk(3, 10), LEASE);
        apply(&short.change(), &mut job);
        let long = Lease::from_row(job.clone()).stream(chunk(4, TAIL_BYTES), LEASE);
        let StreamWrite::Log { entries, change } = long else {
            panic!("it went into the row");
        };
        assert_eq!(entries, [chunk(3, 10), chunk(4, TAIL_BYTES)]);
        assert!(apply(&change, &mut job));
        assert_eq!((job.tail, job.stream_seq), (vec![], 4));
    }
}
