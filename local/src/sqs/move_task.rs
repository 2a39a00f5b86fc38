//! A message move task and its row in the database.

use rusqlite::{Connection, Row, params};

use super::error::SqsError;

/// A move task, running or ended.
#[derive(Debug, Clone)]
pub(super) struct MoveTask {
    pub(super) id: i64,
    pub(super) handle: String,
    /// The dead-letter queue's name.
    pub(super) source: String,
    /// A queue's name; `None` moves each message to its original queue.
    pub(super) destination: Option<String>,
    /// Messages per second; `None` for unlimited.
    pub(super) rate: Option<i64>,
    /// `RUNNING`, `COMPLETED`, `CANCELLED` or `FAILED`.
    pub(super) status: String,
    pub(super) moved: i64,
    pub(super) to_move: i64,
    pub(super) started_at: i64,
    pub(super) reason: Option<String>,
    /// `sent_at` and row id of the last processed message.
    pub(super) cursor: (i64, i64),
    /// When the next step is due.
    pub(super) next_at: i64,
}

impl MoveTask {
    /// All running tasks.
    pub(super) fn running(connection: &Connection) -> Result<Vec<Self>, SqsError> {
        let mut statement = connection.prepare_cached(
            "SELECT id, handle, source, destination, rate, status, moved, to_move, started_at,
                    reason, cursor_sent_at, cursor_id
             FROM moves WHERE status = 'RUNNING'",
        )?;
        let tasks = statement.query_map([], read_move_task)?;
        Ok(tasks.collect::<Result<_, _>>()?)
    }

    /// The latest tasks of a dead-letter queue, newest first, at most `limit`.
    pub(super) fn latest(
        connection: &Connection,
        source: &str,
        limit: i64,
    ) -> Result<Vec<Self>, SqsError> {
        let mut statement = connection.prepare_cached(
            "SELECT id, handle, source, destination, rate, status, moved, to_move, started_at,
                    reason, cursor_sent_at, cursor_id
             FROM moves WHERE source = ?1 ORDER BY id DESC LIMIT ?2",
        )?;
        let tasks = statement.query_map(params![source, limit], read_move_task)?;
        Ok(tasks.collect::<Result<_, _>>()?)
    }

    /// Stores status, progress and cursor.
    pub(super) fn save(&self, connection: &Connection) -> Result<(), SqsError> {
        connection
            .prepare_cached(
                "UPDATE moves SET status = ?2, moved = ?3, reason = ?4, cursor_sent_at = ?5,
                 cursor_id = ?6 WHERE id = ?1",
            )?
            .execute(params![
                self.id,
                self.status,
                self.moved,
                self.reason,
                self.cursor.0,
                self.cursor.1
            ])?;
        Ok(())
    }

    pub(super) fn fail(&mut self, reason: &str) {
        self.status = "FAILED".to_owned();
        self.reason = Some(reason.to_owned());
    }
}

fn read_move_task(row: &Row<'_>) -> rusqlite::Result<MoveTask> {
    Ok(MoveTask {
        id: row.get(0)?,
        handle: row.get(1)?,
        source: row.get(2)?,
        destination: row.get(3)?,
        rate: row.get(4)?,
        status: row.get(5)?,
        moved: row.get(6)?,
        to_move: row.get(7)?,
        started_at: row.get(8)?,
        reason: row.get(9)?,
        cursor: (row.get(10)?, row.get(11)?),
        next_at: 0,
    })
}
