//! Golden transcripts: what a front end sends and hears, beside what stands in `tests/transcripts`.
//!
//! They are documentation too, so what differs from run to run has a name: ids, times, numbers. Pieces of
//! one answer that come one after the other are shown as one, since where it is cut depends on the clock.
//! `LONGHAUL_TRANSCRIPTS=write` writes them anew.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::support::client::Client;
use crate::support::stack::root;
use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value};

/// Longer texts are shown by their beginning.
const SHOWN: usize = 160;

pub struct Transcript {
    file: PathBuf,
    lines: Vec<String>,
    names: BTreeMap<String, String>,
    /// The last frame heard, by whom, while it may be the first part of one answer.
    pending: Option<(String, Value)>,
    /// The number of the last event of each job, by who heard it.
    heard: BTreeMap<(String, String), u64>,
}

impl Transcript {
    /// The file of this name; what it shows.
    pub fn new(name: &str, title: &str) -> Self {
        let lines = [
            title,
            "",
            "→ is what the front end sends, ← what it hears. Ids, times and numbers have names; consecutive",
            "pieces of one answer are shown as one, long texts by their beginning, and progress_update not at all.",
            "",
        ];
        Self {
            file: root().join("tests/transcripts").join(format!("{name}.txt")),
            lines: lines.map(str::to_owned).to_vec(),
            names: BTreeMap::new(),
            pending: None,
            heard: BTreeMap::new(),
        }
    }

    /// A sentence between the frames.
    pub fn note(&mut self, sentence: &str) {
        self.flush();
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
        self.lines.extend([sentence.to_owned(), String::new()]);
    }

    pub async fn send(&mut self, who: &str, client: &mut Client, frame: Value) -> Result<()> {
        self.flush();
        let shown = self.shown(&frame);
        self.lines.push(format!("{who} → {shown}"));
        client.send(frame).await
    }

    /// Hears frames up to and with the first of this sort; that one.
    pub async fn until(
        &mut self,
        who: &str,
        client: &mut Client,
        is_last: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        loop {
            let frame = client.next().await.with_context(|| self.lines.join("\n"))?;
            self.hear(who, &frame)?;
            if is_last(&frame) {
                return Ok(frame);
            }
        }
    }

    /// Sends a frame and hears up to the first of this type.
    pub async fn ask(
        &mut self,
        who: &str,
        client: &mut Client,
        frame: Value,
        kind: &str,
    ) -> Result<Value> {
        self.send(who, client, frame).await?;
        self.until(who, client, |frame| frame["type"] == kind).await
    }

    fn hear(&mut self, who: &str, frame: &Value) -> Result<()> {
        ensure!(
            frame["type"].is_string() && frame["timestamp"].is_u64(),
            "{frame}"
        );
        if let (Some(job), Some(seq)) = (frame["jobId"].as_str(), frame["seq"].as_u64()) {
            let last = self.heard.insert((who.to_owned(), job.to_owned()), seq);
            ensure!(last.is_none_or(|last| last <= seq), "out of order: {frame}");
        }
        if is_progress(frame) {
            return Ok(());
        }
        if let Some((by, pending)) = &mut self.pending
            && by == who
            && joined(pending, frame)
        {
            return Ok(());
        }
        self.flush();
        self.pending = Some((who.to_owned(), frame.clone()));
        Ok(())
    }

    fn flush(&mut self) {
        if let Some((who, frame)) = self.pending.take() {
            let shown = self.shown(&frame);
            self.lines.push(format!("{who} ← {shown}"));
        }
    }

    /// Compares with what stands in the file.
    pub fn compare(mut self) -> Result<()> {
        self.flush();
        let text = self.lines.join("\n") + "\n";
        if std::env::var("LONGHAUL_TRANSCRIPTS").as_deref() == Ok("write") {
            std::fs::write(&self.file, &text)?;
        }
        let stands = std::fs::read_to_string(&self.file).with_context(|| {
            format!(
                "{}: LONGHAUL_TRANSCRIPTS=write writes it",
                self.file.display()
            )
        })?;
        assert!(
            stands == text,
            "{} differs from:\n{text}",
            self.file.display()
        );
        Ok(())
    }

