//! How frames are written: their JSON, and times in it.

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde::Serialize;

/// Writes milliseconds.
const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

/// A time as frames have it: RFC 3339 in UTC, with milliseconds.
pub fn rfc3339(at: Timestamp) -> String {
    PRINTER.timestamp_to_string(&at)
}

/// The frame's JSON text, with its fields in the order of the type.
pub(super) fn to_json(frame: &impl Serialize) -> String {
    serde_json::to_string(frame).expect("frames have string keys and no failing types")
}

/// The frame's JSON text, with its fields sorted by name.
pub(super) fn sorted_json(frame: &impl Serialize) -> String {
    let value = serde_json::to_value(frame);
    value
        .expect("frames have string keys and no failing types")
        .to_string()
}
