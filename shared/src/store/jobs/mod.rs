//! The jobs table: the truth about every job, and the outbox of its events.
//!
//! Every change of a row goes through [`Jobs::commit`], or through [`Jobs::commit_with_entry`] together with an
//! entry of the event log, under the condition that the [`Change`] states.

mod admin_scan;
mod batch_get;
mod metrics;
mod row;
mod update_expression;

use std::collections::HashMap;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, Put, ReturnValue,
    ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem, Update,
};
use jiff::Timestamp;
use tokio::time::sleep;

use crate::aws::dynamo::{Dynamo, WriteError};
use crate::aws::item::{Attributes, Item, text, time, ttl};
use crate::domain::backoff::JOB_ROW_CONFLICTS;
use crate::domain::ids::{Cursor, JobId, Owner};
use crate::domain::job::{Change, Job};
use crate::random::Random;
use crate::store::event_log::EntryPut;
pub use admin_scan::ScanPage;

/// The limit of keys of `BatchGetItem`.
const BATCH: usize = 100;

#[derive(Clone)]
pub struct Jobs {
    dynamo: Dynamo,
    table: String,
}

/// The outcome of writing a new job.
#[derive(Debug)]
pub enum Created {
    New,
    /// An earlier submit with the same idempotency key wrote this job.
    Exists(Box<Job>),
}

/// The outcome of a change.
#[derive(Debug)]
pub enum CommitOutcome {
    /// The change is durable. This is the row after it.
    Applied(Box<Job>),
    /// The condition did not hold. This is the row as it is, if it exists.
    Refused(Option<Box<Job>>),
}

/// A page of an owner's jobs, newest first.
pub struct JobPage {
    pub jobs: Vec<Job>,
    /// The cursor of the next page; `None` on the last.
    pub cursor: Option<Cursor>,
}

impl Jobs {
    pub fn new(dynamo: &Dynamo, table: String) -> Self {
        Self {
            dynamo: dynamo.clone(),
            table,
        }
    }

