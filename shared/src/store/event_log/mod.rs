//! The event log (table `job-events`), keyed by job and entry: large inputs and results, the events, and
//! checkpoints.
//!
//! An entry counts because the job's row points at it or held it before, or because it was written in one
//! transaction with the row.

pub(crate) mod entries;
mod listing;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::Put;
use jiff::Timestamp;

use crate::aws::dynamo::Dynamo;
use crate::aws::item::{Attributes, Item, text, time, ttl};
use crate::domain::ids::JobId;
use crate::domain::job::{Job, JobInput, JobResult, Outcome};
use crate::domain::limits;
use crate::domain::log::{Log, LogEntry};
use crate::store::results::Results;

/// More than any job's sequence number.
const MAX_SEQ: u64 = 999_999_999_999;
/// Items of a log read by one query. An item is about as large as a frame at most.
const ITEMS_PER_QUERY: i32 = 100;

pub use listing::ListedEntry;

/// An entry that is written in one transaction with a change of its job's row
/// ([`crate::store::jobs::Jobs::commit_with_entry`]).
#[derive(Debug, Clone)]
pub struct EntryPut {
    table: String,
    item: Attributes,
}

impl EntryPut {
    pub(crate) fn put(self) -> Result<Put, BuildError> {
        Put::builder()
            .table_name(self.table)
            .set_item(Some(self.item))
            .build()
    }
}

/// A checkpoint: the result of a step, and what it streamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepResult {
    /// JSON.
    pub result: String,
    pub streamed_text: String,
}

#[derive(Clone)]
pub struct EventLog {
    dynamo: Dynamo,
    table: String,
    /// For results that are too large for the log.
    results: Results,
}

impl EventLog {
    pub fn new(dynamo: &Dynamo, table: String, results: Results) -> Self {
        Self {
            dynamo: dynamo.clone(),
            table,
            results,
        }
    }

    /// Stores an input that is too large for the job's row, before that row is written.
    pub async fn put_input(&self, job: &Job, input: &JobInput) -> Result<()> {
        let Some(key) = &job.input.log_key else {
            return Ok(());
        };
        let attributes = [("query", input.query.as_str()), ("params", &input.params)];
        self.put(job.id, key, &attributes, job.expires_at).await
    }

    /// Stores a result, until `expires_at` and before the row that points at it: inline in the row, in this log
    /// or in the bucket, depending on its size. Returns it as the row stores it, and as followers receive it.
    /// The key contains the fence, so a stale worker can't overwrite the entry of another one's row.
    pub async fn put_result(
        &self,
        job: &Job,
        result: String,
        expires_at: Timestamp,
    ) -> Result<(JobResult, JobResult)> {
        if result.len() <= limits::RESULT_IN_ROW_BYTES {
            return Ok((JobResult::Inline(result.clone()), JobResult::Inline(result)));
        }
        if result.len() <= limits::RESULT_IN_FRAME_BYTES {
            let key = format!("result#{}#{}", job.replays, job.fence);
            self.put(job.id, &key, &[("result", &result)], expires_at)
                .await?;
            return Ok((JobResult::EventLog(key), JobResult::Inline(result)));
        }
        let stored = self.results.put(job, result).await?;
        let with_url = self.results.with_url(stored.clone()).await?;
        Ok((JobResult::Object(stored), JobResult::Object(with_url)))
    }

    /// Loads what the job's row only points at: the input, the result, and the streamed text of a cancelled
    /// job. After the input's retention, which counts from the submit, the row's preview of it remains.
    pub async fn with_result(&self, mut job: Job) -> Result<Job> {
        if let Some(input) = self.input(&job).await? {
            job.input = input;
        }
        if let Some(Outcome::Cancelled { by, .. }) = job.outcome.clone() {
            let content = self.text(&job).await?;
            job.outcome = Some(Outcome::Cancelled { by, content });
        }
        if let Some(Outcome::Completed(JobResult::EventLog(key))) = &job.outcome {
            let entry = self.get(job.id, key).await?;
            let entry =
                entry.with_context(|| format!("the event log lacks {key} of job {}", job.id))?;
            let result = Item(&entry).text("result")?.to_owned();
            job.outcome = Some(Outcome::Completed(JobResult::Inline(result)));
        }
        if let Some(Outcome::Completed(JobResult::Object(stored))) = &job.outcome {
            let with_url = self.results.with_url(stored.clone()).await?;
            job.outcome = Some(Outcome::Completed(JobResult::Object(with_url)));
        }
        Ok(job)
    }

