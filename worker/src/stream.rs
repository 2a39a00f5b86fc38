//! The answer's text on its way from an analysis to the log: merged into chunks, and the same text said
//! again after a crash or a hand-over taken for what it is.
//!
//! An analysis that is run again says its text from the beginning. As long as that equals what the log
//! holds, nothing is written; from where it differs, the chunks after that place are taken back. So an
//! analysis needs to know nothing of attempts, and one that repeats itself never takes anything back.
//! How a chunk is written is not known here.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use longhaul_shared::domain::limits;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Chunks are at least so far apart, unless they are full (DESIGN 8).
const CHUNK_INTERVAL: Duration = Duration::from_millis(250);
/// An analysis that is so far ahead of the log, in bytes, waits for it.
const MAX_UNFLUSHED: usize = 256 * 1024;

/// What is to be written next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamWrite {
    /// Take back the chunks with a higher number than this.
    Reset {
        keep_through: u64,
    },
    Chunk(String),
}

pub struct Stream {
    text: Mutex<Text>,
    /// Something to write has arrived.
    moved: Notify,
    /// Something was written.
    room: Notify,
}

struct Text {
    /// What earlier attempts streamed and this one has not said differently.
    before: String,
    /// Where the chunks of `before` end, and their numbers.
    ends: Vec<(usize, u64)>,
    /// How much of `before` this attempt has said again, in bytes.
    repeated: usize,
    reset: Option<u64>,
    pending: String,
    /// When the next chunk may be written that is not full.
    next: Instant,
    /// Before then nothing is tried again that failed.
    again: Instant,
    /// The length of a chunk that failed, which may be in the log all the same: it stays as it was.
    tried: Option<usize>,
}

impl Stream {
    /// With the chunks that the log holds, in their order.
    pub fn new(before: impl IntoIterator<Item = (u64, String)>) -> Self {
        let mut text = Text {
            before: String::new(),
            ends: vec![],
            repeated: 0,
            reset: None,
            pending: String::new(),
            next: Instant::now(),
            again: Instant::now(),
            tried: None,
        };
        for (seq, content) in before {
            text.before.push_str(&content);
            text.ends.push((text.before.len(), seq));
        }
        Self {
            text: Mutex::new(text),
            moved: Notify::new(),
            room: Notify::new(),
        }
    }

    /// Takes the next piece in; waits while the log is far behind.
    pub async fn push(&self, piece: &str) {
        self.lock().push(piece);
        self.moved.notify_one();
        loop {
            // Taken before the look, so that no write falls between the two.
            let room = self.room.notified();
            if self.lock().pending.len() <= MAX_UNFLUSHED {
                return;
            }
            room.await;
        }
    }

    /// Waits until something is to be written, and says what; it stays until [`Stream::written`]. Safe
    /// to give up and ask again.
    pub async fn due(&self) -> StreamWrite {
        loop {
            let next = {
                let text = self.lock();
                let at = if text.is_full() {
                    text.again
                } else {
                    text.next.max(text.again)
                };
                match text.flush() {
                    Some(flush) if at <= Instant::now() => return flush,
                    flush => flush.map(|_| at),
                }
            };
            match next {
                Some(next) => sleep_until(next).await,
                None => self.moved.notified().await,
            }
        }
    }

    /// What is to be written next, due or not.
    pub fn next_write(&self) -> Option<StreamWrite> {
        self.lock().flush()
    }

    /// The analysis has said all: what it did not say again is taken back.
    pub fn close(&self) {
        self.lock().part();
    }

    /// What was to be written is in the log.
    pub fn written(&self, flush: &StreamWrite) {
        let mut text = self.lock();
        match flush {
            StreamWrite::Reset { .. } => text.reset = None,
            StreamWrite::Chunk(content) => drop(text.pending.drain(..content.len())),
        }
        text.tried = None;
        text.next = Instant::now() + CHUNK_INTERVAL;
        self.room.notify_waiters();
    }

