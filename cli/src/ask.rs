//! `longhaul ask`: a question, its progress, its answer.
//!
//! A front end like any other: it follows the four client rules of PROTOCOL 3 as far as one socket
//! of one process needs them. The answer goes to standard output, everything else to standard error.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::Ended;
use crate::conversation::Conversation;
use crate::stack::{Place, Stack, Start};
use crate::token;

/// An open job that is silent for so long is subscribed to again (PROTOCOL 3).
const SILENCE: Duration = Duration::from_secs(30);

#[derive(Args)]
pub struct Ask {
    /// The question.
    #[arg(required_unless_present = "follow")]
    question: Option<String>,
    /// Follow an earlier job instead of starting one.
    #[arg(long, value_name = "JOB", conflicts_with = "question")]
    follow: Option<String>,
    /// Which analysis is to answer.
    #[arg(long, default_value = "finops")]
    kind: String,
    /// Parameters for the analysis, as a JSON object.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    params: String,
    /// As whom to ask.
    #[arg(long, default_value = "developer")]
    user: String,
    /// Print the whole result as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    start: Start,
}

/// How following a job ended.
enum Followed {
    Completed(Value),
    Failed(String),
    /// The person stopped following; the job goes on.
    Left(Option<String>),
}

impl Ask {
    pub async fn run(self) -> Result<Ended> {
        let params: Value = serde_json::from_str(&self.params).context("--params is not JSON")?;
        let stack = self.place.stack(&self.start, 0, 0).await?;
        if matches!(stack, Stack::Running(_))
            && (self.start.bill.is_some() || self.start.trust_claims)
        {
            bail!(
                "a stack is running on {} with options of its own; stop it, or choose another --data",
                self.place.data.display()
            );
        }
        let token = token::for_a_day(&self.place.secret()?, &self.user)?;
        let followed = self.follow(&stack, &token, params).await;
        let own = matches!(stack, Stack::Own(_));
        stack.stop().await;
        Ok(match followed? {
            Followed::Completed(result) => {
                println!("{}", self.shown(&result));
                Ended::Well
            }
            Followed::Failed(sentence) => {
                eprintln!("longhaul: {sentence}");
                Ended::JobFailed
            }
            Followed::Left(job) => {
                eprintln!("{}", self.farewell(job.as_deref(), own));
                Ended::Well
            }
        })
    }

    async fn follow(&self, stack: &Stack, token: &str, params: Value) -> Result<Followed> {
        let mut conversation = Conversation::open(&stack.endpoints().gateway, token).await?;
        let first = match (&self.follow, &self.question) {
            (Some(job), _) => json!({"action": "subscribe", "jobId": job, "after": 0}),
            (None, question) => {
                json!({"action": "query", "kind": self.kind, "query": question, "params": params})
            }
        };
        conversation.send(&first).await?;
        let mut listener = Listener {
            job: self.follow.clone(),
            applied: 0,
            bar: bar(),
        };
        loop {
            tokio::select! {
                frame = conversation.next() => {
                    if let Some(followed) = listener.hear(&frame?)? {
                        return Ok(followed);
                    }
                }
                () = tokio::time::sleep(SILENCE) => if let Some(job) = &listener.job {
                    conversation.send(&json!({"action": "subscribe", "jobId": job, "after": listener.applied})).await?;
                },
                interrupted = tokio::signal::ctrl_c() => {
                    interrupted?;
                    listener.bar.finish_and_clear();
                    return Ok(Followed::Left(listener.job));
                }
            }
        }
    }

    fn shown(&self, result: &Value) -> String {
        match result["response"].as_str() {
            Some(markdown) if !self.json => markdown.to_owned(),
            _ => format!("{result:#}"),
        }
    }

    fn farewell(&self, job: Option<&str>, own: bool) -> String {
        let Some(job) = job else {
            return "Stopped before the question was taken.".to_owned();
        };
        let data = if self.place.data.as_os_str() == ".longhaul" {
            String::new()
        } else {
            format!(" --data {}", self.place.data.display())
        };
        let when = if own {
            "The job goes on when its stack runs again."
        } else {
            "The job goes on."
        };
        format!("{when} To follow it: longhaul ask --follow {job}{data}")
    }
}

/// What has been heard of the job so far.
struct Listener {
    job: Option<String>,
    /// The last event that was applied.
    applied: u64,
    bar: ProgressBar,
}

impl Listener {
    /// Takes a frame in; what it ends with, if it is the end.
    fn hear(&mut self, frame: &Value) -> Result<Option<Followed>> {
        match frame["type"].as_str() {
            Some("error") => bail!(
                "{}",
                frame["content"]
                    .as_str()
                    .unwrap_or("the stack refused the question")
            ),
            Some("subscribed") if frame["mode"] == "gone" => {
                bail!("there is no such job, or it is past its retention")
            }
            Some("subscribed") => {
                for event in frame["events"].as_array().into_iter().flatten() {
                    if let Some(followed) = self.apply(event) {
                        return Ok(Some(followed));
                    }
                }
                Ok(None)
            }
            _ => Ok(self.apply(frame)),
        }
    }

    fn apply(&mut self, event: &Value) -> Option<Followed> {
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
        let followed = match event["type"].as_str()? {
            "job_completed" => Followed::Completed(event["result"].clone()),
            "job_failed" => Followed::Failed(format!(
                "the job failed: {} ({})",
                text("error"),
                text("code")
            )),
            "job_cancelled" => Followed::Failed("the job was cancelled".to_owned()),
            _ => return None,
        };
        self.bar.finish_and_clear();
        Some(followed)
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos:>3} %  {elapsed}  {msg}")
        .expect("the template is well formed");
    ProgressBar::new(100).with_style(style)
}
