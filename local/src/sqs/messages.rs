//! Sends, receives, deletes and hides messages, inside the engine's transaction.
//!
//! Fair queueing: of the message groups with ready messages, the one with the fewest messages in flight is
//! served next, and of those the one served longest ago. So a busy group does not delay quiet ones. Messages
//! without a group form one group.

use rusqlite::{OptionalExtension, params};

use super::error::SqsError;
use super::receipt::Receipt;
use super::schema::{DELAYED, IN_FLIGHT, READY};
use super::settings::MAX_VISIBILITY;
use super::store::Store;

/// Maximum number of messages in flight of a standard queue (SQS quotas).
const MAX_IN_FLIGHT: i64 = 120_000;

/// A checked message to store.
#[derive(Debug, Clone)]
pub(super) struct NewMessage {
    pub(super) message_id: [u8; 16],
    pub(super) body: String,
    /// The message attributes as JSON, if there are any.
    pub(super) attributes: Option<String>,
    /// `AWSTraceHeader`.
    pub(super) trace: Option<String>,
    /// `MessageGroupId`; empty for none.
    pub(super) group: String,
    /// Seconds; `None` for the queue's default.
    pub(super) delay: Option<i64>,
    /// Size of body and attributes in bytes, as SQS counts them.
    pub(super) bytes: i64,
}

/// A checked request to receive messages.
#[derive(Debug, Clone)]
pub(super) struct ReceiveRequest {
    pub(super) queue: String,
    /// 1 to 10.
    pub(super) limit: usize,
    /// Seconds; `None` for the queue's default.
    pub(super) visibility: Option<i64>,
    /// Seconds; `None` for the queue's default.
    pub(super) wait: Option<i64>,
}

/// A message that was received.
#[derive(Debug, Clone)]
pub(super) struct ReceivedMessage {
    pub(super) receipt: Receipt,
    pub(super) message_id: [u8; 16],
    pub(super) body: String,
    pub(super) attributes: Option<String>,
    pub(super) trace: Option<String>,
    pub(super) group: String,
    pub(super) sent_at: i64,
    pub(super) first_received_at: i64,
    pub(super) receive_count: i64,
    /// The ARN of the queue from which it was moved as a dead letter.
    pub(super) source: Option<String>,
}

/// The next message to deliver.
struct NextMessage {
    id: i64,
    group: i64,
    group_name: String,
    message_id: [u8; 16],
    sent_at: i64,
    receive_count: i64,
    received_here: i64,
    first_received_at: Option<i64>,
    source: Option<String>,
}

