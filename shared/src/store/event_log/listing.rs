//! Lists the event log's entries of a job, for operators.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::{EventLog, belongs_to, entries, entries_key};
use crate::aws::item::{Attributes, Item, text};
use crate::domain::job::Job;
use crate::domain::log::{Log, LogEntry};

/// An entry without its content.
#[derive(Debug, Clone)]
pub struct ListedEntry {
    /// Such as `stream#000000000003`, `step#0#...`, `input#...`, `result#0#1`.
    pub event: String,
    /// Set for an event.
    pub at: Option<Timestamp>,
    /// The size of its texts.
    pub bytes: usize,
}

impl EventLog {
    /// Every entry of the job, in the order of the keys, with the events that its row holds.
    pub async fn listing(&self, job: &Job) -> Result<Vec<ListedEntry>> {
        let (mut listing, mut logged) = (vec![], 0);
        let mut start: Option<Attributes> = None;
        loop {
            let query = self
                .dynamo
                .query()
                .table_name(&self.table)
                .key_condition_expression("jobId = :job")
                .expression_attribute_values(":job", text(job.id.to_string()))
                .consistent_read(true)
                .set_exclusive_start_key(start.take());
            let response = query.send().await.context("reading the event log")?;
            for item in response.items().iter().filter(|item| belongs_to(item, job)) {
                let streamed = entries::parse(&Item(item), entries::STREAMED)?;
                if streamed.is_empty() {
                    listing.push(list_item(item)?);
                }
                let new = Log::after(logged, streamed, false, &[]).entries;
                logged = new.last().map_or(logged, |entry| entry.seq);
                listing.extend(new.iter().map(list_entry));
            }
            match response.last_evaluated_key {
                None => break,
                last => start = last,
            }
        }
        let tail = Log::after(logged, vec![], true, &job.tail).entries;
        listing.extend(tail.iter().map(list_entry));
        Ok(listing)
    }
}

fn list_entry(entry: &LogEntry) -> ListedEntry {
    ListedEntry {
        event: entries_key(entry.seq),
        at: Some(entry.at),
        bytes: entry.bytes(),
    }
}

fn list_item(entry: &Attributes) -> Result<ListedEntry> {
    let item = Item(entry);
    let held = entry
        .iter()
        .filter(|(name, _)| !["jobId", "event", "at", "createdAt"].contains(&name.as_str()));
    let bytes = held.map(|(_, value)| match value {
        AttributeValue::S(text) => text.len(),
        _ => 0,
    });
    Ok(ListedEntry {
        event: item.text("event")?.to_owned(),
        at: item.optional_time("at")?,
        bytes: bytes.sum(),
    })
}