    fn shown(&mut self, frame: &Value) -> String {
        let named = self.named("", frame);
        let Value::Object(fields) = named else {
            return named.to_string();
        };
        // What a frame is comes first.
        let first = |name: &&String| !matches!(name.as_str(), "action" | "type");
        let mut names: Vec<&String> = fields.keys().collect();
        names.sort_by_key(|name| {
            (
                first(name),
                matches!(name.as_str(), "jobId" | "seq" | "timestamp" | "requestId"),
            )
        });
        let field = |name: &String| format!("{}:{}", Value::from(name.as_str()), fields[name]);
        let fields: Vec<String> = names.into_iter().map(field).collect();
        format!("{{{}}}", fields.join(","))
    }

    fn named(&mut self, name: &str, value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let fields = fields
                    .iter()
                    .map(|(name, value)| (name.clone(), self.named(name, value)));
                Value::Object(fields.collect::<Map<String, Value>>())
            }
            Value::Array(items) => items
                .iter()
                .filter(|item| !is_progress(item))
                .map(|item| self.named(name, item))
                .collect(),
            Value::Number(_) if matches!(name, "timestamp" | "expiresAt" | "ttl") => {
                "<time>".into()
            }
            Value::Number(_) if matches!(name, "seq" | "head" | "after" | "keepThrough") => {
                "<seq>".into()
            }
            Value::Number(_) if matches!(name, "queuedMs" | "runMs") => "<ms>".into(),
            Value::String(text) => self.named_text(name, text).into(),
            other => other.clone(),
        }
    }

    fn named_text(&mut self, name: &str, text: &str) -> String {
        if name == "subscriptionId"
            && let Some((topic, id)) = text.rsplit_once('.')
            && id.len() == 36
        {
            return format!("{topic}.{}", self.named_text(name, id));
        }
        if text.len() == 36 && text.bytes().filter(|byte| *byte == b'-').count() == 4 {
            if let Some(known) = self.names.get(text) {
                return known.clone();
            }
            let sort = match name {
                "jobId" => "job",
                "sessionId" | "cursor" => "session",
                "subscriptionId" => "subscription",
                "notificationId" => "notification",
                "publishedId" => "published",
                other => other,
            };
            let number = self
                .names
                .values()
                .filter(|name| name.starts_with(&format!("<{sort} ")))
                .count()
                + 1;
            let known = format!("<{sort} {number}>");
            self.names.insert(text.to_owned(), known.clone());
            return known;
        }
        let known = self.names.get(text).cloned();
        if let Some(known) = known.filter(|known| known.starts_with("<connection")) {
            return known;
        }
        if name == "connectionId" {
            let is_one = |name: &&String| name.starts_with("<connection");
            let number = self.names.values().filter(is_one).count() + 1;
            let known = format!("<connection {number}>");
            self.names.insert(text.to_owned(), known.clone());
            return known;
        }
        if name == "cursor" && text.contains('~') {
            return "<cursor>".to_owned();
        }
        if text.len() == 24 && text.ends_with('Z') && text.as_bytes()[10] == b'T' {
            return "<time>".to_owned();
        }
        match text.char_indices().nth(SHOWN) {
            Some((cut, _)) => format!("{} ... ({} characters)", &text[..cut], text.chars().count()),
            None => text.to_owned(),
        }
    }
}

/// How often it comes depends on the clock.
fn is_progress(frame: &Value) -> bool {
    frame["type"] == "progress_update"
}

/// Adds the next piece of the same answer to a frame that holds those before; whether it is one.
fn joined(pending: &mut Value, next: &Value) -> bool {
    let path = match pending["type"].as_str() {
        Some("chunk" | "chat_response") => "/content",
        Some("text_response") => "/data/text",
        _ => return false,
    };
    let but_text = |frame: &Value| {
        let mut frame = frame.clone();
        frame.pointer_mut(path).map(Value::take);
        for name in ["seq", "timestamp"] {
            frame[name] = Value::Null;
        }
        frame
    };
    if but_text(pending) != but_text(next) {
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
