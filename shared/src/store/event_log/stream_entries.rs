//! The attribute format of stream entries, in a job's row and in the event log.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::aws::item::{Item, ItemError, number, text, time};
use crate::domain::stream::{StreamContent, StreamEntry};

/// A list of maps.
pub(crate) fn encode(entries: &[StreamEntry]) -> AttributeValue {
    AttributeValue::L(entries.iter().map(encode_entry).collect())
}

/// The entries in the item's attribute of this name; empty if it is missing.
pub(crate) fn parse(item: &Item<'_>, name: &'static str) -> Result<Vec<StreamEntry>, ItemError> {
    let listed = item.maps(name)?;
    listed.iter().map(parse_entry).collect()
}

fn encode_entry(entry: &StreamEntry) -> AttributeValue {
    let mut map = HashMap::from([
        ("seq".to_owned(), number(entry.seq)),
        ("at".to_owned(), time(entry.at)),
    ]);
    match &entry.content {
        StreamContent::Chunk(content) => {
            map.insert("content".to_owned(), text(content));
        }
        StreamContent::Reset {
            attempt,
            keep_through,
        } => {
            map.insert("attempt".to_owned(), number((*attempt).into()));
            map.insert("keepThrough".to_owned(), number(*keep_through));
        }
    }
    AttributeValue::M(map)
}

fn parse_entry(item: &Item<'_>) -> Result<StreamEntry, ItemError> {
    let content = match item.optional_text("content")? {
        Some(content) => StreamContent::Chunk(content.to_owned()),
        None => StreamContent::Reset {
            attempt: item.number("attempt")?,
            keep_through: item.number("keepThrough")?,
        },
    };
    Ok(StreamEntry {
        seq: item.number("seq")?,
        at: item.time("at")?,
        content,
    })
}
