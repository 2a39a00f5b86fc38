//! Accepts a turn: writes its number, its row and its job in one transaction.
//!
//! So no turn points at a job that was never written, and turns are numbered in the order in which they were
//! accepted, also with many connections.

use anyhow::{Context, Result, bail};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};

use super::{SESSION_ROW, Sessions, key, session_row, turns};
use crate::aws::item::{number, text, time, ttl};
use crate::domain::backoff::SESSION_TURNS;
use crate::domain::ids::{ConnectionId, SessionId};
use crate::domain::job::{Job, Turn};
use crate::domain::session::Session;
use crate::random::Random;
use crate::store::jobs::Jobs;

/// The outcome of accepting a turn.
#[derive(Debug, PartialEq, Eq)]
pub enum AcceptOutcome {
    /// The turn and its job are durable. [`Job::turn`] has its number.
    Yes,
    /// The job exists already: by an earlier submit with the same idempotency key, or by this one, whose
    /// response was lost.
    Exists,
    /// The owner has no such open session.
    NoSession,
}

impl Sessions {
    /// Makes the job the session's next turn and writes it. The session must exist, unless it is `started_by` a
    /// connection: then it is written too.
    pub async fn accept(
        &self,
        jobs: &Jobs,
        id: SessionId,
        started_by: Option<&ConnectionId>,
        job: &mut Job,
        message: &str,
    ) -> Result<AcceptOutcome> {
        let mut failed = 0;
        loop {
            let current = self.get(id, &job.owner, job.created_at).await?;
            let (session, is_new) = match (current, started_by) {
                (Some(session), _) if session.last_job == Some(job.id) => {
                    return Ok(AcceptOutcome::Exists);
                }
                (Some(session), _) if session.ended_at.is_none() => (session, false),
                (None, Some(connection)) => (Session::started(id, connection, job), true),
                _ => return Ok(AcceptOutcome::NoSession),
            };
            let number = session.turns + 1;
            let free = self.unfinished_before(id, number).await?.is_empty();
            job.turn = Some(Turn {
                session: id,
                number,
                waits_for: session.last_job.filter(|_| !free),
            });
            if let Some(outcome) = self.write(jobs, &session, is_new, job, message).await? {
                return Ok(outcome);
            }
            failed += 1;
            let Some(wait) = SESSION_TURNS.after(failed, Random::system().number()) else {
                bail!("the session accepted no turn: too many are submitted at the same time");
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// One attempt; `None` if the session changed meanwhile.
    async fn write(
        &self,
        jobs: &Jobs,
        session: &Session,
        is_new: bool,
        job: &Job,
        message: &str,
    ) -> Result<Option<AcceptOutcome>> {
        let turn = Put::builder()
            .table_name(&self.table)
            .set_item(Some(turns::item(job, message)))
            .build()?;
        let transaction = self
            .dynamo
            .transact_write_items()
            .transact_items(self.session_write(session, is_new, job)?)
            .transact_items(TransactWriteItem::builder().put(turn).build())
            .transact_items(
                TransactWriteItem::builder()
                    .put(jobs.put_request(job)?)
                    .build(),
            );
        match transaction
            .send()
            .await
            .map_err(|error| error.into_service_error())
        {
            Ok(_) => Ok(Some(AcceptOutcome::Yes)),
            Err(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                // One reason for each item, in order; the last is the job's.
                let reasons = cancelled.cancellation_reasons();
                let of_job = reasons.last().and_then(|reason| reason.code());
                if of_job == Some("ConditionalCheckFailed") {
                    return Ok(Some(AcceptOutcome::Exists));
                }
                let codes = reasons.iter();
                let transient = ["None", "ConditionalCheckFailed", "TransactionConflict"];
                let is_transient = codes
                    .filter_map(|reason| reason.code())
                    .all(|code| transient.contains(&code));
                if is_transient {
                    return Ok(None);
                }
                Err(cancelled).context("accepting a turn")
            }
            Err(TransactWriteItemsError::TransactionInProgressException(_)) => Ok(None),
            Err(error) => Err(error).context("accepting a turn"),
        }
    }

    /// The write that makes the job the session's last turn, if the session is still as it was read.
    fn session_write(
        &self,
        session: &Session,
        is_new: bool,
        job: &Job,
    ) -> Result<TransactWriteItem> {
        let item = TransactWriteItem::builder();
        if is_new {
            let mut started = session.clone();
            (started.turns, started.last_job) = (1, Some(job.id));
            let put = Put::builder()
                .table_name(&self.table)
                .set_item(Some(session_row::item(&started)))
                .condition_expression("attribute_not_exists(sessionId)");
            return Ok(item.put(put.build()?).build());
        }
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key(session.id, SESSION_ROW)))
            .update_expression("SET turns = :next, tail = :job, updatedAt = :now, #ttl = :ttl")
            .condition_expression("turns = :turns AND attribute_not_exists(endedAt)")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":next", number(u64::from(session.turns) + 1))
            .expression_attribute_values(":turns", number(session.turns.into()))
            .expression_attribute_values(":job", text(job.id.to_string()))
            .expression_attribute_values(":now", time(job.created_at))
            .expression_attribute_values(":ttl", ttl(job.expires_at.max(session.expires_at)));
        Ok(item.update(update.build()?).build())
    }
}

impl Session {
    /// A session that starts with this job's turn.
    fn started(id: SessionId, connection: &ConnectionId, job: &Job) -> Self {
        let (owner, connection) = (job.owner.clone(), connection.clone());
        Self::new(id, owner, connection, job.created_at, job.expires_at)
    }
}
