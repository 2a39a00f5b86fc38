//! A front end that follows one job by the protocol's four rules: it applies events in the order of `seq`, ignores those
//! it has, asks for what is missing, and asks again when an open job is silent. Its state equals that of a client that
//! never lost its connection.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::support::client::Client;
use crate::support::stack::Stack;

/// After so long without a frame it subscribes again. A front end waits 30 s; tests are less patient.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(3);

/// A client's state of one job.
#[derive(Debug, Default)]
pub struct Follower {
    pub job: String,
    /// The sequence number of the last event that was applied.
    last_seq: u64,
    /// Events received before those that precede them.
    out_of_order: BTreeMap<u64, Value>,
    chunks: Vec<(u64, String)>,
    /// Terminal events by sequence number.
    pub ends: BTreeMap<u64, Value>,
    /// The `attempt` of each event with the status `retrying`.
    pub retries: Vec<u64>,
    /// The number of `stream_reset` events.
    pub resets: usize,
}

impl Follower {
    pub fn new(job: &str) -> Self {
        Self {
            job: job.to_owned(),
            ..Self::default()
        }
    }

    /// The text streamed so far, without what was reset.
    pub fn text(&self) -> String {
        self.chunks
            .iter()
            .map(|(_, piece)| piece.as_str())
            .collect()
    }

    /// The frame that asks for all events after the last one applied.
    pub fn subscribe_frame(&self) -> Value {
        json!({"action": "subscribe", "jobId": self.job, "after": self.last_seq})
    }

    /// Applies a frame; returns the next frame to send where events are missing.
    pub fn receive(&mut self, frame: &Value) -> Option<Value> {
        if frame["jobId"] != self.job.as_str() {
            return None;
        }
        if frame["type"] == "subscribed" {
            for event in frame["events"].as_array().into_iter().flatten() {
                self.apply(event);
            }
            if frame["more"] == true {
                return Some(self.subscribe_frame());
            }
            self.last_seq = self.last_seq.max(frame["head"].as_u64().unwrap_or(0));
        } else if let Some(seq) = frame["seq"].as_u64() {
            self.out_of_order.insert(seq, frame.clone());
        }
        while let Some(entry) = self.out_of_order.first_entry() {
            if *entry.key() > self.last_seq + 1 {
                return Some(self.subscribe_frame());
            }
            let event = entry.remove();
            self.apply(&event);
        }
        None
    }

    fn apply(&mut self, event: &Value) {
        let seq = event["seq"].as_u64().unwrap_or(0);
        if seq <= self.last_seq {
            return;
        }
        self.last_seq = seq;
        match event["type"].as_str() {
            Some("chunk") => {
                let content = event["content"].as_str().unwrap_or_default();
                self.chunks.push((seq, content.to_owned()));
            }
            Some("stream_reset") => {
                let keep_through = event["keepThrough"].as_u64().unwrap_or(0);
                self.chunks.retain(|(seq, _)| *seq <= keep_through);
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

    /// Follows on this socket until the job has ended; returns the terminal event.
    pub async fn until_end(&mut self, client: &mut Client, max_wait: Duration) -> Result<Value> {
        let deadline = Instant::now() + max_wait;
        loop {
            if let Some((_, end)) = self.ends.first_key_value() {
                return Ok(end.clone());
            }
            match timeout(SILENCE_TIMEOUT, client.next()).await {
                Ok(frame) => {
                    if let Some(request) = self.receive(&frame?) {
                        client.send(request).await?;
                    }
                }
                Err(_) if Instant::now() > deadline => bail!("no end came: {self:?}"),
                Err(_) => client.send(self.subscribe_frame()).await?,
            }
        }
    }

    /// The state of a client that subscribes only after the job has ended.
    pub async fn catch_up(stack: &Stack, user: &str, job: &str) -> Result<Self> {
        let mut client = stack.client(user).await?;
        let mut follower = Self::new(job);
        let mut request = Some(follower.subscribe_frame());
        while let Some(frame) = request {
            let answer = client.request(frame).await?;
            request = follower.receive(&answer);
        }
        follower
            .ends
            .first_key_value()
            .context("it has not ended")?;
        Ok(follower)
    }
}
