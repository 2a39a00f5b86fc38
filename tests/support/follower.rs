//! A front end that keeps PROTOCOL 3's four rules: what it holds of a job is what one that never
//! dropped would hold.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::client::Client;
use crate::support::stack::Stack;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

/// An open job that is silent for so long is asked after; PROTOCOL says 30 s, which tests have not.
const SILENCE: Duration = Duration::from_secs(3);

/// What a client knows of one job.
#[derive(Debug, Default)]
pub struct Follower {
    pub job: String,
    /// The number of the last event that was applied.
    applied: u64,
    /// Events that wait for those before them.
    held: BTreeMap<u64, Value>,
    chunks: Vec<(u64, String)>,
    /// Terminal events, by their number.
    pub ends: BTreeMap<u64, Value>,
    /// `attempt`s that were heard to begin with `retrying`.
    pub retries: Vec<u64>,
    pub resets: usize,
}

impl Follower {
    pub fn of(job: &str) -> Self {
        Self {
            job: job.to_owned(),
            ..Self::default()
        }
    }

    /// The answer's text as it stands.
    pub fn text(&self) -> String {
        self.chunks
            .iter()
            .map(|(_, piece)| piece.as_str())
            .collect()
    }

    pub fn subscribe(&self) -> Value {
        json!({"action": "subscribe", "jobId": self.job, "after": self.applied})
    }

    /// Takes a frame in; what to ask next, if anything is missing.
    pub fn take(&mut self, frame: &Value) -> Option<Value> {
        if frame["jobId"] != self.job.as_str() {
            return None;
        }
        if frame["type"] == "subscribed" {
            for event in frame["events"].as_array().into_iter().flatten() {
                self.apply(event);
            }
            if frame["more"] == true {
                return Some(self.subscribe());
            }
            self.applied = self.applied.max(frame["head"].as_u64().unwrap_or(0));
        } else if let Some(seq) = frame["seq"].as_u64() {
            self.held.insert(seq, frame.clone());
        }
        while let Some(entry) = self.held.first_entry() {
            if *entry.key() > self.applied + 1 {
                return Some(self.subscribe());
            }
            let event = entry.remove();
            self.apply(&event);
        }
        None
    }

    fn apply(&mut self, event: &Value) {
        let seq = event["seq"].as_u64().unwrap_or(0);
        if seq <= self.applied {
            return;
        }
        self.applied = seq;
        match event["type"].as_str() {
            Some("chunk") => {
                let content = event["content"].as_str().unwrap_or_default();
                self.chunks.push((seq, content.to_owned()));
            }
            Some("stream_reset") => {
                let keep = event["keepThrough"].as_u64().unwrap_or(0);
                self.chunks.retain(|(seq, _)| *seq <= keep);
                self.resets += 1;
            }
            Some("progress_update") if event["status"] == "retrying" => {
                self.retries.extend(event["attempt"].as_u64());
            }
            Some("job_completed" | "job_failed" | "job_cancelled") => {
                self.ends.insert(seq, event.clone());
            }
            _ => {}
        }
    }

    /// Follows on this socket until the job has ended; the end.
    pub async fn until_end(&mut self, client: &mut Client, patience: Duration) -> Result<Value> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some((_, end)) = self.ends.first_key_value() {
                return Ok(end.clone());
            }
            match timeout(SILENCE, client.next()).await {
                Ok(frame) => {
                    if let Some(question) = self.take(&frame?) {
                        client.send(question).await?;
                    }
                }
                Err(_) if Instant::now() > deadline => bail!("no end came: {self:?}"),
                Err(_) => client.send(self.subscribe()).await?,
            }
        }
    }

    /// What a client that comes only now holds at the end.
    pub async fn afresh(stack: &Stack, user: &str, job: &str) -> Result<Self> {
        let mut client = stack.client(user).await?;
        let mut follower = Self::of(job);
        let mut question = Some(follower.subscribe());
        while let Some(asked) = question {
            let answer = client.ask(asked).await?;
            question = follower.take(&answer);
        }
        follower
            .ends
            .first_key_value()
            .context("it has not ended")?;
        Ok(follower)
    }
}
