//! The limits of one user across all connections: submits a second, and open jobs. They are kept in the user's
//! row of the connections table, with one conditional write for each submit.
//!
//! The row has a set of job ids instead of a count. A full set is compared with the jobs' own rows, so no write
//! is needed when a job ends, and no crash can leak a place.

use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure, Update,
};
use jiff::Timestamp;

use crate::aws::dynamo::{Dynamo, WriteError};
use crate::aws::item::{Attributes, Item, text, time, ttl};
use crate::domain::ids::{JobId, Owner};
use crate::domain::limits;
use crate::domain::rate::{BucketState, Rate};
use crate::store::jobs::Jobs;
use crate::store::user_row;

/// An id in the set without a row counts as a submit in progress for this long: twice the message function's
/// timeout.
const SUBMIT_IN_PROGRESS: Duration = Duration::from_secs(60);
/// The `retryAfter` of a user with too many open jobs or connections, since it is unknown when one of them
/// ends.
pub const RETRY_AFTER_FULL: Duration = Duration::from_secs(10);

/// Maximum number of writes for one submit, including lost races.
const MAX_WRITES: usize = 8;

#[derive(Clone)]
pub struct Quota {
    dynamo: Dynamo,
    table: String,
    /// `None`: no limit.
    rate: Option<Rate>,
    /// `None`: no limit.
    open_jobs: Option<usize>,
}

/// Whether a submit is admitted.
#[derive(Debug, PartialEq, Eq)]
pub enum QuotaDecision {
    Admitted,
    /// Too many submits in a short time. The next is admitted at this time.
    RateLimited(Timestamp),
    /// This number of jobs is open already. Trying again at this time may help.
    TooManyOpenJobs(usize, Timestamp),
}

/// The user's row, as a failed conditional write returned it.
struct Row {
    full_at: Timestamp,
    reserved_at: Timestamp,
    open: Vec<String>,
}

/// A user's limits.
#[derive(Debug, Clone, Copy)]
pub struct QuotaLimits {
    /// Submits in a second, on average; 0 for any number.
    pub submits_per_second: u32,
    /// Submits at once.
    pub burst: u32,
    /// Open jobs; 0 for any number.
    pub open_jobs: u32,
}

impl Quota {
    /// The limits of the users in the table of connections.
    pub fn new(dynamo: &Dynamo, table: String, limits: QuotaLimits) -> Self {
        let QuotaLimits {
            submits_per_second,
            burst,
            open_jobs,
        } = limits;
        Self {
            dynamo: dynamo.clone(),
            table,
            rate: (submits_per_second > 0).then(|| Rate::new(submits_per_second, burst)),
            open_jobs: (open_jobs > 0).then_some(open_jobs as usize),
        }
    }

    /// Takes a token of the owner for the submit, and adds the job to the open ones. A job that is in the set
    /// already needs no place.
    pub async fn admit_job(
        &self,
        owner: &Owner,
        job: JobId,
        jobs: &Jobs,
        now: Timestamp,
    ) -> Result<QuotaDecision> {
        if self.rate.is_none() && self.open_jobs.is_none() {
            return Ok(QuotaDecision::Admitted);
        }
        let mut state = BucketState::Full;
        for _ in 0..MAX_WRITES {
            let Some(row) = self.reserve(owner, job, state, now).await? else {
                return Ok(QuotaDecision::Admitted);
            };
            state = self.rate.map_or(state, |rate| rate.state(row.full_at, now));
            if let BucketState::Empty(then) = state {
                return Ok(QuotaDecision::RateLimited(then));
            }
            let Some(limit) = self.open_jobs.filter(|limit| row.is_full(*limit, job)) else {
                continue;
            };
            let ended = row.ended(jobs, now).await?;
            if ended.is_empty() {
                // A rejection takes a token too, since it costs a read of every open job.
                self.charge(owner, state, now).await?;
                return Ok(QuotaDecision::TooManyOpenJobs(
                    limit,
                    now + RETRY_AFTER_FULL,
                ));
            }
            self.remove(owner, ended).await?;
        }
        Ok(QuotaDecision::RateLimited(now + Duration::from_secs(1)))
    }

    /// Gives back the place of a submit that was rejected before its job was written.
    pub async fn release(&self, owner: &Owner, job: JobId) -> Result<()> {
        match self.open_jobs {
            Some(_) => self.remove(owner, vec![job.to_string()]).await,
            None => Ok(()),
        }
    }

