//! Dead letters: moves messages to their dead-letter queue, and back by move tasks.
//!
//! A move task survives a restart: each message changes queues in the transaction that advances the
//! task's cursor.

use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

use super::error::SqsError;
use super::housekeeping::CHUNK_ROWS;
use super::move_task::MoveTask;
use super::schema::READY;
use super::settings::{arn, name_in_arn};
use super::store::Store;

/// Milliseconds per step of a task with a rate.
const STEP_MS: i64 = 100;
/// Tasks kept per queue (`ListMessageMoveTasks` returns at most ten).
const MAX_LISTED_TASKS: i64 = 10;
/// Maximum of `MaxNumberOfMessagesPerSecond` (SQS API reference, `StartMessageMoveTask`).
const MAX_RATE: i64 = 500;

/// A message in the source queue of a move task.
struct DeadLetter {
    id: i64,
    sent_at: i64,
    is_movable: bool,
    source: Option<String>,
    group: String,
}

impl Store {
    /// Moves a message to its dead-letter queue; it keeps its id and send time.
    pub(super) fn move_to_dead_letter_queue(
        &mut self,
        from: &str,
        to: &str,
        message: i64,
        group: &str,
        now: i64,
    ) -> Result<(), SqsError> {
        let target = self.queue(to)?.id;
        let group = self.group(target, group)?;
        self.execute(
            "UPDATE messages SET queue = ?2, grp = ?3, state = 0, due = ?4, receipt = 0,
             received_here = 0, source = ?5 WHERE id = ?1",
            params![message, target, group, now, arn(from)],
        )?;
        self.mark_changed(to);
        Ok(())
    }

