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
use crate::result;
use crate::stack::{Place, Stack, Start};
use crate::token;

/// An open job that is silent for so long is subscribed to again (PROTOCOL 3).
const SILENCE: Duration = Duration::from_secs(30);

/// Who asks unless it is said.
const USER: &str = "developer";

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
    #[arg(long, default_value = USER)]
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
    /// With its result.
    Completed(Value),
    Failed(String),
    /// The person stopped following; the job goes on.
    Left(Option<String>),
    /// The stack that another command ran went away with it; the job goes on.
    Dropped(String),
}

impl Ask {
    pub async fn run(mut self) -> Result<Ended> {
        let params: Value = serde_json::from_str(&self.params).context("--params is not JSON")?;
        loop {
            let stack = self.place.stack(&self.start, 0, 0).await?;
            let own = matches!(stack, Stack::Own(_));
            let options = self.start.bill.is_some() || self.start.worker.is_some();
            if !own && (options || self.start.trust_claims) {
                let data = self.place.data.display();
                bail!(
                    "a stack is running on {data} with options of its own; stop it, or choose another --data"
                );
            }
            let token = token::for_a_day(&self.place.secret()?, &self.user, false)?;
            let followed = self.follow(&stack, &token, &params).await;
            stack.stop().await;
            match followed? {
                Followed::Completed(result) => {
                    println!("{}", self.shown(&result));
                    return Ok(Ended::Well);
                }
                Followed::Failed(sentence) => {
                    eprintln!("longhaul: {sentence}");
                    return Ok(Ended::JobFailed);
                }
                Followed::Left(job) => {
                    eprintln!("{}", self.farewell(job.as_deref(), own));
                    return Ok(Ended::Well);
                }
                Followed::Dropped(job) => (self.follow, self.question) = (Some(job), None),
            }
        }
    }

    async fn follow(&self, stack: &Stack, token: &str, params: &Value) -> Result<Followed> {
        let mut conversation = Conversation::open(&stack.endpoints().gateway, token).await?;
        let first = match (&self.follow, &self.question) {
            (Some(job), _) => subscribe(job, 0),
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
            let again = tokio::select! {
                frame = conversation.next() => match (frame, &listener.job) {
                    (Ok(frame), _) => match listener.hear(&frame)? {
                        Heard::End(followed) => return Ok(followed),
                        Heard::Completed(event) => {
                            return Ok(Followed::Completed(result::of(&event).await?));
                        }
                        Heard::More => true,
                        Heard::Event => false,
                    },
                    (Err(_), Some(job)) if matches!(stack, Stack::Running(_)) => {
                        listener.bar.finish_and_clear();
                        return Ok(Followed::Dropped(job.clone()));
                    }
                    (Err(error), _) => return Err(error),
                },
                () = tokio::time::sleep(SILENCE) => true,
                interrupted = tokio::signal::ctrl_c() => {
                    interrupted?;
                    listener.bar.finish_and_clear();
                    return Ok(Followed::Left(listener.job));
                }
            };
            if let (true, Some(job)) = (again, &listener.job) {
                conversation.send(&subscribe(job, listener.applied)).await?;
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
        let mut command = format!("longhaul ask --follow {job}");
        if self.user != USER {
            command.push_str(&format!(" --user {}", self.user));
        }
        command.push_str(&self.place.options());
        if own {
            command.push_str(&self.start.options());
            return format!("The job goes on when its stack runs again. To follow it: {command}");
        }
        format!("The job goes on. To follow it: {command}")
    }
}

fn subscribe(job: &str, after: u64) -> Value {
    json!({"action": "subscribe", "jobId": job, "after": after})
}

/// What a frame came to.
enum Heard {
    Event,
    /// The answer did not hold all that is missing.
    More,
    /// The job's `job_completed`.
    Completed(Value),
    End(Followed),
}

/// What has been heard of the job so far.
struct Listener {
    job: Option<String>,
    /// The last event that was applied.
    applied: u64,
    bar: ProgressBar,
}

impl Listener {
    /// Takes a frame in.
    fn hear(&mut self, frame: &Value) -> Result<Heard> {
        let sentence = |name: &str| {
            frame[name]
                .as_str()
                .unwrap_or("the stack gave no reason")
                .to_owned()
        };
        let events = match frame["type"].as_str() {
            Some("error") => bail!(sentence("content")),
            // The gateway's own errors have a message and no type.
            None if frame["message"].is_string() => bail!(sentence("message")),
            Some("subscribed") if frame["mode"] == "gone" => {
                bail!("there is no such job of this user's, or it is past its retention")
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
            Heard::More
        } else {
            Heard::Event
        })
    }

    fn apply(&mut self, event: &Value) -> Option<Heard> {
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
        let failed = |sentence| Heard::End(Followed::Failed(sentence));
        let end = match event["type"].as_str()? {
            "job_completed" => Heard::Completed(event.clone()),
            "job_failed" => failed(format!(
                "the job failed: {} ({})",
                text("error"),
                text("code")
            )),
            "job_cancelled" => failed("the job was cancelled".to_owned()),
            _ => return None,
        };
        self.bar.finish_and_clear();
        Some(end)
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos:>3} %  {elapsed}  {msg}")
        .expect("the template is well formed");
    ProgressBar::new(100).with_style(style)
}