impl Store {
    /// Stores one message in a queue.
    pub(super) fn send(
        &mut self,
        queue: &str,
        message: &NewMessage,
        now: i64,
    ) -> Result<(), SqsError> {
        let target = self.queue(queue)?;
        let (id, max_bytes) = (target.id, target.settings.max_bytes);
        let delay = message.delay.unwrap_or(target.settings.delay);
        if message.bytes > max_bytes {
            return Err(SqsError::invalid_parameter(format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {max_bytes} bytes."
            )));
        }
        let group = self.group(id, &message.group)?;
        let state = if delay > 0 { DELAYED } else { READY };
        self.execute(
            "INSERT INTO messages (queue, grp, state, due, sent_at, message_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                id,
                group,
                state,
                now + delay * 1000,
                now,
                message.message_id
            ],
        )?;
        let row = self.connection.last_insert_rowid();
        self.execute(
            "INSERT INTO contents (id, body, attributes, trace) VALUES (?1, ?2, ?3, ?4)",
            params![row, message.body, message.attributes, message.trace],
        )?;
        if state == READY {
            self.mark_changed(queue);
        }
        Ok(())
    }

    /// Delivers ready messages, hides them and counts the receive. A message that was received as often as
    /// the redrive policy allows moves to the dead-letter queue instead; if that queue does not exist, the
    /// message is delivered, so that none is lost.
    pub(super) fn receive(
        &mut self,
        request: &ReceiveRequest,
        now: i64,
    ) -> Result<Vec<ReceivedMessage>, SqsError> {
        let queue = self.queue(&request.queue)?;
        let (id, retention) = (queue.id, queue.settings.retention);
        let redrive = queue.settings.redrive.clone();
        let visibility = request.visibility.unwrap_or(queue.settings.visibility);
        let is_long_poll = request.wait.unwrap_or(queue.settings.wait) > 0;
        self.delete_expired(id, retention, now)?;
        self.make_due_visible(&request.queue, now)?;
        let capacity = MAX_IN_FLIGHT - self.counts(id)?.in_flight;
        if capacity <= 0 {
            // Only a short poll gets the error (SQS quotas, "Messages per queue (in flight)").
            if is_long_poll {
                return Ok(Vec::new());
            }
            return Err(SqsError::over_limit(format!(
                "The queue {} has the maximum of {MAX_IN_FLIGHT} messages in flight.",
                request.queue
            )));
        }
        let limit =
            usize::try_from(capacity).map_or(request.limit, |capacity| capacity.min(request.limit));
        let mut delivered = Vec::new();
        while delivered.len() < limit {
            let Some(candidate) = self.next_message(id)? else {
                break;
            };
            let exhausted_policy = redrive.as_ref().filter(|redrive| {
                candidate.received_here >= redrive.max_receive_count
                    && self.queues.contains_key(&redrive.target)
            });
            if candidate.sent_at + retention * 1000 <= now {
                self.delete_row(candidate.id)?;
            } else if let Some(redrive) = exhausted_policy {
                self.move_to_dead_letter_queue(
                    &request.queue,
                    &redrive.target,
                    candidate.id,
                    &candidate.group_name,
                    now,
                )?;
            } else {
                delivered.push(self.deliver(&request.queue, candidate, visibility, now)?);
            }
        }
        Ok(delivered)
    }

    /// Deletes the receipt's message, in flight or not. A receipt that is not of the latest receive deletes
    /// nothing and is no error.
    pub(super) fn delete(&mut self, queue: &str, receipt: Receipt) -> Result<(), SqsError> {
        let id = self.queue(queue)?.id;
        self.execute(
            "DELETE FROM messages WHERE id = ?1 AND receipt = ?2 AND queue = ?3",
            params![receipt.row, receipt.serial, id],
        )?;
        Ok(())
    }

    /// Hides a message in flight until `seconds` from now; 0 makes it visible immediately.
    pub(super) fn change_visibility(
        &mut self,
        queue: &str,
        receipt: Receipt,
        seconds: i64,
        now: i64,
    ) -> Result<(), SqsError> {
        let id = self.queue(queue)?.id;
        self.make_due_visible(queue, now)?;
        let found: Option<(i64, i64, i64)> = self
            .connection
            .prepare_cached(
                "SELECT state, due, received_at FROM messages
                 WHERE id = ?1 AND receipt = ?2 AND queue = ?3",
            )?
            .query_row(params![receipt.row, receipt.serial, id], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let Some((state, due, received_at)) = found else {
            return Err(SqsError::invalid_parameter(
                "Value for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.",
            ));
        };
        // More messages may be due than one chunk.
        if state != IN_FLIGHT || due <= now {
            return Err(SqsError::not_in_flight());
        }
        let until = now + seconds * 1000;
        if until > received_at + MAX_VISIBILITY * 1000 {
            return Err(SqsError::invalid_parameter(format!(
                "Value {seconds} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [{MAX_VISIBILITY} seconds]."
            )));
        }
        let state = if seconds == 0 { READY } else { IN_FLIGHT };
        self.execute(
            "UPDATE messages SET state = ?2, due = ?3 WHERE id = ?1",
            params![receipt.row, state, until],
        )?;
        if state == READY {
            self.mark_changed(queue);
        }
        Ok(())
    }

    fn next_message(&self, queue: i64) -> Result<Option<NextMessage>, SqsError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT m.id, m.grp, g.name, m.message_id, m.sent_at, m.receive_count,
                        m.received_here, m.first_received_at, m.source
                 FROM groups g CROSS JOIN messages m ON m.grp = g.id AND m.state = 0
                 WHERE g.id = (SELECT id FROM groups WHERE queue = ?1 AND ready > 0
                               ORDER BY in_flight, served LIMIT 1)
                 ORDER BY m.due, m.id LIMIT 1",
            )?
            .query_row([queue], |row| {
                Ok(NextMessage {
                    id: row.get(0)?,
                    group: row.get(1)?,
                    group_name: row.get(2)?,
                    message_id: row.get(3)?,
                    sent_at: row.get(4)?,
                    receive_count: row.get(5)?,
                    received_here: row.get(6)?,
                    first_received_at: row.get(7)?,
                    source: row.get(8)?,
                })
            })
            .optional()?)
    }

    fn deliver(
        &mut self,
        queue: &str,
        candidate: NextMessage,
        visibility: i64,
        now: i64,
    ) -> Result<ReceivedMessage, SqsError> {
        let receipt = Receipt::new(queue, candidate.id);
        let first_received_at = candidate.first_received_at.unwrap_or(now);
        self.execute(
            "UPDATE messages SET state = 2, due = ?2, receipt = ?3, first_received_at = ?4,
                    received_at = ?5, receive_count = receive_count + 1,
                    received_here = received_here + 1
             WHERE id = ?1",
            params![
                candidate.id,
                now + visibility * 1000,
                receipt.serial,
                first_received_at,
                now
            ],
        )?;
        let tick = self.next_served_tick();
        self.execute(
            "UPDATE groups SET served = ?2 WHERE id = ?1",
            params![candidate.group, tick],
        )?;
        Ok(self
            .connection
            .prepare_cached("SELECT body, attributes, trace FROM contents WHERE id = ?1")?
            .query_row([candidate.id], |row| {
                Ok(ReceivedMessage {
                    receipt,
                    message_id: candidate.message_id,
                    body: row.get(0)?,
                    attributes: row.get(1)?,
                    trace: row.get(2)?,
                    group: candidate.group_name,
                    sent_at: candidate.sent_at,
                    first_received_at,
                    receive_count: candidate.receive_count + 1,
                    source: candidate.source,
                })
            })?)
    }

    fn delete_row(&self, id: i64) -> Result<(), SqsError> {
        self.execute("DELETE FROM messages WHERE id = ?1", [id])?;
        Ok(())
    }
}
