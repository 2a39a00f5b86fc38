//! What time does to messages: hidden ones come back, old ones expire, and what is left of deleted
//! queues goes.

use rusqlite::params;

use super::error::SqsError;
use super::store::Store;

/// Rows that housekeeping touches in one transaction: some 10 ms of work, so that nobody notices it.
pub(super) const CHUNK: usize = 500;

impl Store {
    /// Makes ready what was delayed or in flight until now: at most a chunk, so that a hundred
    /// thousand timeouts in one moment stop nobody.
    pub(super) fn surface(&mut self, queue: &str, now: i64) -> Result<(), SqsError> {
        let id = self.queue(queue)?.id;
        let surfaced = self.run(
            "UPDATE messages SET state = 0 WHERE id IN
             (SELECT id FROM messages WHERE queue = ?1 AND state > 0 AND due <= ?2
              ORDER BY due LIMIT ?3)",
            params![id, now, CHUNK],
        )?;
        if surfaced > 0 {
            self.stir(queue);
        }
        Ok(())
    }

    /// Removes what was sent longer ago than the retention (in seconds): at most a chunk, and says
    /// how many.
    pub(super) fn expire(&self, queue: i64, retention: i64, now: i64) -> Result<usize, SqsError> {
        self.run(
            "DELETE FROM messages WHERE id IN
             (SELECT id FROM messages WHERE queue = ?1 AND sent_at <= ?2
              ORDER BY sent_at LIMIT ?3)",
            params![queue, now - retention * 1000, CHUNK],
        )
    }

    /// When the next hidden message of the queue comes back.
    pub(super) fn next_due(&self, queue: &str) -> Result<Option<i64>, SqsError> {
        let Some(queue) = self.queues.get(queue) else {
            return Ok(None);
        };
        Ok(self
            .connection
            .prepare_cached("SELECT min(due) FROM messages WHERE queue = ?1 AND state > 0")?
            .query_row([queue.id], |row| row.get(0))?)
    }

    /// Removes a piece of what is condemned or has outlived its queue's retention, and says whether
    /// more is left.
    pub(super) fn tidy(&mut self, now: i64) -> Result<bool, SqsError> {
        let mut more = false;
        if let Some(&queue) = self.condemned.last() {
            let gone = self.run("DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE queue = ?1 LIMIT ?2)", params![queue, CHUNK])?;
            if gone < CHUNK {
                for row in [
                    "DELETE FROM counts WHERE queue = ?1",
                    "DELETE FROM queues WHERE id = ?1",
                ] {
                    self.run(row, [queue])?;
                }
                self.condemned.pop();
            }
            more = !self.condemned.is_empty();
        }
        for queue in self.queues.values() {
            more |= self.expire(queue.id, queue.settings.retention, now)? == CHUNK;
        }
        Ok(more)
    }

    /// Whether condemned queues still have rows.
    pub(super) fn is_untidy(&self) -> bool {
        !self.condemned.is_empty()
    }
}
