//! The event log of a job: its entries in the order of their sequence numbers, and which of the streamed ones still
//! count after resets.
//!
//! Every event is an entry, except for those that the job's row always holds: `job_queued` and the end of the last
//! run.

use jiff::Timestamp;

/// The size in bytes of a streamed entry's number and time with their names, and of any other entry's.
pub const STREAMED_BYTES: usize = 48;
const EVENT_BYTES: usize = 20;

/// Consecutive entries of a job's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    pub entries: Vec<LogEntry>,
    /// Whether there are no entries after them.
    pub complete: bool,
}

/// One entry of a job's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    pub seq: u64,
    pub at: Timestamp,
    pub content: EntryContent,
}

/// What an entry records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryContent {
    Progress {
        percent: u8,
        message: String,
        attempt: u32,
        /// Whether the attempt follows a failed one and has not reported yet.
        retrying: bool,
    },
    /// Appends this text to the answer.
    Chunk(String),
    /// Removes the chunks with a higher sequence number than `keep_through`: this attempt's text differs from there on.
    Reset { attempt: u32, keep_through: u64 },
    /// A worker has claimed the job again.
    AttemptStarted {
        attempt: u32,
        /// The invocation, as the worker's log names it.
        invocation: String,
        /// Whether it continues the same attempt, after a hand-over.
        resumed: bool,
    },
    /// An attempt failed that another follows.
    AttemptFailed {
        attempt: u32,
        code: String,
        message: String,
        retry_at: Timestamp,
    },
    /// The lease of the attempt's worker ran out, or its process ended.
    WorkerLost { attempt: u32 },
    /// The attempt continues in another invocation.
    HandedOver { attempt: u32 },
    /// A step's result was stored.
    StepSaved {
        name: String,
        /// How long the step took, in milliseconds.
        ms: u64,
    },
    /// A run failed that was replayed later.
    RunFailed {
        code: String,
        message: String,
        retryable: bool,
        attempts: u32,
    },
}

impl LogEntry {
    /// Its approximate size in a row, in bytes.
    pub fn bytes(&self) -> usize {
        let fields = match &self.content {
            EntryContent::Chunk(content) => return STREAMED_BYTES + content.len(),
            EntryContent::Reset { .. } => return STREAMED_BYTES,
            EntryContent::Progress { message, .. } => 28 + message.len(),
            EntryContent::AttemptStarted { invocation, .. } => 56 + invocation.len(),
            EntryContent::AttemptFailed { code, message, .. } => 64 + code.len() + message.len(),
            EntryContent::WorkerLost { .. } | EntryContent::HandedOver { .. } => 30,
            EntryContent::StepSaved { name, .. } => 24 + name.len(),
            EntryContent::RunFailed { code, message, .. } => 60 + code.len() + message.len(),
        };
        EVENT_BYTES + fields
    }

    /// The text that it adds to the answer.
    pub fn text(&self) -> &str {
        match &self.content {
            EntryContent::Chunk(content) => content,
            _ => "",
        }
    }

    /// Whether it is a part of the answer's text, or removes one.
    pub fn is_streamed(&self) -> bool {
        matches!(
            self.content,
            EntryContent::Chunk(_) | EntryContent::Reset { .. }
        )
    }
}

impl Log {
    /// No entries, and none after them.
    pub fn empty() -> Self {
        Self {
            entries: vec![],
            complete: true,
        }
    }

    /// The entries after `after`: those that the log returned, and if they were `complete`, also the tail that the row
    /// held when it was read. Entries that are in both, or twice in the log, because a writer died or the row has
    /// changed since, count once.
    pub fn after(
        after: u64,
        mut entries: Vec<LogEntry>,
        complete: bool,
        tail: &[LogEntry],
    ) -> Self {
        if complete {
            entries.extend(tail.iter().cloned());
        }
        entries.retain(|entry| entry.seq > after);
        entries.sort_by_key(|entry| entry.seq);
        entries.dedup_by_key(|entry| entry.seq);
        Self { entries, complete }
    }

    /// Its beginning, of at most this many bytes, but one entry at least.
    pub fn truncated_to(mut self, bytes: usize) -> Self {
        let mut total = 0;
        let fits = |entry: &LogEntry| {
            total += entry.bytes();
            total <= bytes
        };
        let fitting = self
            .entries
            .iter()
            .map(fits)
            .take_while(|fits| *fits)
            .count();
        if fitting.max(1) < self.entries.len() {
            self.entries.truncate(fitting.max(1));
            self.complete = false;
        }
        self
    }

    /// The streamed entries without the chunks that a later reset removed.
    pub fn effective_stream(self) -> impl Iterator<Item = LogEntry> {
        let mut effective: Vec<LogEntry> = vec![];
        for entry in self.entries.into_iter().filter(LogEntry::is_streamed) {
            if let EntryContent::Reset { keep_through, .. } = entry.content {
                effective.retain(|earlier| {
                    earlier.seq <= keep_through
                        || matches!(earlier.content, EntryContent::Reset { .. })
                });
            }
            effective.push(entry);
        }
        effective.into_iter()
    }

    /// The chunks that no reset removed, with their sequence numbers.
    pub fn chunks(self) -> impl Iterator<Item = (u64, String)> {
        self.effective_stream()
            .filter_map(|entry| match entry.content {
                EntryContent::Chunk(content) => Some((entry.seq, content)),
                _ => None,
            })
    }
}
