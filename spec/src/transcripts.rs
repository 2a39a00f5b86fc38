//! The frames of the golden transcripts, with values in place of their placeholders.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// A frame of a transcript.
pub struct Recorded {
    /// The transcript's file name, without its extension.
    pub transcript: String,
    pub is_from_client: bool,
    pub frame: Value,
}

/// Every frame of every transcript in the folder, by name of the file and in order.
pub fn read(folder: &Path) -> Result<Vec<Recorded>> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .with_context(|| folder.display().to_string())?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    let mut frames = vec![];
    for path in paths {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        for line in fs::read_to_string(&path)?.lines() {
            let sent = line.split_once(" → {").map(|(_, frame)| (true, frame));
            let received = || line.split_once(" ← {").map(|(_, frame)| (false, frame));
            let Some((is_from_client, frame)) = sent.or_else(received) else {
                continue;
            };
            let mut frame: Value = serde_json::from_str(&format!("{{{frame}"))
                .with_context(|| format!("{name}: {line}"))?;
            replace_placeholders("", &mut frame);
            // The times of this dialect are text.
            let kind = frame["type"].as_str().unwrap_or_default();
            if !is_from_client && (kind.starts_with("text_") || kind.starts_with("voice_")) {
                frame["timestamp"] = "2026-01-01T00:00:00.000Z".into();
            }
            frames.push(Recorded {
                transcript: name.clone().into_owned(),
                is_from_client,
                frame,
            });
        }
    }
    Ok(frames)
}

fn replace_placeholders(name: &str, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                replace_placeholders(name, value);
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| replace_placeholders(name, item)),
        Value::String(text) => {
            if let Some(replaced) = replacement(name, text) {
                *value = replaced;
            }
        }
        _ => {}
    }
}

fn replacement(name: &str, text: &str) -> Option<Value> {
    let uuid = "0190c6f3-0000-7000-8000-000000000001";
    match text {
        "<time>" if matches!(name, "timestamp" | "expiresAt" | "ttl") => Some(json!(1_767_225_600)),
        "<time>" => Some("2026-01-01T00:00:00.000Z".into()),
        "<seq>" => Some(json!(7)),
        "<ms>" => Some(json!(1200)),
        "<cursor>" => Some("cursor".into()),
        _ => {
            // `<job 1>`, or a topic, a dot and `<subscription 1>`.
            let (before, placeholder) = text.split_at(text.find('<')?);
            let inside = placeholder.strip_prefix('<')?.strip_suffix('>')?;
            let (_, number) = inside.rsplit_once(' ')?;
            let number: u8 = number.parse().ok()?;
            let id = format!("{}{}", &uuid[..35], number % 10);
            Some(format!("{before}{id}").into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_become_values() {
        let mut frame = json!({"jobId": "<job 2>", "seq": "<seq>", "subscriptionId": "deals.<subscription 1>", "a < b": "a < b"});
        replace_placeholders("", &mut frame);
        let expected = json!({"jobId": "0190c6f3-0000-7000-8000-000000000002", "seq": 7,
            "subscriptionId": "deals.0190c6f3-0000-7000-8000-000000000001", "a < b": "a < b"});
        assert_eq!(frame, expected);
    }
}
