//! Golden transcripts: the frames that a front end sends and receives, compared with the files in `tests/transcripts`.
//!
//! They are documentation too, so ids, times and numbers are replaced by placeholders. Consecutive pieces of one answer
//! are joined, since the places where it is cut depend on the clock. `LONGHAUL_TRANSCRIPTS=write` writes the files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value};

use crate::support::cli::repository_root;
use crate::support::client::Client;

/// In characters. Of a longer text only its beginning is written.
const MAX_TEXT: usize = 160;
/// The fields that hold sequence numbers of events.
const SEQUENCE_NUMBERS: [&str; 5] = ["seq", "head", "after", "keepThrough", "skippedThrough"];

pub struct Transcript {
    file: PathBuf,
    lines: Vec<String>,
    /// Placeholders by the id that they stand for.
    placeholders: BTreeMap<String, String>,
    /// The last frame received, and by which client, while more pieces of the same answer may follow.
    pending: Option<(String, Value)>,
    /// The last sequence number by client and job.
    last_seq: BTreeMap<(String, String), u64>,
}

impl Transcript {
    /// A transcript for the file of this name, under this title.
    pub fn new(name: &str, title: &str) -> Self {
        let lines = [
            title,
            "",
            "→ is a frame that the front end sends, ← one that it receives. Ids, times and numbers are replaced by",
            "placeholders, consecutive pieces of one answer are joined, long texts are cut, and progress_update is left out.",
            "",
        ];
        Self {
            file: repository_root()
                .join("tests/transcripts")
                .join(format!("{name}.txt")),
            lines: lines.map(str::to_owned).to_vec(),
            placeholders: BTreeMap::new(),
            pending: None,
            last_seq: BTreeMap::new(),
        }
    }

    /// Adds a sentence between the frames.
    pub fn note(&mut self, sentence: &str) {
        self.flush();
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
        self.lines.extend([sentence.to_owned(), String::new()]);
    }

    /// Sends a frame as the client of this name.
    pub async fn send(&mut self, who: &str, client: &mut Client, frame: Value) -> Result<()> {
        self.flush();
        let text = self.render(&frame);
        self.lines.push(format!("{who} → {text}"));
        client.send(frame).await
    }

    /// Receives frames up to and including the first that meets the condition, and returns that one.
    pub async fn until(
        &mut self,
        who: &str,
        client: &mut Client,
        is_last: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        loop {
            let frame = client.next().await.with_context(|| self.lines.join("\n"))?;
            self.record(who, &frame)?;
            if is_last(&frame) {
                return Ok(frame);
            }
        }
    }

    /// Sends a frame and receives frames up to the first of this type.
    pub async fn request(
        &mut self,
        who: &str,
        client: &mut Client,
        frame: Value,
        kind: &str,
    ) -> Result<Value> {
        self.send(who, client, frame).await?;
        self.until(who, client, |frame| frame["type"] == kind).await
    }

    fn record(&mut self, who: &str, frame: &Value) -> Result<()> {
        ensure!(
            frame["type"].is_string()
                && (frame["timestamp"].is_u64() || frame["timestamp"].is_string()),
            "{frame}"
        );
        if let (Some(job), Some(seq)) = (frame["jobId"].as_str(), frame["seq"].as_u64()) {
            let last = self.last_seq.insert((who.to_owned(), job.to_owned()), seq);
            ensure!(last.is_none_or(|last| last <= seq), "out of order: {frame}");
        }
        if is_progress(frame) {
            return Ok(());
        }
        if let Some((by, pending)) = &mut self.pending
            && by == who
            && append_piece(pending, frame)
        {
            return Ok(());
        }
        self.flush();
        self.pending = Some((who.to_owned(), frame.clone()));
        Ok(())
    }

    fn flush(&mut self) {
        if let Some((who, frame)) = self.pending.take() {
            let text = self.render(&frame);
            self.lines.push(format!("{who} ← {text}"));
        }
    }

    /// Compares with the file; panics where they differ.
    pub fn compare(mut self) -> Result<()> {
        self.flush();
        let text = self.lines.join("\n") + "\n";
        if std::env::var("LONGHAUL_TRANSCRIPTS").as_deref() == Ok("write") {
            std::fs::write(&self.file, &text)?;
        }
        let expected = std::fs::read_to_string(&self.file).with_context(|| {
            format!(
                "{}: LONGHAUL_TRANSCRIPTS=write writes it",
                self.file.display()
            )
        })?;
        assert!(
            expected == text,
            "{} differs from:\n{text}",
            self.file.display()
        );
        Ok(())
    }