    /// The names of the queues that have `target` as dead-letter queue.
    pub(super) fn sources_of(&self, target: &str) -> Vec<String> {
        self.queues
            .iter()
            .filter(|(_, queue)| {
                let redrive = queue.settings.redrive.as_ref();
                redrive.is_some_and(|redrive| redrive.target == target)
            })
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Starts a task and returns its handle.
    pub(super) fn start_move_task(
        &mut self,
        source_arn: &str,
        destination_arn: Option<&str>,
        rate: Option<i64>,
        now: i64,
    ) -> Result<String, SqsError> {
        let source = self.queue_name_in("SourceArn", source_arn)?;
        let destination = destination_arn
            .map(|arn| self.queue_name_in("DestinationArn", arn))
            .transpose()?;
        if let Some(rate) = rate.filter(|rate| !(1..=MAX_RATE).contains(rate)) {
            return Err(SqsError::invalid_parameter(format!(
                "Value {rate} for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: Must be between 1 and {MAX_RATE}."
            )));
        }
        if self.sources_of(&source).is_empty() {
            return Err(SqsError::invalid_parameter(
                "Value for parameter SourceArn is invalid. Reason: Source queue must be configured as a Dead Letter Queue.",
            ));
        }
        if destination.as_ref() == Some(&source) {
            return Err(SqsError::invalid_parameter(
                "Value for parameter DestinationArn is invalid. Reason: Source queue and destination queue must differ.",
            ));
        }
        if self.move_tasks.iter().any(|task| task.source == source) {
            return Err(SqsError::unsupported_operation(
                "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
            ));
        }
        self.make_due_visible(&source, now)?;
        let to_move = self.counts(self.queue(&source)?.id)?.ready;
        let handle = Uuid::new_v4().to_string();
        self.execute(
            "INSERT INTO moves (handle, source, destination, rate, status, to_move, started_at)
             VALUES (?1, ?2, ?3, ?4, 'RUNNING', ?5, ?6)",
            params![handle, source, destination, rate, to_move, now],
        )?;
        self.execute(
            "DELETE FROM moves WHERE source = ?1 AND id NOT IN
             (SELECT id FROM moves WHERE source = ?1 ORDER BY id DESC LIMIT ?2)",
            params![source, MAX_LISTED_TASKS],
        )?;
        self.move_tasks = MoveTask::running(&self.connection)?;
        Ok(handle)
    }

    /// Cancels a running task and returns the number of moved messages.
    pub(super) fn cancel_move_task(&mut self, handle: &str) -> Result<i64, SqsError> {
        let Some(at) = self
            .move_tasks
            .iter()
            .position(|task| task.handle == handle)
        else {
            let ended: Option<String> = self
                .connection
                .prepare_cached("SELECT status FROM moves WHERE handle = ?1")?
                .query_row([handle], |row| row.get(0))
                .optional()?;
            return Err(match ended {
                Some(status) => SqsError::unsupported_operation(format!(
                    "Only an active task can be cancelled; this one is {status}."
                )),
                None => SqsError::resource_not_found("TaskHandle"),
            });
        };
        let mut task = self.move_tasks.remove(at);
        task.status = "CANCELLED".to_owned();
        task.save(&self.connection)?;
        Ok(task.moved)
    }

    /// A queue's latest tasks, newest first, at most `limit`.
    pub(super) fn list_move_tasks(
        &self,
        source_arn: &str,
        limit: i64,
    ) -> Result<Vec<MoveTask>, SqsError> {
        let source = self.queue_name_in("SourceArn", source_arn)?;
        MoveTask::latest(&self.connection, &source, limit)
    }

    /// When the next step of a running task is due.
    pub(super) fn next_move_task_due(&self) -> Option<i64> {
        self.move_tasks.iter().map(|task| task.next_at).min()
    }

    /// Runs one step of every task that is due.
    pub(super) fn run_move_tasks(&mut self, now: i64) -> Result<(), SqsError> {
        let mut tasks = std::mem::take(&mut self.move_tasks);
        for task in tasks.iter_mut().filter(|task| task.next_at <= now) {
            if self.queues.contains_key(&task.source) {
                self.step(task, now)?;
            } else {
                task.fail("AWS.SimpleQueueService.NonExistentQueue");
            }
            task.save(&self.connection)?;
        }
        tasks.retain(|task| task.status == "RUNNING");
        self.move_tasks = tasks;
        Ok(())
    }

    /// Moves the next messages, in send order, that were visible when the task began. Messages that fail
    /// again and return meanwhile are not moved in a loop.
    fn step(&mut self, task: &mut MoveTask, now: i64) -> Result<(), SqsError> {
        let step_size = match task.rate {
            Some(rate) => usize::try_from((rate * STEP_MS / 1000).max(1)).unwrap_or(CHUNK_ROWS),
            None => CHUNK_ROWS,
        };
        let dead_letters = self.next_dead_letters(task, step_size)?;
        for dead_letter in &dead_letters {
            if dead_letter.is_movable {
                let origin = dead_letter.source.as_deref().and_then(name_in_arn);
                let Some(to) = task.destination.as_deref().or(origin) else {
                    task.fail("CouldNotDetermineMessageSource");
                    return Ok(());
                };
                let to = to.to_owned();
                if !self.queues.contains_key(&to) {
                    task.fail("AWS.SimpleQueueService.NonExistentQueue");
                    return Ok(());
                }
                self.redrive_message(dead_letter, &to, now)?;
                task.moved += 1;
            }
            task.cursor = (dead_letter.sent_at, dead_letter.id);
        }
        if dead_letters.len() < step_size {
            task.status = "COMPLETED".to_owned();
        }
        let pause = |rate: i64| i64::try_from(step_size).unwrap_or(STEP_MS) * 1000 / rate;
        task.next_at = now + task.rate.map_or(0, pause);
        Ok(())
    }

    fn next_dead_letters(
        &self,
        task: &MoveTask,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, SqsError> {
        let queue = self.queue(&task.source)?.id;
        let mut statement = self.connection.prepare_cached(
            "SELECT m.id, m.sent_at, m.state = ?5 AND m.due <= ?6, m.source, g.name
             FROM messages m JOIN groups g ON g.id = m.grp
             WHERE m.queue = ?1 AND (m.sent_at, m.id) > (?2, ?3)
             ORDER BY m.sent_at, m.id LIMIT ?4",
        )?;
        let dead_letters = statement.query_map(
            params![
                queue,
                task.cursor.0,
                task.cursor.1,
                limit,
                READY,
                task.started_at
            ],
            |row| {
                Ok(DeadLetter {
                    id: row.get(0)?,
                    sent_at: row.get(1)?,
                    is_movable: row.get(2)?,
                    source: row.get(3)?,
                    group: row.get(4)?,
                })
            },
        )?;
        Ok(dead_letters.collect::<Result<_, _>>()?)
    }

    /// Moves a dead letter to `to` as a new message with a new id and send time, as SQS does.
    fn redrive_message(
        &mut self,
        dead_letter: &DeadLetter,
        to: &str,
        now: i64,
    ) -> Result<(), SqsError> {
        let target = self.queue(to)?.id;
        let group = self.group(target, &dead_letter.group)?;
        self.execute(
            "UPDATE messages SET queue = ?2, grp = ?3, state = 0, due = ?4, sent_at = ?4,
             message_id = ?5, receipt = 0, receive_count = 0, received_here = 0,
             first_received_at = NULL, received_at = 0, source = NULL WHERE id = ?1",
            params![
                dead_letter.id,
                target,
                group,
                now,
                Uuid::new_v4().into_bytes()
            ],
        )?;
        self.mark_changed(to);
        Ok(())
    }

    fn queue_name_in(&self, parameter: &str, arn: &str) -> Result<String, SqsError> {
        name_in_arn(arn)
            .filter(|name| self.queues.contains_key(*name))
            .map(str::to_owned)
            .ok_or_else(|| SqsError::resource_not_found(parameter))
    }
}
