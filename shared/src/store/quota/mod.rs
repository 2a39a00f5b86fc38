//! How much one user may ask for, across all connections: so many submits a second, so many jobs open at
//! once. Kept in the user's row of the connections table, in one conditional write per submit.
//!
//! The row holds the ids of the jobs that were open when last looked at, and no count: nothing has to be
//! written when a job ends, so that no crash can leave a job counted for ever. Only a user whose set is full
//! has it compared with the jobs' own rows. What a job is, is not known here.
//! The same row has the ids of the user's connections, which `connections` keeps.

pub mod bucket;

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
use crate::settings::{Environment, SettingsError};
use crate::store::jobs::Jobs;
use bucket::{BucketState, Rate};

/// An id in the set whose job has no row may be a submit that is still under way for so long: twice the
/// message function's timeout.
const UNDER_WAY: Duration = Duration::from_secs(60);
/// What a user with too many open jobs or connections is told to wait, as nobody knows when one of them ends.
pub const RETRY_AFTER_FULL: Duration = Duration::from_secs(10);
/// A user's row lives so long past the last submit; no job is open for longer.
pub(crate) const RETENTION: Duration = Duration::from_secs(30 * 24 * 3600);
/// Writes of one submit at most, all lost races included.
const TRIES: usize = 8;

#[derive(Clone)]
pub struct Quota {
    dynamo: Dynamo,
    table: String,
    /// None: as many as there come.
    rate: Option<Rate>,
    /// None: any number.
    open_jobs: Option<usize>,
}

/// Whether a submit may go on.
#[derive(Debug, PartialEq, Eq)]
pub enum QuotaDecision {
    Yes,
    /// Too many submits within a short time; one may come at this time.
    TooFast(Timestamp),
    /// So many jobs are open already; a look at this time may find fewer.
    TooMany(usize, Timestamp),
}

/// The user's row as a refused write found it.
struct Row {
    full_at: Timestamp,
    reserved_at: Timestamp,
    open: Vec<String>,
}

impl Quota {
    /// By `CONNECTIONS_TABLE`, `SUBMITS_PER_SECOND`, `SUBMITS_AT_ONCE` and `OPEN_JOBS`; 0 lifts a limit.
    pub fn open(config: &Environment, dynamo: &Dynamo) -> Result<Self, SettingsError> {
        let per_second = config.count("SUBMITS_PER_SECOND")?;
        let burst = config.number("SUBMITS_AT_ONCE")?;
        let open_jobs = config.count("OPEN_JOBS")? as usize;
        Ok(Self {
            dynamo: dynamo.clone(),
            table: config.required("CONNECTIONS_TABLE")?.to_owned(),
            rate: (per_second > 0).then(|| Rate::new(per_second, burst)),
            open_jobs: (open_jobs > 0).then_some(open_jobs),
        })
    }

    /// Takes a token of the owner's for a submit of the job, and room for the job itself. A job that is
    /// counted already needs no more room.
    pub async fn admit_job(
        &self,
        owner: &Owner,
        job: JobId,
        jobs: &Jobs,
        now: Timestamp,
    ) -> Result<QuotaDecision> {
        if self.rate.is_none() && self.open_jobs.is_none() {
            return Ok(QuotaDecision::Yes);
        }
        let mut level = BucketState::Full;
        for _ in 0..TRIES {
            let Some(row) = self.reserve(owner, job, level, now).await? else {
                return Ok(QuotaDecision::Yes);
            };
            level = self.rate.map_or(level, |rate| rate.level(row.full_at, now));
            if let BucketState::Empty(then) = level {
                return Ok(QuotaDecision::TooFast(then));
            }
            let Some(most) = self.open_jobs.filter(|most| row.is_full(*most, job)) else {
                continue;
            };
            let ended = row.ended(jobs, now).await?;
            if ended.is_empty() {
                // A refusal costs a token too: it has cost us the reading of every open job.
                self.charge(owner, level, now).await?;
                return Ok(QuotaDecision::TooMany(most, now + RETRY_AFTER_FULL));
            }
            self.forget(owner, ended).await?;
        }
        Ok(QuotaDecision::TooFast(now + Duration::from_secs(1)))
    }

