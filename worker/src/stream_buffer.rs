//! The streamed text between an analysis and the event log: merged into chunks, and compared with what an earlier
//! attempt has stored.
//!
//! An analysis that runs again streams its text from the beginning. Text that equals the stored chunks is suppressed;
//! from the first difference on, a reset removes the stored chunks behind it. So an analysis need not know about
//! attempts, and one that repeats itself resets nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use longhaul_shared::domain::limits;
use longhaul_shared::domain::log::EntryContent;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Time between two chunks, unless the first is full.
const CHUNK_INTERVAL: Duration = Duration::from_millis(250);
/// An analysis that is this far ahead of the log, in bytes, waits.
const MAX_UNFLUSHED: usize = 256 * 1024;

/// Text that has not been written yet.
pub struct StreamBuffer {
    text: Mutex<Text>,
    /// Something to write has arrived.
    arrived: Notify,
    /// Something was written.
    flushed: Notify,
}

struct Text {
    attempt: u32,
    /// The text that earlier attempts stored and this one has not diverged from.
    stored: String,
    /// Where the chunks of `stored` end, in bytes, and their sequence numbers.
    chunk_ends: Vec<(usize, u64)>,
    /// How much of `stored` this attempt has repeated, in bytes.
    repeated: usize,
    /// The last chunk that a pending reset keeps.
    reset: Option<u64>,
    pending: String,
    /// When the next chunk that is not full may be written.
    next_chunk_at: Instant,
    /// When a write that failed is tried again.
    retry_at: Instant,
    /// The length of a chunk whose write failed. The log may hold it all the same, so it stays as it was.
    uncertain_length: Option<usize>,
}

impl StreamBuffer {
    /// For an attempt that finds these chunks stored, in their order.
    pub fn new(attempt: u32, stored: impl IntoIterator<Item = (u64, String)>) -> Self {
        let mut text = Text {
            attempt,
            stored: String::new(),
            chunk_ends: vec![],
            repeated: 0,
            reset: None,
            pending: String::new(),
            next_chunk_at: Instant::now(),
            retry_at: Instant::now(),
            uncertain_length: None,
        };
        for (seq, content) in stored {
            text.stored.push_str(&content);
            text.chunk_ends.push((text.stored.len(), seq));
        }
        Self {
            text: Mutex::new(text),
            arrived: Notify::new(),
            flushed: Notify::new(),
        }
    }

    /// Adds a piece; waits while more than [`MAX_UNFLUSHED`] is unwritten.
    pub async fn push(&self, piece: &str) {
        self.lock().push(piece);
        self.arrived.notify_one();
        loop {
            // Registered before the length is read, so that no write is missed between the two.
            let flushed = self.flushed.notified();
            if self.lock().pending.len() <= MAX_UNFLUSHED {
                return;
            }
            flushed.await;
        }
    }

    /// Waits until a write is due. It stays until [`StreamBuffer::written`]. Cancel-safe.
    pub async fn due(&self) -> EntryContent {
        loop {
            let wait_until = {
                let text = self.lock();
                let at = if text.has_full_chunk() {
                    text.retry_at
                } else {
                    text.next_chunk_at.max(text.retry_at)
                };
                match text.next_write() {
                    Some(write) if at <= Instant::now() => return write,
                    write => write.map(|_| at),
                }
            };
            match wait_until {
                Some(at) => sleep_until(at).await,
                None => self.arrived.notified().await,
            }
        }
    }

    /// The next write, due or not.
    pub fn next_write(&self) -> Option<EntryContent> {
        self.lock().next_write()
    }

    /// The analysis has streamed all of its text: stored text that it did not repeat is reset.
    pub fn close(&self) {
        self.lock().diverge();
    }

    /// The write is in the log.
    pub fn written(&self, write: &EntryContent) {
        let mut text = self.lock();
        match write {
            EntryContent::Chunk(content) => drop(text.pending.drain(..content.len())),
            // A reset: the buffer writes nothing else.
            _ => text.reset = None,
        }
        text.uncertain_length = None;
        text.next_chunk_at = Instant::now() + CHUNK_INTERVAL;
        self.flushed.notify_waiters();
    }

    /// The write failed, or seems to have: it is tried again, unchanged.
    pub fn postpone(&self, write: &EntryContent) {
        let mut text = self.lock();
        if let EntryContent::Chunk(content) = write {
            text.uncertain_length = Some(content.len());
        }
        text.retry_at = Instant::now() + CHUNK_INTERVAL;
    }

    /// A panic of another holder leaves no half-made change behind: each holds the lock for a few assignments.
    fn lock(&self) -> MutexGuard<'_, Text> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Text {
    fn push(&mut self, piece: &str) {
        let rest = &self.stored[self.repeated..];
        let equal = piece.bytes().zip(rest.bytes()).take_while(|(a, b)| a == b);
        let equal = piece.floor_char_boundary(equal.count());
        self.repeated += equal;
        if equal < piece.len() {
            self.diverge();
            self.pending.push_str(&piece[equal..]);
        }
    }

