//! The attribute format of the log's entries, in a job's row and in the event log: the streamed ones in one list, the
//! others in a second one, which versions before 2026-12 don't know and leave as it is.
//!
//! Of the second list each map that has a `percent` is a report; the rarer sorts have a `type`. Its times are in
//! milliseconds, so that the five events of a usual job fit the row.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use crate::aws::item::{Item, ItemError, number, text, time};
use crate::domain::log::{EntryContent, LogEntry};

const ATTEMPT_STARTED: &str = "attempt_started";
const ATTEMPT_FAILED: &str = "attempt_failed";
const WORKER_LOST: &str = "worker_lost";
const HANDED_OVER: &str = "handed_over";
const STEP: &str = "step";
const RUN_FAILED: &str = "job_failed";

/// The list of the streamed entries.
pub(crate) const STREAMED: &str = "entries";
/// The list of all others.
pub(crate) const EVENTS: &str = "events";

/// The lists of the streamed entries and of all others; `None` for an empty one.
pub(crate) fn encode(entries: &[LogEntry]) -> [Option<AttributeValue>; 2] {
    let list = |streamed: bool| {
        let of_list = entries.iter().filter(|e| e.is_streamed() == streamed);
        let maps: Vec<_> = of_list.map(encode_entry).collect();
        (!maps.is_empty()).then_some(AttributeValue::L(maps))
    };
    [list(true), list(false)]
}

/// The entries in the item's two lists, in order. The list of the streamed ones has this name.
pub(crate) fn parse(item: &Item<'_>, streamed: &'static str) -> Result<Vec<LogEntry>, ItemError> {
    let (streamed, events) = (item.maps(streamed)?, item.maps(EVENTS)?);
    let mut entries = vec![];
    for map in &streamed {
        entries.push(parse_streamed(map)?);
    }
    for map in &events {
        entries.push(parse_event(map)?);
    }
    entries.sort_by_key(|entry| entry.seq);
    Ok(entries)
}

fn encode_entry(entry: &LogEntry) -> AttributeValue {
    let at = match entry.is_streamed() {
        true => time(entry.at),
        false => number(entry.at.as_millisecond().unsigned_abs()),
    };
    let mut map = HashMap::from([("seq".to_owned(), number(entry.seq)), ("at".to_owned(), at)]);
    let mut put = |name: &str, value: AttributeValue| drop(map.insert(name.to_owned(), value));
    let flag = AttributeValue::Bool;
    match &entry.content {
        EntryContent::Progress {
            percent,
            message,
            attempt,
            retrying,
        } => {
            put("percent", number((*percent).into()));
            put("message", text(message));
            put("attempt", number((*attempt).into()));
            if *retrying {
                put("retrying", flag(true));
            }
        }
        EntryContent::Chunk(content) => put("content", text(content)),
        EntryContent::Reset {
            attempt,
            keep_through,
        } => {
            put("attempt", number((*attempt).into()));
            put("keepThrough", number(*keep_through));
        }
        EntryContent::AttemptStarted {
            attempt,
            invocation,
            resumed,
        } => {
            put("type", text(ATTEMPT_STARTED));
            put("attempt", number((*attempt).into()));
            put("invocation", text(invocation));
            put("resumed", flag(*resumed));
        }
        EntryContent::AttemptFailed {
            attempt,
            code,
            message,
            retry_at,
        } => {
            put("type", text(ATTEMPT_FAILED));
            put("attempt", number((*attempt).into()));
            put("code", text(code));
            put("message", text(message));
            put("retryAt", number(retry_at.as_millisecond().unsigned_abs()));
        }
        EntryContent::WorkerLost { attempt } => {
            put("type", text(WORKER_LOST));
            put("attempt", number((*attempt).into()));
        }
        EntryContent::HandedOver { attempt } => {
            put("type", text(HANDED_OVER));
            put("attempt", number((*attempt).into()));
        }
        EntryContent::StepSaved { name, ms } => {
            put("type", text(STEP));
            put("name", text(name));
            put("ms", number(*ms));
        }
        EntryContent::RunFailed {
            code,
            message,
            retryable,
            attempts,
        } => {
            put("type", text(RUN_FAILED));
            put("attempts", number((*attempts).into()));
            put("code", text(code));
            put("message", text(message));
            put("retryable", flag(*retryable));
        }
    }
    AttributeValue::M(map)
}

