//! The jobs table: the truth about every job, and the outbox of its events.
//!
//! One function changes a row ([`Jobs::commit`], or with an entry of the event log
//! [`Jobs::commit_with`]), always under the condition that the change itself states. What the changes
//! are is [`crate::domain::job`]'s business; how rows are spelled is [`row`]'s.

mod admin_scan;
mod batch_get;
mod metrics;
mod row;
mod update_expression;

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, Put, ReturnValue,
    ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem, Update,
};
use jiff::Timestamp;

use crate::aws::dynamo::{Dynamo, WriteError};
use crate::aws::item::{Attributes, Item, text, time, ttl};
use crate::domain::ids::{Cursor, JobId, Owner};
use crate::domain::job::{Change, Job};
use crate::settings::{Environment, SettingsError};
use crate::store::event_log::LogEntry;
pub use admin_scan::{FoundJobs, ScanPage};

/// `BatchGetItem` takes so many keys.
const BATCH: usize = 100;
/// How often a write is made that met another one of the same row under way, and how far apart.
const CONFLICTS: u32 = 10;
const BETWEEN: Duration = Duration::from_millis(20);

#[derive(Clone)]
pub struct Jobs {
    dynamo: Dynamo,
    table: String,
}

/// What became of a new job.
#[derive(Debug)]
pub enum Created {
    New,
    /// Its id was taken: by an earlier submit under the same idempotency key.
    Exists(Box<Job>),
}

/// What became of a change.
#[derive(Debug)]
pub enum CommitOutcome {
    /// It is durable; this is the row after it.
    Applied(Box<Job>),
    /// Its condition did not hold; this is the row as it is, if there is one.
    Refused(Option<Box<Job>>),
}

/// Some of an owner's jobs, newest first.
pub struct Page {
    pub jobs: Vec<Job>,
    /// Where the page ends; none on the last.
    pub cursor: Option<Cursor>,
}

impl Jobs {
    /// The table that `JOBS_TABLE` names.
    pub fn open(config: &Environment, dynamo: &Dynamo) -> Result<Self, SettingsError> {
        let table = config.required("JOBS_TABLE")?.to_owned();
        Ok(Self {
            dynamo: dynamo.clone(),
            table,
        })
    }

    /// Writes a new job, unless its id is taken by one that still counts.
    pub async fn create(&self, job: &Job) -> Result<Created> {
        match self.dynamo.put(&self.put(job)?).await {
            Ok(()) => {
                metrics::count_submit(job);
                Ok(Created::New)
            }
            Err(WriteError::Refused(item)) => {
                let item = item.context("DynamoDB answered no item with a failed condition")?;
                let earlier = row::job(&item)?;
                // A put is sent again whose answer was lost; the second then meets the first.
                let own =
                    (earlier.created_at, &earlier.followers) == (job.created_at, &job.followers);
                Ok(
                    if own && earlier.request_id == job.request_id && earlier.input == job.input {
                        Created::New
                    } else {
                        Created::Exists(Box::new(earlier))
                    },
                )
            }
            Err(error) => Err(error).context("writing a new job"),
        }
    }

