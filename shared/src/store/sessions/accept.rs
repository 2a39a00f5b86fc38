//! Accepting a turn: its number, its row and its job in one transaction, all or none.
//!
//! So no turn points at a job that was never written, and turns count in the order in which they were
//! accepted, however many connections speak at once.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};

use super::{HEAD, Session, Sessions, head, key, turns};
use crate::aws::item::{number, text, time, ttl};
use crate::aws::signed_http::jittered;
use crate::domain::ids::{ConnectionId, SessionId};
use crate::domain::job::{Job, Turn};
use crate::store::jobs::Jobs;

/// How often a turn is tried to be accepted while others are, and how far apart at most: about ten seconds
/// in all, as long as a front end would wait.
const TRIES: u32 = 80;
const APART: Duration = Duration::from_millis(250);

/// What became of a turn.
#[derive(Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is durable, and so is its job; [`Job::turn`] says which it is.
    Yes,
    /// Its job is there already: by an earlier submit under the same key, or by this one, whose answer was
    /// lost.
    Exists,
    /// The owner has no such session that is open.
    NoSession,
}

impl Sessions {
    /// Makes the job the session's next turn, and writes it. A session that a `connection` is to begin is
    /// written with it; any other must be there.
    pub async fn accept(
        &self,
        jobs: &Jobs,
        id: SessionId,
        begun_by: Option<&ConnectionId>,
        job: &mut Job,
        message: &str,
    ) -> Result<Accepted> {
        for tried in 1..=TRIES {
            let standing = self.get(id, &job.owner, job.created_at).await?;
            let (head, is_new) = match (standing, begun_by) {
                (Some(head), _) if head.tail == Some(job.id) => return Ok(Accepted::Exists),
                (Some(head), _) if head.ended_at.is_none() => (head, false),
                (None, Some(connection)) => (Session::begun(id, connection, job), true),
                _ => return Ok(Accepted::NoSession),
            };
            let number = head.turns + 1;
            let free = self.unfinished_before(id, number).await?.is_empty();
            job.turn = Some(Turn {
                session: id,
                number,
                waits_for: head.tail.filter(|_| !free),
            });
            if let Some(accepted) = self.write(jobs, &head, is_new, job, message).await? {
                return Ok(accepted);
            }
            let apart = APART.min(Duration::from_millis(20) * tried);
            tokio::time::sleep(jittered(apart)).await;
        }
        bail!("a session takes no turn: too many come at once");
    }

    /// What became of the turn; `None` if the head has changed meanwhile.
    async fn write(
        &self,
        jobs: &Jobs,
        head: &Session,
        is_new: bool,
        job: &Job,
        message: &str,
    ) -> Result<Option<Accepted>> {
        let turn = Put::builder()
            .table_name(&self.table)
            .set_item(Some(turns::item(job, message)))
            .build()?;
        let transaction = self
            .dynamo
            .transact_write_items()
            .transact_items(self.head_with(head, is_new, job)?)
            .transact_items(TransactWriteItem::builder().put(turn).build())
            .transact_items(TransactWriteItem::builder().put(jobs.put(job)?).build());
        match transaction
            .send()
            .await
            .map_err(|error| error.into_service_error())
        {
            Ok(_) => Ok(Some(Accepted::Yes)),
            Err(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                // One reason for each item, in their order; the last is the job.
                let reasons = cancelled.cancellation_reasons();
                let of_job = reasons.last().and_then(|reason| reason.code());
                if of_job == Some("ConditionalCheckFailed") {
                    return Ok(Some(Accepted::Exists));
                }
                let codes = reasons.iter();
                let passing = ["None", "ConditionalCheckFailed", "TransactionConflict"];
                let passes = codes
                    .filter_map(|reason| reason.code())
                    .all(|code| passing.contains(&code));
                if passes {
                    return Ok(None);
                }
                Err(cancelled).context("accepting a turn")
            }
            Err(TransactWriteItemsError::TransactionInProgressException(_)) => Ok(None),
            Err(error) => Err(error).context("accepting a turn"),
        }
    }

    /// The head once the job is its last turn, if it is still as it was read.
    fn head_with(&self, head: &Session, is_new: bool, job: &Job) -> Result<TransactWriteItem> {
        let item = TransactWriteItem::builder();
        if is_new {
            let mut begun = head.clone();
            (begun.turns, begun.tail) = (1, Some(job.id));
            let put = Put::builder()
                .table_name(&self.table)
                .set_item(Some(head::item(&begun)))
                .condition_expression("attribute_not_exists(sessionId)");
            return Ok(item.put(put.build()?).build());
        }
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key(head.id, HEAD)))
            .update_expression("SET turns = :next, tail = :job, updatedAt = :now, #ttl = :ttl")
            .condition_expression("turns = :turns AND attribute_not_exists(endedAt)")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":next", number(u64::from(head.turns) + 1))
            .expression_attribute_values(":turns", number(head.turns.into()))
            .expression_attribute_values(":job", text(job.id.to_string()))
            .expression_attribute_values(":now", time(job.created_at))
            .expression_attribute_values(":ttl", ttl(job.expires_at.max(head.expires_at)));
        Ok(item.update(update.build()?).build())
    }
}

impl Session {
    /// A session that begins with this job's turn.
    fn begun(id: SessionId, connection: &ConnectionId, job: &Job) -> Self {
        let (owner, connection) = (job.owner.clone(), connection.clone());
        Self::new(id, owner, connection, job.created_at, job.expires_at)
    }
}
