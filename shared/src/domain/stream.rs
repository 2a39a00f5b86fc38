//! What a job streams: entries in the order of their numbers, and which of them still stand.
//!
//! Pure. The latest few are in the job's row, the others in the event log; who moves them there and how
//! either is spelled is not known here.

use jiff::Timestamp;

/// An entry's number and time, with their names, in bytes.
pub const ENTRY_BYTES: usize = 48;

/// Consecutive entries of a job's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    pub entries: Vec<StreamEntry>,
    /// Whether nothing comes after them.
    pub complete: bool,
}

/// One entry of a job's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEntry {
    pub seq: u64,
    pub at: Timestamp,
    pub content: StreamContent,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamContent {
    Chunk(String),
    Reset { attempt: u32, keep_through: u64 },
}

impl StreamEntry {
    /// About what it takes of a row, in bytes.
    pub fn bytes(&self) -> usize {
        ENTRY_BYTES + self.text().len()
    }

    /// Its text; none where it takes text back.
    pub fn text(&self) -> &str {
        match &self.content {
            StreamContent::Chunk(content) => content,
            StreamContent::Reset { .. } => "",
        }
    }
}

impl Stream {
    /// Of a job that has streamed nothing.
    pub fn empty() -> Self {
        Self {
            entries: vec![],
            complete: true,
        }
    }

    /// What comes after `after`: entries that the log answered, and where they were all that it has, those that
    /// the row held when it was read. Where a writer died, or the row has changed since, some are in both, or
    /// twice in the log.
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

    /// Its beginning, of so many bytes of content, and one entry at least.
    pub fn truncated_to(mut self, bytes: usize) -> Self {
        let mut so_far = 0;
        let fits = |entry: &StreamEntry| {
            so_far += entry.text().len();
            so_far <= bytes
        };
        let fit = self
            .entries
            .iter()
            .map(fits)
            .take_while(|fits| *fits)
            .count();
        if fit.max(1) < self.entries.len() {
            self.entries.truncate(fit.max(1));
            self.complete = false;
        }
        self
    }

    /// The entries without the chunks that a later reset took back.
    pub fn effective_entries(self) -> impl Iterator<Item = StreamEntry> {
        let mut standing: Vec<StreamEntry> = vec![];
        for entry in self.entries {
            if let StreamContent::Reset { keep_through, .. } = entry.content {
                standing.retain(|earlier| {
                    earlier.seq <= keep_through
                        || matches!(earlier.content, StreamContent::Reset { .. })
                });
            }
            standing.push(entry);
        }
        standing.into_iter()
    }

    /// The chunks that count.
    pub fn chunks(self) -> impl Iterator<Item = (u64, String)> {
        self.effective_entries()
            .filter_map(|entry| match entry.content {
                StreamContent::Chunk(content) => Some((entry.seq, content)),
                StreamContent::Reset { .. } => None,
            })
    }
}