    /// A new job, by itself or as a part of a transaction.
    pub(crate) fn put(&self, job: &Job) -> Result<Put> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(row::item(job)))
            .condition_expression("attribute_not_exists(jobId) OR #ttl <= :now")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", ttl(job.created_at))
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        Ok(put.build()?)
    }

    /// A change, by itself or as a part of a transaction.
    fn update(&self, id: JobId, change: &Change) -> Result<Update> {
        let expression = update_expression::update_expression(change);
        let update = Update::builder()
            .table_name(&self.table)
            .key("jobId", text(id.to_string()))
            .update_expression(expression.update)
            .condition_expression(expression.condition)
            .set_expression_attribute_names(Some(expression.names))
            .set_expression_attribute_values(
                (!expression.values.is_empty()).then_some(expression.values),
            )
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        Ok(update.build()?)
    }

    /// The one way in which a job changes.
    pub async fn commit(&self, id: JobId, change: &Change) -> Result<CommitOutcome> {
        let update = self.update(id, change)?;
        let mut tries = 1;
        loop {
            match self.dynamo.update(&update, ReturnValue::AllNew).await {
                Ok(item) => {
                    let job = row::job(&item)?;
                    metrics::count_change(change, &job);
                    return Ok(CommitOutcome::Applied(Box::new(job)));
                }
                Err(WriteError::Refused(item)) => return refusal(item.as_ref()),
                Err(WriteError::Conflict) if tries < CONFLICTS => {
                    tokio::time::sleep(BETWEEN * tries).await;
                    tries += 1;
                }
                Err(error) => return Err(error).context("changing a job"),
            }
        }
    }

    /// The same together with an entry of the event log, both or neither. A transaction answers no row,
    /// so `job` is the row as its holder knows it, and the change's condition says that it is so.
    pub async fn commit_with(
        &self,
        job: &Job,
        change: &Change,
        entry: LogEntry,
    ) -> Result<CommitOutcome> {
        let update = self.update(job.id, change)?;
        let transaction = self
            .dynamo
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().update(update).build())
            .transact_items(TransactWriteItem::builder().put(entry.put()?).build());
        let mut tries = 1;
        loop {
            let answer = transaction.clone().send().await;
            match answer.map_err(|error| error.into_service_error()) {
                Ok(_) => {
                    let mut job = job.clone();
                    change.apply(&mut job);
                    metrics::count_change(change, &job);
                    return Ok(CommitOutcome::Applied(Box::new(job)));
                }
                Err(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    // One reason for each item, in their order; the entry has no condition.
                    let reason = cancelled.cancellation_reasons().first();
                    match reason.and_then(|reason| reason.code()) {
                        Some("ConditionalCheckFailed") => {
                            return refusal(reason.and_then(|reason| reason.item()));
                        }
                        Some("TransactionConflict") if tries < CONFLICTS => {
                            tokio::time::sleep(BETWEEN * tries).await;
                            tries += 1;
                        }
                        _ => return Err(cancelled).context("changing a job and its log"),
                    }
                }
                Err(error) => return Err(error).context("changing a job and its log"),
            }
        }
    }

    /// The row as it is now, expired or not; whose it is, the caller checks.
    pub async fn get(&self, id: JobId) -> Result<Option<Job>> {
        let get = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .key("jobId", text(id.to_string()))
            .consistent_read(true);
        let answer = get.send().await.context("reading a job")?;
        Ok(answer.item.as_ref().map(row::job).transpose()?)
    }

    /// The owner's jobs, newest first, from `cursor` on: at most `limit` are looked at.
    pub async fn page(
        &self,
        owner: &Owner,
        limit: u32,
        cursor: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<Page> {
        let start = cursor.map(|cursor| {
            HashMap::from([
                ("jobId".to_owned(), text(cursor.job.to_string())),
                ("userId".to_owned(), text(&owner.user)),
                ("createdAt".to_owned(), time(cursor.created_at)),
            ])
        });
        let query = self
            .dynamo
            .query()
            .table_name(&self.table)
            .index_name("by-user")
            .key_condition_expression("userId = :user")
            .expression_attribute_values(":user", text(&owner.user))
            .scan_index_forward(false)
            .limit(limit as i32)
            .set_exclusive_start_key(start);
        let answer = query.send().await.context("listing a user's jobs")?;
        let cursor = match &answer.last_evaluated_key {
            Some(key) => Some(cursor_of(key)?),
            None => None,
        };
        let mut jobs = self.batch(answer.items.unwrap_or_default()).await?;
        jobs.retain(|job| job.owner == *owner && job.expires_at > now);
        jobs.sort_by_key(|job| std::cmp::Reverse((job.created_at, job.id)));
        Ok(Page { jobs, cursor })
    }

    /// Jobs of one shard of the open index that were created before `before`, oldest first, from the
    /// key `start` on; and the key to go on from.
    pub async fn still_open(
        &self,
        shard: u8,
        before: Timestamp,
        start: Option<Attributes>,
    ) -> Result<(Vec<Job>, Option<Attributes>)> {
        let query = self
            .dynamo
            .query()
            .table_name(&self.table)
            .index_name("open")
            .key_condition_expression("openShard = :shard AND createdAt < :before")
            .expression_attribute_values(":shard", text(shard.to_string()))
            .expression_attribute_values(":before", time(before))
            .limit(BATCH as i32)
            .set_exclusive_start_key(start);
        let answer = query.send().await.context("listing open jobs")?;
        Ok((
            self.batch(answer.items.unwrap_or_default()).await?,
            answer.last_evaluated_key,
        ))
    }

    /// The rows that index entries stand for, in no order.
    async fn batch(&self, keys: Vec<Attributes>) -> Result<Vec<Job>> {
        let mut wanted: Vec<HashMap<String, AttributeValue>> = vec![];
        for key in &keys {
            wanted.push(HashMap::from([(
                "jobId".to_owned(),
                text(Item(key).text("jobId")?),
            )]));
        }
        let mut jobs = vec![];
        while !wanted.is_empty() {
            let rest = wanted.split_off(wanted.len().min(BATCH));
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(wanted))
                .consistent_read(true)
                .build()?;
            let answer = self
                .dynamo
                .batch_get_item()
                .request_items(&self.table, keys)
                .send()
                .await
                .context("reading jobs")?;
            for item in answer
                .responses
                .unwrap_or_default()
                .remove(&self.table)
                .unwrap_or_default()
            {
                jobs.extend(readable(&item));
            }
            wanted = rest;
            // DynamoDB may leave keys over when the answer grows past 16 MB or it is throttled.
            if let Some(left) = answer
                .unprocessed_keys
                .unwrap_or_default()
                .remove(&self.table)
            {
                wanted.extend(left.keys);
            }
        }
        Ok(jobs)
    }
}

/// One row that a newer version or a hand has spoiled must not hide the others.
fn readable(item: &Attributes) -> Option<Job> {
    match row::job(item) {
        Ok(job) => Some(job),
        Err(error) => {
            let job = Item(item).text("jobId").unwrap_or_default();
            tracing::error!(job, %error, "a job's row can't be read");
            None
        }
    }
}

fn refusal(item: Option<&Attributes>) -> Result<CommitOutcome> {
    let job = item.map(row::job).transpose()?;
    Ok(CommitOutcome::Refused(job.map(Box::new)))
}

fn cursor_of(key: &Attributes) -> Result<Cursor> {
    let item = Item(key);
    let job = JobId::parse(item.text("jobId")?).context("an index entry's id is no job id")?;
    Ok(Cursor {
        job,
        created_at: item.time("createdAt")?,
    })
}
