//! A job's stream: entries in the order of their sequence numbers, and which of them still count after resets.

use jiff::Timestamp;

/// The size of an entry's number and time with their names, in bytes.
pub const ENTRY_BYTES: usize = 48;

/// Consecutive entries of a job's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    pub entries: Vec<StreamEntry>,
    /// Whether there are no entries after them.
    pub complete: bool,
}

/// One entry of a job's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEntry {
    pub seq: u64,
    pub at: Timestamp,
    pub content: StreamContent,
}

/// What an entry does to the answer's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamContent {
    /// Appends this text.
    Chunk(String),
    /// Removes the chunks with a higher sequence number than `keep_through`: this attempt's text differs from there on.
    Reset { attempt: u32, keep_through: u64 },
}

impl StreamEntry {
    /// Its approximate size in a row, in bytes.
    pub fn bytes(&self) -> usize {
        ENTRY_BYTES + self.text().len()
    }

    /// Its text; empty for a reset.
    pub fn text(&self) -> &str {
        match &self.content {
            StreamContent::Chunk(content) => content,
            StreamContent::Reset { .. } => "",
        }
    }
}

impl Stream {
    /// The stream of a job that has streamed nothing.
    pub fn empty() -> Self {
        Self {
            entries: vec![],
            complete: true,
        }
    }

    /// The entries after `after`: those that the log returned, and if they were `complete`, also the tail that the row
    /// held when it was read. Entries that are in both, or twice in the log, because a writer died or the row has
    /// changed since, are dropped.
    pub fn after(
        after: u64,
        mut entries: Vec<StreamEntry>,
        complete: bool,
        tail: &[StreamEntry],
    ) -> Self {
        if complete {
            entries.extend(tail.iter().cloned());
        }
        let mut last = after;
        entries.retain(|entry| {
            let is_next = entry.seq > last;
            last = last.max(entry.seq);
            is_next
        });
        Self { entries, complete }
    }

    /// Its beginning, of at most this many bytes of content, but one entry at least.
    pub fn truncated_to(mut self, bytes: usize) -> Self {
        let mut total = 0;
        let fits = |entry: &StreamEntry| {
            total += entry.text().len();
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

    /// The entries without the chunks that a later reset removed.
    pub fn effective_entries(self) -> impl Iterator<Item = StreamEntry> {
        let mut effective: Vec<StreamEntry> = vec![];
        for entry in self.entries {
            if let StreamContent::Reset { keep_through, .. } = entry.content {
                effective.retain(|earlier| {
                    earlier.seq <= keep_through
                        || matches!(earlier.content, StreamContent::Reset { .. })
                });
            }
            effective.push(entry);
        }
        effective.into_iter()
    }

    /// The chunks that no reset removed, with their sequence numbers.
    pub fn chunks(self) -> impl Iterator<Item = (u64, String)> {
        self.effective_entries()
            .filter_map(|entry| match entry.content {
                StreamContent::Chunk(content) => Some((entry.seq, content)),
                StreamContent::Reset { .. } => None,
            })
    }
}