    /// Takes a token of the owner for an action other than a submit. Without a token it returns the time of the
    /// next one.
    pub async fn admit_action(&self, owner: &Owner, now: Timestamp) -> Result<Option<Timestamp>> {
        let Some(rate) = self.rate else {
            return Ok(None);
        };
        let mut state = BucketState::Full;
        for _ in 0..MAX_WRITES {
            let (update, set, condition) = take_token(self.update(owner), rate, state, now);
            let update = update
                .update_expression(format!("SET {set}, #ttl = :ttl"))
                .condition_expression(condition)
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":ttl", ttl(now + limits::USER_RETENTION));
            let Some(row) = self.apply(update).await? else {
                return Ok(None);
            };
            state = rate.state(row.full_at, now);
            if let BucketState::Empty(then) = state {
                return Ok(Some(then));
            }
        }
        Ok(Some(now + Duration::from_secs(1)))
    }

    /// The write of a submit. Returns the row if the condition did not hold.
    async fn reserve(
        &self,
        owner: &Owner,
        job: JobId,
        state: BucketState,
        now: Timestamp,
    ) -> Result<Option<Row>> {
        let (mut sets, mut conditions) = (vec!["reservedAt = :now", "#ttl = :ttl"], vec![]);
        let mut update = self
            .update(owner)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":ttl", ttl(now + limits::USER_RETENTION));
        if let Some(rate) = self.rate {
            let (set, condition);
            (update, set, condition) = take_token(update, rate, state, now);
            sets.push(set);
            conditions.push(condition);
        }
        let mut add = "";
        if let Some(limit) = self.open_jobs {
            add = " ADD openJobs :job";
            conditions.push("(attribute_not_exists(openJobs) OR size(openJobs) < :limit OR contains(openJobs, :id))");
            let id = job.to_string();
            update = update
                .expression_attribute_values(":job", AttributeValue::Ss(vec![id.clone()]))
                .expression_attribute_values(":id", text(id))
                .expression_attribute_values(":limit", AttributeValue::N(limit.to_string()));
        }
        let update = update
            .update_expression(format!("SET {}{add}", sets.join(", ")))
            .condition_expression(conditions.join(" AND "));
        self.apply(update).await
    }

    /// Takes a token without adding a job.
    async fn charge(&self, owner: &Owner, state: BucketState, now: Timestamp) -> Result<()> {
        if let Some(rate) = self.rate {
            let (update, set, condition) = take_token(self.update(owner), rate, state, now);
            let update = update
                .update_expression(format!("SET {set}"))
                .condition_expression(condition);
            self.apply(update).await?;
        }
        Ok(())
    }

    /// Removes ids from the set.
    async fn remove(&self, owner: &Owner, ids: Vec<String>) -> Result<()> {
        let update = self
            .update(owner)
            .update_expression("DELETE openJobs :ids")
            .expression_attribute_values(":ids", AttributeValue::Ss(ids));
        self.apply(update).await.map(drop)
    }

    /// Sends a conditional write. Returns the row if the condition did not hold.
    async fn apply(&self, update: UpdateBuilder) -> Result<Option<Row>> {
        match self
            .dynamo
            .update(&update.build()?, ReturnValue::None)
            .await
        {
            Ok(_) => Ok(None),
            Err(WriteError::Refused(item)) => Ok(Some(Row::read(&item.unwrap_or_default())?)),
            Err(error) => Err(error).context("writing a user's quota"),
        }
    }

    fn update(&self, owner: &Owner) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .key("connectionId", text(user_row::key(owner)))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
    }
}

/// The assignment and the condition that take a token from a bucket in this state.
fn take_token(
    update: UpdateBuilder,
    rate: Rate,
    state: BucketState,
    now: Timestamp,
) -> (UpdateBuilder, &'static str, &'static str) {
    let update = update.expression_attribute_values(":from", micros(now.as_microsecond()));
    match state {
        BucketState::Full => (
            update.expression_attribute_values(
                ":full",
                micros(rate.after_first(now).as_microsecond()),
            ),
            "bucketFullAt = :full",
            "(attribute_not_exists(bucketFullAt) OR bucketFullAt <= :from)",
        ),
        _ => (
            update
                .expression_attribute_values(":refill", micros(rate.refill().as_micros() as i64))
                .expression_attribute_values(":latest", micros(rate.latest(now).as_microsecond())),
            "bucketFullAt = bucketFullAt + :refill",
            "bucketFullAt > :from AND bucketFullAt <= :latest",
        ),
    }
}

impl Row {
    fn read(attributes: &Attributes) -> Result<Self> {
        let item = Item(attributes);
        Ok(Self {
            full_at: Timestamp::from_microsecond(item.number("bucketFullAt")?)?,
            reserved_at: item.optional_time("reservedAt")?.unwrap_or_default(),
            open: item.texts("openJobs")?.to_vec(),
        })
    }

    fn is_full(&self, limit: usize, job: JobId) -> bool {
        self.open.len() >= limit && !self.open.contains(&job.to_string())
    }

    /// The ids of the set whose jobs are no longer open: by their rows, or because there is no row and no
    /// submit in progress.
    async fn ended(&self, jobs: &Jobs, now: Timestamp) -> Result<Vec<String>> {
        let ids: Vec<JobId> = self.open.iter().flat_map(|id| JobId::parse(id)).collect();
        let rows = jobs.batch_get(&ids).await?;
        let is_submitting = now < self.reserved_at + SUBMIT_IN_PROGRESS;
        let has_ended = |id: &&String| {
            let row = rows.iter().find(|job| job.id.to_string() == **id);
            row.map_or(!is_submitting, |job| {
                job.status.is_terminal() || job.expires_at <= now
            })
        };
        Ok(self.open.iter().filter(has_ended).cloned().collect())
    }
}

fn micros(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