    /// It could not be written now, or so it seems: it is to be tried again, and as it is.
    pub fn postpone(&self, flush: &StreamWrite) {
        let mut text = self.lock();
        if let StreamWrite::Chunk(content) = flush {
            text.tried = Some(content.len());
        }
        text.again = Instant::now() + CHUNK_INTERVAL;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Text> {
        // The lock is held for a few assignments only, none of which leaves half a state behind.
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Text {
    fn push(&mut self, piece: &str) {
        let rest = &self.before[self.repeated..];
        let same = piece.bytes().zip(rest.bytes()).take_while(|(a, b)| a == b);
        let same = piece.floor_char_boundary(same.count());
        self.repeated += same;
        if same < piece.len() {
            self.part();
            self.pending.push_str(&piece[same..]);
        }
    }

    /// From here on this attempt goes its own way: what it has not repeated does not count any more.
    fn part(&mut self) {
        if self.repeated == self.before.len() {
            return;
        }
        let kept = self.ends.iter().rfind(|(end, _)| *end <= self.repeated);
        let (end, keep_through) = kept.copied().unwrap_or((0, 0));
        self.reset = Some(keep_through);
        self.pending = self.before[end..self.repeated].to_owned();
        self.before.truncate(end);
        self.repeated = end;
    }

    fn flush(&self) -> Option<StreamWrite> {
        if let Some(keep_through) = self.reset {
            return Some(StreamWrite::Reset { keep_through });
        }
        let content = match self.tried {
            Some(length) => &self.pending[..length],
            None => limits::json_prefix(&self.pending, limits::CHUNK_BYTES),
        };
        (!content.is_empty()).then(|| StreamWrite::Chunk(content.to_owned()))
    }

    fn is_full(&self) -> bool {
        self.pending.len() >= limits::CHUNK_BYTES
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drain(stream: &Stream, log: &mut Vec<(u64, String)>, seq: &mut u64) {
        while let Some(flush) = stream.next_write() {
            *seq += 1;
            match &flush {
                StreamWrite::Reset { keep_through } => log.retain(|(seq, _)| seq <= keep_through),
                StreamWrite::Chunk(content) => log.push((*seq, content.clone())),
            }
            stream.written(&flush);
        }
    }

    fn text(log: &[(u64, String)]) -> String {
        log.iter().map(|(_, content)| content.as_str()).collect()
    }

    #[tokio::test]
    async fn the_same_text_again_writes_nothing() {
        let before = vec![(3, "Hello, ".to_owned()), (5, "wörld".to_owned())];
        let stream = Stream::new(before);
        for piece in ["Hel", "lo, w", "ö", "rld"] {
            stream.push(piece).await;
            assert_eq!(stream.next_write(), None, "{piece}");
        }
        stream.push("!").await;
        assert_eq!(stream.next_write(), Some(StreamWrite::Chunk("!".into())));
    }

    #[tokio::test]
    async fn another_text_takes_back_from_where_it_differs() {
        let before = vec![(3, "Hello, ".to_owned()), (5, "world".to_owned())];
        let stream = Stream::new(before);
        stream.push("Hello, worms").await;
        assert_eq!(
            stream.next_write(),
            Some(StreamWrite::Reset { keep_through: 3 })
        );
        stream.written(&StreamWrite::Reset { keep_through: 3 });
        assert_eq!(
            stream.next_write(),
            Some(StreamWrite::Chunk("worms".into()))
        );
    }

    #[tokio::test]
    async fn a_chunk_that_failed_is_tried_again_as_it_was() {
        let stream = Stream::new([]);
        stream.push("ab").await;
        let tried = stream.next_write().unwrap();
        stream.postpone(&tried);
        stream.push("cd").await;
        assert_eq!(stream.next_write(), Some(tried.clone()));
        stream.written(&tried);
        assert_eq!(stream.next_write(), Some(StreamWrite::Chunk("cd".into())));
    }

    #[tokio::test]
    async fn a_shorter_text_takes_back_the_rest() {
        let stream = Stream::new([(2, "abc".to_owned())]);
        stream.push("ab").await;
        stream.close();
        assert_eq!(
            stream.next_write(),
            Some(StreamWrite::Reset { keep_through: 0 })
        );
        stream.written(&StreamWrite::Reset { keep_through: 0 });
        assert_eq!(stream.next_write(), Some(StreamWrite::Chunk("ab".into())));
    }

    proptest! {
        /// However often a text is begun, however it is cut and whatever it was before: once an attempt
        /// has said all, the log holds what that attempt said.
        #[test]
        fn the_log_ends_as_the_last_attempt_said(attempts in prop::collection::vec(prop::collection::vec("[ab\"ö]{0,4}", 0..6), 1..5)) {
            let (mut log, mut seq) = (vec![], 0);
            for pieces in attempts {
                let stream = Stream::new(log.clone());
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
