//! What the event log holds of a job, entry by entry, for whoever runs the stack.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::{EventLog, entries_of, is_of, stream_key};
use crate::aws::item::{Attributes, Item, text};
use crate::domain::job::Job;
use crate::domain::stream::{Stream, StreamEntry};

/// An entry, without what it holds.
#[derive(Debug, Clone)]
pub struct ListedEntry {
    /// Such as `stream#000000000003`, `step#0#...`, `input#...`, `result#0#1`.
    pub event: String,
    /// Of a stream's entry.
    pub at: Option<Timestamp>,
    /// Of its texts.
    pub bytes: usize,
}

impl EventLog {
    /// Every entry of the job, in the order of their keys; of its stream those that its row holds too.
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
            let answer = query.send().await.context("reading the event log")?;
            for item in answer.items().iter().filter(|item| is_of(item, job)) {
                let streamed = entries_of(&Item(item), "entries")?;
                if streamed.is_empty() {
                    listing.push(listed(item)?);
                }
                let next = Stream::after(logged, streamed, false, &[]).entries;
                logged = next.last().map_or(logged, |entry| entry.seq);
                listing.extend(next.iter().map(listed_entry));
            }
            match answer.last_evaluated_key {
                None => break,
                last => start = last,
            }
        }
        let tail = Stream::after(logged, vec![], true, &job.tail).entries;
        listing.extend(tail.iter().map(listed_entry));
        Ok(listing)
    }
}

fn listed_entry(entry: &StreamEntry) -> ListedEntry {
    ListedEntry {
        event: stream_key(entry.seq),
        at: Some(entry.at),
        bytes: entry.text().len(),
    }
}

fn listed(entry: &Attributes) -> Result<ListedEntry> {
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