fn parse_streamed(item: &Item<'_>) -> Result<LogEntry, ItemError> {
    let content = match item.optional_text("content")? {
        Some(content) => EntryContent::Chunk(content.to_owned()),
        None => EntryContent::Reset {
            attempt: item.number("attempt")?,
            keep_through: item.number("keepThrough")?,
        },
    };
    Ok(LogEntry {
        seq: item.number("seq")?,
        at: item.time("at")?,
        content,
    })
}

fn parse_event(item: &Item<'_>) -> Result<LogEntry, ItemError> {
    let content = match item.optional_text("type")? {
        Some(kind) => parse_typed(item, kind)?,
        None => EntryContent::Progress {
            percent: item.number("percent")?,
            message: item.text("message")?.to_owned(),
            attempt: item.number("attempt")?,
            retrying: item.flag("retrying")?,
        },
    };
    Ok(LogEntry {
        seq: item.number("seq")?,
        at: millis(item, "at")?,
        content,
    })
}

/// A time in milliseconds since 1970.
fn millis(item: &Item<'_>, name: &'static str) -> Result<Timestamp, ItemError> {
    let millis: i64 = item.number(name)?;
    Timestamp::from_millisecond(millis).map_err(|_| ItemError(name))
}

fn parse_typed(item: &Item<'_>, kind: &str) -> Result<EntryContent, ItemError> {
    let attempt = || item.number("attempt");
    Ok(match kind {
        ATTEMPT_STARTED => EntryContent::AttemptStarted {
            attempt: attempt()?,
            invocation: item.text("invocation")?.to_owned(),
            resumed: item.flag("resumed")?,
        },
        ATTEMPT_FAILED => EntryContent::AttemptFailed {
            attempt: attempt()?,
            code: item.text("code")?.to_owned(),
            message: item.text("message")?.to_owned(),
            retry_at: millis(item, "retryAt")?,
        },
        WORKER_LOST => EntryContent::WorkerLost {
            attempt: attempt()?,
        },
        HANDED_OVER => EntryContent::HandedOver {
            attempt: attempt()?,
        },
        STEP => EntryContent::StepSaved {
            name: item.text("name")?.to_owned(),
            ms: item.number("ms")?,
        },
        RUN_FAILED => EntryContent::RunFailed {
            code: item.text("code")?.to_owned(),
            message: item.text("message")?.to_owned(),
            retryable: item.flag("retryable")?,
            attempts: item.number("attempts")?,
        },
        _ => return Err(ItemError("type")),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap as Attributes;

    use jiff::Timestamp;

    use super::*;

    #[test]
    fn each_sort_is_read_as_it_was_written() {
        let at = Timestamp::from_millisecond(1_700_000_000_123).unwrap();
        let contents = [
            EntryContent::Progress {
                percent: 40,
                message: "Reading".into(),
                attempt: 2,
                retrying: true,
            },
            EntryContent::Chunk(String::new()),
            EntryContent::Reset {
                attempt: 2,
                keep_through: 3,
            },
            EntryContent::AttemptStarted {
                attempt: 2,
                invocation: "i".into(),
                resumed: true,
            },
            EntryContent::AttemptFailed {
                attempt: 1,
                code: "FLAKY".into(),
                message: "Not now.".into(),
                retry_at: at,
            },
            EntryContent::WorkerLost { attempt: 1 },
            EntryContent::HandedOver { attempt: 1 },
            EntryContent::StepSaved {
                name: "read".into(),
                ms: 12,
            },
            EntryContent::RunFailed {
                code: "FLAKY".into(),
                message: "Not now.".into(),
                retryable: true,
                attempts: 3,
            },
        ];
        let entry = |(seq, content)| LogEntry { seq, at, content };
        let entries: Vec<LogEntry> = (1..).zip(contents).map(entry).collect();
        let [streamed, events] = encode(&entries);
        let item = Attributes::from([
            (STREAMED.to_owned(), streamed.unwrap()),
            (EVENTS.to_owned(), events.unwrap()),
        ]);
        assert_eq!(parse(&Item(&item), STREAMED).unwrap(), entries);
    }
}