    /// Writes a new job, unless an unexpired job has its id.
    pub async fn create(&self, job: &Job) -> Result<Created> {
        match self.dynamo.put(&self.put_request(job)?).await {
            Ok(()) => {
                metrics::count_submit(job);
                Ok(Created::New)
            }
            Err(WriteError::Refused(item)) => {
                let item = item.context("DynamoDB returned no item with a failed condition")?;
                let earlier = row::job(&item)?;
                // A write whose response was lost is sent again and meets its own first try.
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

    /// The write of a new job, to be sent alone or in a transaction.
    pub(crate) fn put_request(&self, job: &Job) -> Result<Put> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(row::item(job)))
            .condition_expression("attribute_not_exists(jobId) OR #ttl <= :now")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", ttl(job.created_at))
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        Ok(put.build()?)
    }

    /// The write of a change, to be sent alone or in a transaction.
    fn update_request(&self, id: JobId, change: &Change) -> Result<Update> {
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

    /// Applies a change to a job, if its condition holds.
    pub async fn commit(&self, id: JobId, change: &Change) -> Result<CommitOutcome> {
        let update = self.update_request(id, change)?;
        let mut failed = 0;
        loop {
            match self.dynamo.update(&update, ReturnValue::AllNew).await {
                Ok(item) => {
                    let job = row::job(&item)?;
                    metrics::count_change(change, &job);
                    return Ok(CommitOutcome::Applied(Box::new(job)));
                }
                Err(WriteError::Refused(item)) => return refused(item.as_ref()),
                Err(error @ WriteError::Conflict) => {
                    failed += 1;
                    let random = Random::system().number();
                    let Some(wait) = JOB_ROW_CONFLICTS.after(failed, random) else {
                        return Err(error).context("changing a job");
                    };
                    sleep(wait).await;
                }
                Err(error) => return Err(error).context("changing a job"),
            }
        }
    }

    /// Applies a change and writes an entry of the event log in one transaction. A transaction returns no row,
    /// so the result is computed from `job`; the change's condition must ensure that the row still equals it.
    pub async fn commit_with_entry(
        &self,
        job: &Job,
        change: &Change,
        entry: EntryPut,
    ) -> Result<CommitOutcome> {
        let update = self.update_request(job.id, change)?;
        let transaction = self
            .dynamo
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().update(update).build())
            .transact_items(TransactWriteItem::builder().put(entry.put()?).build());
        let mut failed = 0;
        loop {
            let response = transaction.clone().send().await;
            match response.map_err(|error| error.into_service_error()) {
                Ok(_) => {
                    let mut job = job.clone();
                    change.apply(&mut job);
                    metrics::count_change(change, &job);
                    return Ok(CommitOutcome::Applied(Box::new(job)));
                }
                Err(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    // One reason for each item, in order; the entry has no condition.
                    let reason = cancelled.cancellation_reasons().first();
                    match reason.and_then(|reason| reason.code()) {
                        Some("ConditionalCheckFailed") => {
                            return refused(reason.and_then(|reason| reason.item()));
                        }
                        Some("TransactionConflict") => {
                            failed += 1;
                            let random = Random::system().number();
                            let Some(wait) = JOB_ROW_CONFLICTS.after(failed, random) else {
                                return Err(cancelled).context("changing a job and its log");
                            };
                            sleep(wait).await;
                        }
                        _ => return Err(cancelled).context("changing a job and its log"),
                    }
                }
                Err(error) => return Err(error).context("changing a job and its log"),
            }
        }
    }

    /// A consistent read of the row, expired or not. The caller checks the owner.
    pub async fn get(&self, id: JobId) -> Result<Option<Job>> {
        let get = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .key("jobId", text(id.to_string()))
            .consistent_read(true);
        let response = get.send().await.context("reading a job")?;
        Ok(response.item.as_ref().map(row::job).transpose()?)
    }

    /// A page of the owner's jobs, newest first, from `cursor` on. At most `limit` index entries are read;
    /// expired jobs are left out.
    pub async fn page(
        &self,
        owner: &Owner,
        limit: u32,
        cursor: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<JobPage> {
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
        let response = query.send().await.context("listing a user's jobs")?;
        let end = response.last_evaluated_key.as_ref();
        let end = end.map(|key| Item(key).time("createdAt")).transpose()?;
        let mut jobs = self.batch(response.items.unwrap_or_default()).await?;
        // The index has the jobs of this user's namesakes in other tenants. A cursor names none of them: the page after
        // this one reads those after the last own job again.
        jobs.retain(|job| job.owner == *owner);
        jobs.sort_by_key(|job| std::cmp::Reverse((job.created_at, job.id)));
        let cursor = end.map(|end| jobs.last().map_or(Cursor::after(end), Job::cursor));
        jobs.retain(|job| job.expires_at > now);
        Ok(JobPage { jobs, cursor })
    }

    /// A page of the jobs in one shard of the index of open jobs that were created before `before`, oldest
    /// first, and the key of the next page.
    pub async fn open_in_shard(
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
        let response = query.send().await.context("listing open jobs")?;
        Ok((
            self.batch(response.items.unwrap_or_default()).await?,
            response.last_evaluated_key,
        ))
    }

    /// The rows of these index entries, in no order.
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
            let response = self
                .dynamo
                .batch_get_item()
                .request_items(&self.table, keys)
                .send()
                .await
                .context("reading jobs")?;
            for item in response
                .responses
                .unwrap_or_default()
                .remove(&self.table)
                .unwrap_or_default()
            {
                jobs.extend(parse_or_log(&item));
            }
            wanted = rest;
            // DynamoDB leaves keys unprocessed when the response exceeds 16 MB or it throttles.
            if let Some(left) = response
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

/// Parses a row; an unreadable one, of a newer version or edited by hand, is logged and must not hide the
/// others.
fn parse_or_log(item: &Attributes) -> Option<Job> {
    match row::job(item) {
        Ok(job) => Some(job),
        Err(error) => {
            let job = Item(item).text("jobId").unwrap_or_default();
            tracing::error!(job, %error, "a job's row can't be read");
            None
        }
    }
}

fn refused(item: Option<&Attributes>) -> Result<CommitOutcome> {
    let job = item.map(row::job).transpose()?;
    Ok(CommitOutcome::Refused(job.map(Box::new)))
}
