//! Jobs of everybody, for whoever runs the stack: no path that a user can trigger comes here.

use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;

use super::{Jobs, readable};
use crate::aws::item::{Attributes, text};
use crate::domain::job::{Job, OPEN_SHARDS};

/// Rows of one page.
const PAGE: i32 = 100;
/// A function's clock may be ahead of whoever looks.
const AHEAD: Duration = Duration::from_secs(3600);

/// Some of the jobs that were asked for.
pub struct ScanPage {
    pub jobs: Vec<Job>,
    /// Where to go on; `None` at the end.
    pub next: Option<Attributes>,
    /// Read units that DynamoDB billed for looking.
    pub read_units: f64,
}

/// Jobs that were looked for, and whether there may be more of them.
#[derive(Default)]
pub struct FoundJobs {
    pub jobs: Vec<Job>,
    pub more: bool,
}

impl FoundJobs {
    /// Takes of these what is `wanted`, up to `limit`.
    pub fn add(&mut self, jobs: Vec<Job>, wanted: impl Fn(&Job) -> bool, limit: usize) {
        for job in jobs.into_iter().filter(|job| wanted(job)) {
            if self.jobs.len() == limit {
                self.more = true;
                return;
            }
            self.jobs.push(job);
        }
    }
}

impl Jobs {
    /// Open jobs that are `wanted`, oldest first: of every shard of their index so many pages are read at
    /// most, and each until it has shown `limit` of them.
    pub async fn oldest_open(
        &self,
        wanted: impl Fn(&Job) -> bool,
        limit: usize,
        pages: usize,
        now: Timestamp,
    ) -> Result<FoundJobs> {
        let mut all = FoundJobs::default();
        for shard in 0..OPEN_SHARDS {
            let mut found = FoundJobs::default();
            let mut start = None;
            for _ in 0..pages {
                let (mut page, next) = self.still_open(shard, now + AHEAD, start).await?;
                page.sort_by_key(|job| (job.created_at, job.id));
                found.add(page, &wanted, limit);
                start = next;
                if start.is_none() || found.more {
                    break;
                }
            }
            all.more |= found.more || start.is_some();
            all.jobs.extend(found.jobs);
        }
        all.jobs.sort_by_key(|job| (job.created_at, job.id));
        all.more |= all.jobs.len() > limit;
        all.jobs.truncate(limit);
        Ok(all)
    }

    /// The user's jobs of every tenant, newest first, from the key `start` on.
    pub async fn of_user(&self, user: &str, start: Option<Attributes>) -> Result<ScanPage> {
        let query = self
            .dynamo
            .query()
            .table_name(&self.table)
            .index_name("by-user")
            .key_condition_expression("userId = :user")
            .expression_attribute_values(":user", text(user))
            .scan_index_forward(false)
            .limit(PAGE)
            .set_exclusive_start_key(start);
        let answer = query.send().await.context("listing a user's jobs")?;
        let mut jobs = self.batch(answer.items.unwrap_or_default()).await?;
        jobs.sort_by_key(|job| std::cmp::Reverse((job.created_at, job.id)));
        Ok(ScanPage {
            jobs,
            next: answer.last_evaluated_key,
            read_units: 0.0,
        })
    }

    /// The whole table, from the key `start` on, a megabyte at a time and in no order: billed by its
    /// size, whatever is looked for.
    pub async fn scan(&self, start: Option<Attributes>) -> Result<ScanPage> {
        let scan = self
            .dynamo
            .scan()
            .table_name(&self.table)
            .return_consumed_capacity(aws_sdk_dynamodb::types::ReturnConsumedCapacity::Total)
            .set_exclusive_start_key(start);
        let answer = scan.send().await.context("reading the table of jobs")?;
        let mut jobs = vec![];
        for item in answer.items() {
            jobs.extend(readable(item));
        }
        let units = answer.consumed_capacity.as_ref();
        Ok(ScanPage {
            jobs,
            read_units: units.and_then(|units| units.capacity_units).unwrap_or(0.0),
            next: answer.last_evaluated_key,
        })
    }
}
