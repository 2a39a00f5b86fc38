//! What the event log holds of a job, entry by entry, for whoever runs the stack.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::Events;
use crate::ids::JobId;
use crate::item::{Attributes, Item, text};

/// An entry, without what it holds.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Such as `stream#000000000003`, `step#0#...`, `input#...`, `result#0#1`.
    pub event: String,
    /// Of a stream's entry.
    pub at: Option<Timestamp>,
    /// Of its texts.
    pub bytes: usize,
}

impl Events {
    /// Every entry of the job, in the order of their keys.
    pub async fn listing(&self, job: JobId) -> Result<Vec<Listed>> {
        let mut listing = vec![];
        let mut start: Option<Attributes> = None;
        loop {
            let query = self
                .dynamo
                .query()
                .table_name(&self.table)
                .key_condition_expression("jobId = :job")
                .expression_attribute_values(":job", text(job.to_string()))
                .consistent_read(true)
                .set_exclusive_start_key(start);
            let answer = query.send().await.context("reading the event log")?;
            for entry in answer.items() {
                listing.push(listed(entry)?);
            }
            match answer.last_evaluated_key {
                None => return Ok(listing),
                last => start = last,
            }
        }
    }
}

fn listed(entry: &Attributes) -> Result<Listed> {
    let item = Item(entry);
    let held = entry
        .iter()
        .filter(|(name, _)| !["jobId", "event", "at"].contains(&name.as_str()));
    let bytes = held.map(|(_, value)| match value {
        AttributeValue::S(text) => text.len(),
        _ => 0,
    });
    Ok(Listed {
        event: item.text("event")?.to_owned(),
        at: item.optional_time("at")?,
        bytes: bytes.sum(),
    })
}
