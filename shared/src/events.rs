//! The event log (table `job-events`): what is too large for the job's row.
//!
//! Keyed by job and entry. It never decides anything: an entry counts only because the row, written
//! under its condition, points at it.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client;

use crate::ids::JobId;
use crate::item::{Item, text, ttl};
use crate::job::{Input, Job, JobResult, Outcome};

#[derive(Clone)]
pub struct Events {
    dynamo: Client,
    table: String,
}

impl Events {
    pub fn new(dynamo: Client, table: String) -> Self {
        Self { dynamo, table }
    }

    /// Keeps an input that the job's row only names, before that row is written.
    pub async fn put_input(&self, job: &Job, input: &Input) -> Result<()> {
        let Some(key) = &job.input.logged else {
            return Ok(());
        };
        self.put(
            job,
            key,
            &[("query", &input.query), ("params", &input.params)],
        )
        .await
    }

    /// Keeps a large result, before the row that points at it. The key carries the fence, so that a
    /// superseded worker can't touch what another one's row points at.
    pub async fn put_result(&self, job: &Job, result: &str) -> Result<String> {
        let key = format!("result#{}#{}", job.replays, job.fence);
        self.put(job, &key, &[("result", result)]).await?;
        Ok(key)
    }

    /// The job with everything in it that its row only points at.
    pub async fn whole(&self, mut job: Job) -> Result<Job> {
        job.input = self.input(&job).await?;
        if let Some(Outcome::Completed(JobResult::Logged(key))) = &job.outcome {
            let entry = self.get(job.id, key).await?;
            let result = Item(&entry).text("result")?.to_owned();
            job.outcome = Some(Outcome::Completed(JobResult::Here(result)));
        }
        Ok(job)
    }

    /// The whole input of a job, wherever it stands.
    pub async fn input(&self, job: &Job) -> Result<Input> {
        let Some(key) = &job.input.logged else {
            return Ok(job.input.clone());
        };
        let entry = self.get(job.id, key).await?;
        let item = Item(&entry);
        Ok(Input::whole(
            item.text("query")?.to_owned(),
            item.text("params")?.to_owned(),
        ))
    }

    async fn put(&self, job: &Job, entry: &str, attributes: &[(&str, &str)]) -> Result<()> {
        let mut put = self
            .dynamo
            .put_item()
            .table_name(&self.table)
            .item("jobId", text(job.id.to_string()))
            .item("event", text(entry))
            .item("ttl", ttl(job.expires_at));
        for (name, value) in attributes {
            put = put.item(*name, text(*value));
        }
        put.send().await.context("writing to the event log")?;
        Ok(())
    }

    async fn get(&self, job: JobId, entry: &str) -> Result<crate::item::Attributes> {
        let get = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .key("jobId", text(job.to_string()))
            .key("event", text(entry))
            .consistent_read(true);
        let answer = get.send().await.context("reading the event log")?;
        answer
            .item
            .with_context(|| format!("the event log lacks the entry {entry} of job {job}"))
    }
}
