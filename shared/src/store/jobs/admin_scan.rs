//! Reads jobs of all users, for operators and admins. No user's request reads them.

use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;

use super::{Jobs, parse_or_log};
use crate::aws::item::{Attributes, text};
use crate::domain::job::{Job, OPEN_SHARDS};
use crate::domain::job_list::FoundJobs;

/// Rows read at once.
const PAGE: i32 = 100;
/// A function's clock may be ahead of the reader's by this.
const CLOCK_SKEW: Duration = Duration::from_secs(3600);

/// A page of jobs.
pub struct ScanPage {
    pub jobs: Vec<Job>,
    /// The key of the next page; `None` on the last.
    pub next: Option<Attributes>,
    /// Read units that DynamoDB billed for the page.
    pub read_units: f64,
}

impl Jobs {
    /// The open jobs that match, oldest first, up to `limit`. At most `pages` pages of each shard of the index are read.
    pub async fn oldest_open(
        &self,
        matches: impl Fn(&Job) -> bool,
        limit: usize,
        pages: usize,
        now: Timestamp,
    ) -> Result<FoundJobs> {
        let mut all = FoundJobs::default();
        for shard in 0..OPEN_SHARDS {
            let mut found = FoundJobs::default();
            let mut start = None;
            for _ in 0..pages {
                let (mut page, next) = self.open_in_shard(shard, now + CLOCK_SKEW, start).await?;
                page.sort_by_key(|job| (job.created_at, job.id));
                found.add(page, &matches, limit);
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

    /// A page of the user's jobs of every tenant, newest first, from the key `start` on.
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
        let response = query.send().await.context("listing a user's jobs")?;
        let mut jobs = self.batch(response.items.unwrap_or_default()).await?;
        jobs.sort_by_key(|job| std::cmp::Reverse((job.created_at, job.id)));
        Ok(ScanPage {
            jobs,
            next: response.last_evaluated_key,
            read_units: 0.0,
        })
    }

    /// A page (one megabyte) of the whole table, in no order, from the key `start` on. It is billed by its size.
    pub async fn scan(&self, start: Option<Attributes>) -> Result<ScanPage> {
        let scan = self
            .dynamo
            .scan()
            .table_name(&self.table)
            .return_consumed_capacity(aws_sdk_dynamodb::types::ReturnConsumedCapacity::Total)
            .set_exclusive_start_key(start);
        let response = scan.send().await.context("reading the jobs table")?;
        let mut jobs = vec![];
        for item in response.items() {
            jobs.extend(parse_or_log(item));
        }
        let units = response.consumed_capacity.as_ref();
        Ok(ScanPage {
            jobs,
            read_units: units.and_then(|units| units.capacity_units).unwrap_or(0.0),
            next: response.last_evaluated_key,
        })
    }
}
