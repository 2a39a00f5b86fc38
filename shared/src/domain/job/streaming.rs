//! How a job's stream is made durable: its latest entries in the job's row, the others in the event log.
//!
//! DynamoDB bills a write by the kilobyte of the item, and twice in a transaction: a short entry in the
//! row, which each write pays for anyway, costs a quarter of a transaction of row and log. Pure, as the rest
//! of a job's life; that the log has what left the row, the writer sees to.

use std::mem::take;
use std::time::Duration;

use super::{Assignment, Change, Condition, Increment, Lease};
use crate::domain::stream::{StreamContent, StreamEntry};

/// What a row takes of its job's stream, in bytes: with it most rows stay under the kilobyte that one write
/// unit pays for.
pub const TAIL_BYTES: usize = 320;

/// How the stream's next entry is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamStorage {
    /// By this change, into the row, once the log has what the row's tail held, if that is to leave it.
    Row {
        outgrown: Vec<StreamEntry>,
        change: Change,
    },
    /// It is too large for a row: into the log behind what the tail held, in a transaction with this change.
    Log {
        entries: Vec<StreamEntry>,
        change: Change,
    },
}

impl Lease {
    /// Numbers the stream's next entry and keeps it, and renews the lease.
    pub fn stream(&self, entry: StreamEntry, lease: Duration) -> StreamStorage {
        let (fence, seq) = (self.job().fence, self.job().seq);
        let follows = self.job().follower_version;
        let mut set = vec![
            Assignment::LeaseUntil(entry.at + lease),
            Assignment::UpdatedAt(entry.at),
        ];
        // A follower's dialect has no way to take text back.
        if matches!(entry.content, StreamContent::Reset { .. })
            && self.job().dialect_follower.is_some()
        {
            set.push(Assignment::DialectBroken);
        }
        let change = |expect, tail| {
            set.push(Assignment::Tail(tail));
            Change {
                condition: expect,
                assignments: set,
                increments: vec![Increment::Stream],
                removals: vec![],
            }
        };
        let mut tail = self.job().tail.clone();
        let held: usize = tail.iter().map(StreamEntry::bytes).sum();
        let (bytes, room) = (entry.bytes(), TAIL_BYTES.saturating_sub(held));
        if bytes > TAIL_BYTES {
            tail.push(entry);
            return StreamStorage::Log {
                entries: tail,
                change: change(
                    Condition::HeldWithFollowers {
                        fence,
                        seq,
                        follows,
                    },
                    vec![],
                ),
            };
        }
        let outgrown = if bytes > room {
            take(&mut tail)
        } else {
            vec![]
        };
        tail.push(entry);
        StreamStorage::Row {
            outgrown,
            change: change(Condition::Held { fence, seq }, tail),
        }
    }
}

#[cfg(test)]
impl StreamStorage {
    /// What it does to the row, wherever the entry goes.
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

    use super::super::Job;
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
        /// However long the pieces are, and wherever a worker dies between the log's write and the row's: who
        /// read the row, and then the log, has all that was written by then, once and in order.
        #[test]
        fn row_and_log_hold_the_stream(pieces in prop::collection::vec((0..2 * TAIL_BYTES, any::<bool>()), 0..40), behind in 0..4usize) {
            let mut job = submitted(at(0));
            apply(&Job::claim("i", at(1), LEASE), &mut job);
            let (mut log, mut said) = (BTreeMap::<u64, Vec<StreamEntry>>::new(), vec![]);
            let mut rows = vec![job.clone()];
            for (bytes, dies) in pieces {
                let entry = chunk(job.seq + 1, bytes);
                let change = match Lease::from_row(job.clone()).stream(entry.clone(), LEASE) {
                    StreamStorage::Row { outgrown, change } => {
                        if let Some(last) = outgrown.last() {
                            log.insert(last.seq, outgrown.clone());
                        }
                        if dies { continue; }
                        change
                    }
                    StreamStorage::Log { .. } if dies => continue,
                    StreamStorage::Log { entries, change } => {
                        log.insert(entry.seq, entries);
                        change
                    }
                };
                prop_assert!(apply(&change, &mut job));
                prop_assert!(job.tail.iter().map(StreamEntry::bytes).sum::<usize>() <= TAIL_BYTES);
                said.push(entry);
                rows.push(job.clone());
            }
            let read = &rows[rows.len().saturating_sub(behind + 1)];
            for after in 0..read.stream_seq {
                let logged = log.range(after + 1..=read.stream_seq).flat_map(|(_, entries)| entries.clone());
                let stream = Stream::after(after, logged.collect(), true, &read.tail);
                let expected: Vec<StreamEntry> = said.iter().filter(|entry| entry.seq > after && entry.seq <= read.stream_seq).cloned().collect();
                prop_assert_eq!(stream.entries, expected);
            }
        }
    }

    #[test]
    fn a_piece_too_large_for_a_row_takes_the_tail_along() {
        let mut job = submitted(at(0));
        apply(&Job::claim("i", at(1), LEASE), &mut job);
        let short = Lease::from_row(job.clone()).stream(chunk(3, 10), LEASE);
        apply(&short.change(), &mut job);
        let long = Lease::from_row(job.clone()).stream(chunk(4, TAIL_BYTES), LEASE);
        let StreamStorage::Log { entries, change } = long else {
            panic!("it is in the row");
        };
        assert_eq!(entries, [chunk(3, 10), chunk(4, TAIL_BYTES)]);
        assert!(apply(&change, &mut job));
        assert_eq!((job.tail, job.stream_seq), (vec![], 4));
    }
}
