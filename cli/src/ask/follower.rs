//! The client's state of one job: which events were applied, and its progress bar.

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

/// What a frame did to the job's state.
pub enum FrameOutcome {
    Applied,
    /// The response did not hold all missing events; subscribe again.
    MoreEvents,
    /// The job's `job_completed`.
    Completed(Value),
    /// The job failed or was cancelled, for this reason.
    Failed(String),
}

pub struct JobFollower {
    /// `None` until the first event of a submitted job.
    pub job: Option<String>,
    /// The sequence number of the last applied event.
    pub applied: u64,
    bar: ProgressBar,
}

impl JobFollower {
    pub fn new(job: Option<String>) -> Self {
        let style = ProgressStyle::with_template("{bar:30} {pos:>3} %  {elapsed}  {msg}")
            .expect("the template is well formed");
        Self {
            job,
            applied: 0,
            bar: ProgressBar::new(100).with_style(style),
        }
    }

    /// # Errors
    /// The frame is an error of the stack or of its gateway, or the job does not exist.
    pub fn handle_frame(&mut self, frame: &Value) -> Result<FrameOutcome> {
        let text = |name: &str| {
            frame[name]
                .as_str()
                .unwrap_or("the stack gave no reason")
                .to_owned()
        };
        let events = match frame["type"].as_str() {
            Some("error") => bail!(text("content")),
            // Errors of the gateway itself have a message and no type.
            None if frame["message"].is_string() => bail!(text("message")),
            Some("subscribed") if frame["mode"] == "gone" => {
                bail!("this user has no such job, or its retention is over")
            }
            Some("subscribed") => frame["events"].as_array().cloned().unwrap_or_default(),
            _ => vec![frame.clone()],
        };
        for event in &events {
            if let Some(end) = self.apply(event) {
                return Ok(end);
            }
        }
        Ok(if frame["more"] == true {
            FrameOutcome::MoreEvents
        } else {
            FrameOutcome::Applied
        })
    }

    pub fn clear_progress(&self) {
        self.bar.finish_and_clear();
    }

    /// Applies an event that was not applied before; the job's end, if it is one.
    fn apply(&mut self, event: &Value) -> Option<FrameOutcome> {
        let seq = event["seq"].as_u64()?;
        if seq <= self.applied {
            return None;
        }
        self.applied = seq;
        self.job = event["jobId"].as_str().map(Into::into);
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        if let Some(percent) = event["progress"].as_u64() {
            self.bar.set_position(percent);
            self.bar.set_message(text("message"));
        }
        let end = match event["type"].as_str()? {
            "job_completed" => FrameOutcome::Completed(event.clone()),
            "job_failed" => FrameOutcome::Failed(format!(
                "the job failed: {} ({})",
                text("error"),
                text("code")
            )),
            "job_cancelled" => FrameOutcome::Failed("the job was cancelled".to_owned()),
            _ => return None,
        };
        self.clear_progress();
        Some(end)
    }
}