    /// Takes a token of the owner's for what is no job; or says when there will be one.
    pub async fn admit_action(&self, owner: &Owner, now: Timestamp) -> Result<Option<Timestamp>> {
        let Some(rate) = self.rate else {
            return Ok(None);
        };
        let mut level = BucketState::Full;
        for _ in 0..TRIES {
            let (update, set, condition) = token(self.update(owner), rate, level, now);
            let update = update
                .update_expression(format!("SET {set}, #ttl = :ttl"))
                .condition_expression(condition)
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":ttl", ttl(now + RETENTION));
            let Some(row) = self.refused(update).await? else {
                return Ok(None);
            };
            level = rate.level(row.full_at, now);
            if let BucketState::Empty(then) = level {
                return Ok(Some(then));
            }
        }
        Ok(Some(now + Duration::from_secs(1)))
    }

    /// The one write of a submit: the row as it is where it was refused.
    async fn reserve(
        &self,
        owner: &Owner,
        job: JobId,
        level: BucketState,
        now: Timestamp,
    ) -> Result<Option<Row>> {
        let (mut sets, mut conditions) = (vec!["reservedAt = :now", "#ttl = :ttl"], vec![]);
        let mut update = self
            .update(owner)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":ttl", ttl(now + RETENTION));
        if let Some(rate) = self.rate {
            let (set, condition);
            (update, set, condition) = token(update, rate, level, now);
            sets.push(set);
            conditions.push(condition);
        }
        let mut add = "";
        if let Some(most) = self.open_jobs {
            add = " ADD openJobs :job";
            conditions.push("(attribute_not_exists(openJobs) OR size(openJobs) < :most OR contains(openJobs, :id))");
            let id = job.to_string();
            update = update
                .expression_attribute_values(":job", AttributeValue::Ss(vec![id.clone()]))
                .expression_attribute_values(":id", text(id))
                .expression_attribute_values(":most", AttributeValue::N(most.to_string()));
        }
        let update = update
            .update_expression(format!("SET {}{add}", sets.join(", ")))
            .condition_expression(conditions.join(" AND "));
        self.refused(update).await
    }

    /// Takes a token and no room.
    async fn charge(&self, owner: &Owner, level: BucketState, now: Timestamp) -> Result<()> {
        if let Some(rate) = self.rate {
            let (update, set, condition) = token(self.update(owner), rate, level, now);
            let update = update
                .update_expression(format!("SET {set}"))
                .condition_expression(condition);
            self.refused(update).await?;
        }
        Ok(())
    }

    /// Takes ids out of the set.
    async fn forget(&self, owner: &Owner, ids: Vec<String>) -> Result<()> {
        let update = self
            .update(owner)
            .update_expression("DELETE openJobs :ids")
            .expression_attribute_values(":ids", AttributeValue::Ss(ids));
        self.refused(update).await.map(drop)
    }

    /// The row that a write's condition met; `None` where it held.
    async fn refused(&self, update: UpdateBuilder) -> Result<Option<Row>> {
        match self
            .dynamo
            .update(&update.build()?, ReturnValue::None)
            .await
        {
            Ok(_) => Ok(None),
            Err(WriteError::Refused(item)) => Ok(Some(Row::read(&item.unwrap_or_default())?)),
            Err(error) => Err(error).context("taking from a user's quota"),
        }
    }

    fn update(&self, owner: &Owner) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .key("connectionId", text(row_of(owner)))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
    }
}

/// What takes a token from a bucket of this level, and holds only for such a one.
fn token(
    update: UpdateBuilder,
    rate: Rate,
    level: BucketState,
    now: Timestamp,
) -> (UpdateBuilder, &'static str, &'static str) {
    let update = update.expression_attribute_values(":from", micros(now.as_microsecond()));
    match level {
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

    fn is_full(&self, most: usize, job: JobId) -> bool {
        self.open.len() >= most && !self.open.contains(&job.to_string())
    }

    /// Those of the set that are open no more: their rows say so, or there is none and no submit that is
    /// about to write it.
    async fn ended(&self, jobs: &Jobs, now: Timestamp) -> Result<Vec<String>> {
        let ids: Vec<JobId> = self.open.iter().flat_map(|id| JobId::parse(id)).collect();
        let rows = jobs.batch_get(&ids).await?;
        let is_under_way = now < self.reserved_at + UNDER_WAY;
        let has_ended = |id: &&String| {
            let row = rows.iter().find(|job| job.id.to_string() == **id);
            row.map_or(!is_under_way, |job| {
                job.status.is_terminal() || job.expires_at <= now
            })
        };
        Ok(self.open.iter().filter(has_ended).cloned().collect())
    }
}

/// The key of a user's row. No connection's id has a colon: API Gateway's are base64.
pub(crate) fn row_of(owner: &Owner) -> String {
    let tenant = owner.tenant.as_deref().unwrap_or_default();
    format!("user:{}:{tenant}:{}", tenant.len(), owner.user)
}

fn micros(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