    /// From here on this attempt's text differs: stored text that it has not repeated no longer counts.
    fn diverge(&mut self) {
        if self.repeated == self.stored.len() {
            return;
        }
        let last_kept = self
            .chunk_ends
            .iter()
            .rfind(|(end, _)| *end <= self.repeated);
        let (end, keep_through) = last_kept.copied().unwrap_or((0, 0));
        self.reset = Some(keep_through);
        self.pending = self.stored[end..self.repeated].to_owned();
        self.stored.truncate(end);
        self.repeated = end;
    }

    fn next_write(&self) -> Option<EntryContent> {
        if let Some(keep_through) = self.reset {
            let attempt = self.attempt;
            return Some(EntryContent::Reset {
                attempt,
                keep_through,
            });
        }
        let content = match self.uncertain_length {
            Some(length) => &self.pending[..length],
            None => limits::json_prefix(&self.pending, limits::CHUNK_BYTES),
        };
        (!content.is_empty()).then(|| EntryContent::Chunk(content.to_owned()))
    }

    fn has_full_chunk(&self) -> bool {
        self.pending.len() >= limits::CHUNK_BYTES
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drain(stream: &StreamBuffer, log: &mut Vec<(u64, String)>, seq: &mut u64) {
        while let Some(write) = stream.next_write() {
            *seq += 1;
            match &write {
                EntryContent::Reset { keep_through, .. } => {
                    log.retain(|(seq, _)| seq <= keep_through);
                }
                EntryContent::Chunk(content) => log.push((*seq, content.clone())),
                other => panic!("{other:?} is not streamed"),
            }
            stream.written(&write);
        }
    }

    fn text(log: &[(u64, String)]) -> String {
        log.iter().map(|(_, content)| content.as_str()).collect()
    }

    fn chunk(content: &str) -> Option<EntryContent> {
        Some(EntryContent::Chunk(content.to_owned()))
    }

    fn reset(keep_through: u64) -> EntryContent {
        EntryContent::Reset {
            attempt: 2,
            keep_through,
        }
    }

    #[tokio::test]
    async fn repeated_text_is_not_written_again() {
        let stored = vec![(3, "Hello, ".to_owned()), (5, "wörld".to_owned())];
        let stream = StreamBuffer::new(2, stored);
        for piece in ["Hel", "lo, w", "ö", "rld"] {
            stream.push(piece).await;
            assert_eq!(stream.next_write(), None, "{piece}");
        }
        stream.push("!").await;
        assert_eq!(stream.next_write(), chunk("!"));
    }

    #[tokio::test]
    async fn different_text_resets_the_chunks_from_the_difference_on() {
        let stored = vec![(3, "Hello, ".to_owned()), (5, "world".to_owned())];
        let stream = StreamBuffer::new(2, stored);
        stream.push("Hello, worms").await;
        assert_eq!(stream.next_write(), Some(reset(3)));
        stream.written(&reset(3));
        assert_eq!(stream.next_write(), chunk("worms"));
    }

    #[tokio::test]
    async fn a_chunk_that_failed_is_written_again_unchanged() {
        let stream = StreamBuffer::new(1, []);
        stream.push("ab").await;
        let failed = stream.next_write().unwrap();
        stream.postpone(&failed);
        stream.push("cd").await;
        assert_eq!(stream.next_write(), Some(failed.clone()));
        stream.written(&failed);
        assert_eq!(stream.next_write(), chunk("cd"));
    }

    #[tokio::test]
    async fn a_shorter_text_resets_the_rest() {
        let stream = StreamBuffer::new(2, [(2, "abc".to_owned())]);
        stream.push("ab").await;
        stream.close();
        assert_eq!(stream.next_write(), Some(reset(0)));
        stream.written(&reset(0));
        assert_eq!(stream.next_write(), chunk("ab"));
    }

    proptest! {
        /// However often an analysis starts over, however its text is cut, and whatever it was before: once an attempt
        /// has streamed all, the log holds that attempt's text.
        #[test]
        fn the_log_ends_as_the_last_attempt_streamed(attempts in prop::collection::vec(prop::collection::vec("[ab\"ö]{0,4}", 0..6), 1..5)) {
            let (mut log, mut seq) = (vec![], 0);
            for pieces in attempts {
                let stream = StreamBuffer::new(1, log.clone());
                for piece in &pieces {
                    stream.lock().push(piece);
                    drain(&stream, &mut log, &mut seq);
                }
                stream.close();
                drain(&stream, &mut log, &mut seq);
                prop_assert_eq!(text(&log), pieces.concat());
            }
        }
    }
}
