//! The event log (table `job-events`): what is too large for the job's row.
//!
//! Keyed by job and entry. It never decides anything: an entry counts only because the row, written
//! under its condition, points at it.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

use crate::config::{Config, ConfigError};
use crate::ids::JobId;
use crate::item::{Attributes, Item, text, ttl};
use crate::job::{Input, Job, JobResult, Outcome};

#[derive(Clone)]
pub struct Events {
    dynamo: Client,
    table: String,
}

impl Events {
    /// The table that `JOB_EVENTS_TABLE` names.
    pub fn open(config: &Config, dynamo: &Client) -> Result<Self, ConfigError> {
        let table = config.required("JOB_EVENTS_TABLE")?.to_owned();
        Ok(Self {
            dynamo: dynamo.clone(),
            table,
        })
    }

    /// Keeps an input that the job's row only names, before that row is written.
    pub async fn put_input(&self, job: &Job, input: &Input) -> Result<()> {
        let Some(key) = &job.input.logged else {
            return Ok(());
        };
        let attributes = [("query", input.query.as_str()), ("params", &input.params)];
        self.put(job.id, key, &attributes, job.expires_at).await
    }

    /// Keeps a large result until `expires_at`, before the row that points at it. The key carries the
    /// fence, so that a superseded worker can't touch what another one's row points at.
    pub async fn put_result(
        &self,
        job: &Job,
        result: &str,
        expires_at: Timestamp,
    ) -> Result<String> {
        let key = format!("result#{}#{}", job.replays, job.fence);
        self.put(job.id, &key, &[("result", result)], expires_at)
            .await?;
        Ok(key)
    }

    /// The job with everything in it that its row only points at. Of an input past its retention,
    /// which is counted from the submit, the row's beginning stays.
    pub async fn whole(&self, mut job: Job) -> Result<Job> {
        if let Some(input) = self.input(&job).await? {
            job.input = input;
        }
        if let Some(Outcome::Completed(JobResult::Logged(key))) = &job.outcome {
            let entry = self.get(job.id, key).await?;
            let entry =
                entry.with_context(|| format!("the event log lacks {key} of job {}", job.id))?;
            let result = Item(&entry).text("result")?.to_owned();
            job.outcome = Some(Outcome::Completed(JobResult::Here(result)));
        }
        Ok(job)
    }

    /// The whole input of a job, wherever it stands; `None` if the log has it no longer.
    pub async fn input(&self, job: &Job) -> Result<Option<Input>> {
        let Some(key) = &job.input.logged else {
            return Ok(Some(job.input.clone()));
        };
        let Some(entry) = self.get(job.id, key).await? else {
            return Ok(None);
        };
        let item = Item(&entry);
        let (query, params) = (
            item.text("query")?.to_owned(),
            item.text("params")?.to_owned(),
        );
        Ok(Some(Input::whole(query, params)))
    }

    async fn put(
        &self,
        job: JobId,
        entry: &str,
        attributes: &[(&str, &str)],
        expires_at: Timestamp,
    ) -> Result<()> {
        let mut put = self
            .dynamo
            .put_item()
            .table_name(&self.table)
            .item("jobId", text(job.to_string()))
            .item("event", text(entry))
            .item("ttl", ttl(expires_at));
        for (name, value) in attributes {
            put = put.item(*name, text(*value));
        }
        put.send().await.context("writing to the event log")?;
        Ok(())
    }

    async fn get(&self, job: JobId, entry: &str) -> Result<Option<Attributes>> {
        let get = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .key("jobId", text(job.to_string()))
            .key("event", text(entry))
            .consistent_read(true);
        Ok(get.send().await.context("reading the event log")?.item)
    }
}