    /// The whole input of a job; `None` if the log no longer has it.
    pub async fn input(&self, job: &Job) -> Result<Option<JobInput>> {
        let Some(key) = &job.input.log_key else {
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
        Ok(Some(JobInput::whole(query, params)))
    }

    /// Writes entries that are in the job's row, before they are removed from the row.
    pub async fn put_entries(&self, job: &Job, entries: &[LogEntry]) -> Result<()> {
        self.write(self.entries_item(job, entries)).await
    }

    /// The write of these entries in a transaction with the job's row, which does not count the last one yet.
    pub fn entries_put(&self, job: &Job, entries: &[LogEntry]) -> EntryPut {
        self.entry_put(self.entries_item(job, entries))
    }

    /// The key is the last entry's sequence number, so it sorts after all earlier entries.
    fn entries_item(&self, job: &Job, logged: &[LogEntry]) -> Attributes {
        let last = logged.last().map_or(0, |entry| entry.seq);
        let mut item = self.own_item(job, &entries_key(last));
        for (name, list) in [entries::STREAMED, entries::EVENTS]
            .iter()
            .zip(entries::encode(logged))
        {
            if let Some(list) = list {
                item.insert((*name).to_owned(), list);
            }
        }
        item
    }

    /// The job's entries after the sequence number `after`, up to the size of one response. `job` must have been read
    /// before.
    pub async fn entries(&self, job: &Job, after: u64) -> Result<Log> {
        self.read(job, after, |_| true).await
    }

    /// The streamed ones of the job's entries after the sequence number `after`, up to the size of one response. `job`
    /// must have been read before.
    pub async fn stream(&self, job: &Job, after: u64) -> Result<Log> {
        if job.stream_seq <= after {
            return Ok(Log::empty());
        }
        self.read(job, after, LogEntry::is_streamed).await
    }

    /// The entries of this sort.
    async fn read(&self, job: &Job, after: u64, wanted: fn(&LogEntry) -> bool) -> Result<Log> {
        let query = self
            .dynamo
            .query()
            .table_name(&self.table)
            .key_condition_expression("jobId = :job AND #event BETWEEN :first AND :last")
            .expression_attribute_names("#event", "event")
            .expression_attribute_values(":job", text(job.id.to_string()))
            .expression_attribute_values(":first", text(entries_key(after + 1)))
            .expression_attribute_values(":last", text(entries_key(MAX_SEQ)))
            .consistent_read(true)
            .limit(ITEMS_PER_QUERY);
        let (mut logged, mut start) = (vec![], None);
        let complete = loop {
            let page = query.clone().set_exclusive_start_key(start);
            let response = page.send().await.context("reading a job's event log")?;
            for item in response.items().iter().filter(|item| belongs_to(item, job)) {
                let entries = entries::parse(&Item(item), entries::STREAMED)?;
                // A later write than the row that was read is left to the next request.
                let known = |entry: &LogEntry| entry.seq <= job.seq && wanted(entry);
                logged.extend(entries.into_iter().filter(known));
            }
            match response.last_evaluated_key {
                None => break true,
                Some(_) if !logged.is_empty() => break false,
                next => start = next,
            }
        };
        let tail: Vec<LogEntry> = job.tail.iter().filter(|e| wanted(e)).cloned().collect();
        Ok(Log::after(after, logged, complete, &tail).truncated_to(limits::ANSWER_BYTES))
    }

    /// The streamed entries of the job.
    pub async fn whole_stream(&self, job: &Job) -> Result<Log> {
        let mut whole = Log::empty();
        loop {
            let after = whole.entries.last().map_or(0, |entry| entry.seq);
            let next = self.stream(job, after).await?;
            whole.entries.extend(next.entries);
            if next.complete {
                return Ok(whole);
            }
        }
    }

    /// The streamed text, cut to the size of a frame; `None` if nothing was streamed.
    async fn text(&self, job: &Job) -> Result<Option<String>> {
        if job.stream_seq == 0 {
            return Ok(None);
        }
        let chunks = self.whole_stream(job).await?.chunks();
        let streamed: String = chunks.map(|(_, content)| content).collect();
        let prefix = limits::json_prefix(&streamed, limits::RESULT_IN_FRAME_BYTES);
        Ok(Some(prefix.to_owned()))
    }

    /// The log entry of a checkpoint.
    pub fn step_put(&self, job: &Job, step: &str, step_result: &StepResult) -> EntryPut {
        let mut item = self.own_item(job, &step_key(job, step));
        // A step that streamed its result stores, and pays for, the text once.
        if step_result.result != json_string(&step_result.streamed_text) {
            item.insert("result".to_owned(), text(&step_result.result));
        }
        if !step_result.streamed_text.is_empty() {
            item.insert("streamed".to_owned(), text(&step_result.streamed_text));
        }
        self.entry_put(item)
    }

    /// The checkpoint of a step of the job, if there is one.
    pub async fn load_step(&self, job: &Job, step: &str) -> Result<Option<StepResult>> {
        let entry = self.get(job.id, &step_key(job, step)).await?;
        let Some(entry) = entry.filter(|entry| belongs_to(entry, job)) else {
            return Ok(None);
        };
        let item = Item(&entry);
        let streamed = item.optional_text("streamed")?.unwrap_or_default();
        let result = item.optional_text("result")?;
        Ok(Some(StepResult {
            result: result.map_or_else(|| json_string(streamed), str::to_owned),
            streamed_text: streamed.to_owned(),
        }))
    }

    fn entry_put(&self, item: Attributes) -> EntryPut {
        EntryPut {
            table: self.table.clone(),
            item,
        }
    }

    /// An item that counts for this job alone. With an idempotency key a new job can get the same id after the
    /// retention, before the table has removed the old job's entries.
    fn own_item(&self, job: &Job, entry: &str) -> Attributes {
        let mut item = self.item(job.id, entry, job.expires_at);
        item.insert("createdAt".to_owned(), time(job.created_at));
        item
    }

    fn item(&self, job: JobId, entry: &str, expires_at: Timestamp) -> Attributes {
        Attributes::from([
            ("jobId".to_owned(), text(job.to_string())),
            ("event".to_owned(), text(entry)),
            ("ttl".to_owned(), ttl(expires_at)),
        ])
    }

    async fn put(
        &self,
        job: JobId,
        entry: &str,
        attributes: &[(&str, &str)],
        expires_at: Timestamp,
    ) -> Result<()> {
        let mut item = self.item(job, entry, expires_at);
        for (name, value) in attributes {
            item.insert((*name).to_owned(), text(*value));
        }
        self.write(item).await
    }

    async fn write(&self, item: Attributes) -> Result<()> {
        let put = Put::builder().table_name(&self.table);
        let put = put.set_item(Some(item)).build()?;
        let written = self.dynamo.put(&put).await;
        written.context("writing to the event log")
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

/// Whether an entry belongs to this job, or counts for any job that points at it.
fn belongs_to(entry: &Attributes, job: &Job) -> bool {
    let created = entry.get("createdAt");
    created.is_none_or(|created| *created == time(job.created_at))
}

/// The key of a stream entry. Keys sort like their numbers.
fn entries_key(seq: u64) -> String {
    format!("stream#{seq:012}")
}

/// The text as a JSON string.
fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn step_key(job: &Job, step: &str) -> String {
    format!("step#{}#{step}", job.steps_run)
}
