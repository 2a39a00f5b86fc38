//! Time-based changes: hidden messages become visible, expired messages and the rows of deleted queues are
//! removed, in chunks.

use rusqlite::params;

use super::error::SqsError;
use super::schema::IN_FLIGHT;
use super::store::Store;

/// Rows that one step changes at most: about 10 ms of work, so that it delays no caller noticeably.
pub(super) const CHUNK_ROWS: usize = 500;

impl Store {
    /// Makes messages visible whose delay or visibility timeout has ended, at most one chunk, so that
    /// 100,000 simultaneous timeouts block no caller.
    pub(super) fn make_due_visible(&mut self, queue: &str, now: i64) -> Result<(), SqsError> {
        let id = self.queue(queue)?.id;
        let updated = self.execute(
            "UPDATE messages SET state = 0 WHERE id IN
             (SELECT id FROM messages WHERE queue = ?1 AND state > 0 AND due <= ?2
              ORDER BY due LIMIT ?3)",
            params![id, now, CHUNK_ROWS],
        )?;
        if updated > 0 {
            self.mark_changed(queue);
        }
        Ok(())
    }

    /// Ends the visibility timeout of every received message of a queue.
    pub(super) fn return_received(&mut self, queue: &str, now: i64) -> Result<(), SqsError> {
        let id = self.queue(queue)?.id;
        self.execute(
            "UPDATE messages SET due = ?2 WHERE queue = ?1 AND state = ?3 AND due > ?2",
            params![id, now, IN_FLIGHT],
        )?;
        self.mark_changed(queue);
        Ok(())
    }

    /// Deletes messages older than the retention (in seconds), at most one chunk; returns their number.
    pub(super) fn delete_expired(
        &self,
        queue: i64,
        retention: i64,
        now: i64,
    ) -> Result<usize, SqsError> {
        self.execute(
            "DELETE FROM messages WHERE id IN
             (SELECT id FROM messages WHERE queue = ?1 AND sent_at <= ?2
              ORDER BY sent_at LIMIT ?3)",
            params![queue, now - retention * 1000, CHUNK_ROWS],
        )
    }

    /// When the queue's next hidden message becomes visible.
    pub(super) fn next_due(&self, queue: &str) -> Result<Option<i64>, SqsError> {
        let Some(queue) = self.queues.get(queue) else {
            return Ok(None);
        };
        Ok(self
            .connection
            .prepare_cached("SELECT min(due) FROM messages WHERE queue = ?1 AND state > 0")?
            .query_row([queue.id], |row| row.get(0))?)
    }

    /// Deletes one chunk of detached queues and of expired messages; returns whether more is left.
    pub(super) fn clean_up(&mut self, now: i64) -> Result<bool, SqsError> {
        let mut more = false;
        if let Some(&queue) = self.detached_queues.last() {
            let deleted = self.execute("DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE queue = ?1 LIMIT ?2)", params![queue, CHUNK_ROWS])?;
            if deleted < CHUNK_ROWS {
                for row in [
                    "DELETE FROM counts WHERE queue = ?1",
                    "DELETE FROM queues WHERE id = ?1",
                ] {
                    self.execute(row, [queue])?;
                }
                self.detached_queues.pop();
            }
            more = !self.detached_queues.is_empty();
        }
        for queue in self.queues.values() {
            more |= self.delete_expired(queue.id, queue.settings.retention, now)? == CHUNK_ROWS;
        }
        Ok(more)
    }

    /// Whether detached queues still have rows.
    pub(super) fn needs_clean_up(&self) -> bool {
        !self.detached_queues.is_empty()
    }
}