    /// A frame as a line: its action or type first, ids and times last.
    fn render(&mut self, frame: &Value) -> String {
        let frame = self.with_placeholders("", frame);
        let Value::Object(fields) = frame else {
            return frame.to_string();
        };
        let is_later = |name: &&String| !matches!(name.as_str(), "action" | "type");
        let mut names: Vec<&String> = fields.keys().collect();
        names.sort_by_key(|name| {
            (
                is_later(name),
                matches!(name.as_str(), "jobId" | "seq" | "timestamp" | "requestId"),
            )
        });
        let field = |name: &String| format!("{}:{}", Value::from(name.as_str()), fields[name]);
        let fields: Vec<String> = names.into_iter().map(field).collect();
        format!("{{{}}}", fields.join(","))
    }

    fn with_placeholders(&mut self, name: &str, value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let fields = fields
                    .iter()
                    .map(|(name, value)| (name.clone(), self.with_placeholders(name, value)));
                Value::Object(fields.collect::<Map<String, Value>>())
            }
            Value::Array(items) => items
                .iter()
                .filter(|item| !is_progress(item))
                .map(|item| self.with_placeholders(name, item))
                .collect(),
            Value::Number(_) if matches!(name, "timestamp" | "expiresAt" | "ttl") => {
                "<time>".into()
            }
            Value::Number(_) if SEQUENCE_NUMBERS.contains(&name) => "<seq>".into(),
            Value::Number(_) if matches!(name, "queuedMs" | "runMs") => "<ms>".into(),
            Value::String(text) => self.text_placeholder(name, text).into(),
            other => other.clone(),
        }
    }

    fn text_placeholder(&mut self, name: &str, text: &str) -> String {
        if name == "subscriptionId"
            && let Some((topic, id)) = text.rsplit_once('.')
            && id.len() == 36
        {
            return format!("{topic}.{}", self.text_placeholder(name, id));
        }
        if text.len() == 36 && text.bytes().filter(|byte| *byte == b'-').count() == 4 {
            if let Some(known) = self.placeholders.get(text) {
                return known.clone();
            }
            let kind = match name {
                "jobId" => "job",
                "sessionId" | "cursor" => "session",
                "subscriptionId" => "subscription",
                "notificationId" => "notification",
                "publishedId" => "published",
                other => other,
            };
            let number = self
                .placeholders
                .values()
                .filter(|name| name.starts_with(&format!("<{kind} ")))
                .count()
                + 1;
            let known = format!("<{kind} {number}>");
            self.placeholders.insert(text.to_owned(), known.clone());
            return known;
        }
        let known = self.placeholders.get(text).cloned();
        if let Some(known) = known.filter(|known| known.starts_with("<connection")) {
            return known;
        }
        if name == "connectionId" {
            let is_one = |name: &&String| name.starts_with("<connection");
            let number = self.placeholders.values().filter(is_one).count() + 1;
            let known = format!("<connection {number}>");
            self.placeholders.insert(text.to_owned(), known.clone());
            return known;
        }
        if name == "cursor" && text.contains('~') {
            return "<cursor>".to_owned();
        }
        if text.len() == 24 && text.ends_with('Z') && text.as_bytes()[10] == b'T' {
            return "<time>".to_owned();
        }
        match text.char_indices().nth(MAX_TEXT) {
            Some((cut, _)) => format!("{} ... ({} characters)", &text[..cut], text.chars().count()),
            None => text.to_owned(),
        }
    }
}

/// The number of these frames depends on the clock, so they are left out.
fn is_progress(frame: &Value) -> bool {
    frame["type"] == "progress_update"
}

/// Appends the text of the next frame where it is the next piece of the same answer; returns whether it is.
fn append_piece(pending: &mut Value, next: &Value) -> bool {
    let path = match pending["type"].as_str() {
        Some("chunk" | "chat_response") => "/content",
        Some("text_response") => "/data/text",
        _ => return false,
    };
    let without_text = |frame: &Value| {
        let mut frame = frame.clone();
        frame.pointer_mut(path).map(Value::take);
        for name in ["seq", "timestamp", "at"] {
            frame[name] = Value::Null;
        }
        frame
    };
    if without_text(pending) != without_text(next) {
        return false;
    }
    let piece = next
        .pointer(path)
        .and_then(Value::as_str)
        .unwrap_or_default();
    if let Some(Value::String(text)) = pending.pointer_mut(path) {
        text.push_str(piece);
    }
    true
}
