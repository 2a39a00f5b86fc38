//! `longhaul ask`: submits a question, shows its progress and prints the answer.
//!
//! It is a client like any other: it follows the job, subscribes again after a gap or silence, and applies each
//! event once. The answer goes to standard output, everything else to standard error.

mod follower;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};

use self::follower::{FrameOutcome, JobFollower};
use crate::dev_token;
use crate::exit_status::ExitStatus;
use crate::result;
use crate::stack::{DataDirArgs, Stack, StartArgs};
use crate::terminal::shell_word;
use crate::websocket::WebSocketClient;

/// An open job without a frame for this long is subscribed to again.
const RESUBSCRIBE_AFTER: Duration = Duration::from_secs(30);

const DEFAULT_USER: &str = "developer";

#[derive(Args)]
pub struct Ask {
    /// The question.
    #[arg(required_unless_present = "follow")]
    question: Option<String>,
    /// Id of an earlier job to follow, instead of submitting a new one.
    #[arg(long, value_name = "JOB", conflicts_with = "question")]
    follow: Option<String>,
    /// Kind of the analysis that answers.
    #[arg(long, default_value = "finops", conflicts_with = "follow")]
    kind: String,
    /// Parameters for the analysis, as a JSON object.
    #[arg(
        long,
        value_name = "JSON",
        default_value = "{}",
        conflicts_with = "follow"
    )]
    params: String,
    /// User id under which the job is submitted.
    #[arg(long, default_value = DEFAULT_USER)]
    user: String,
    /// Print the whole result as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data_dir: DataDirArgs,
    #[command(flatten)]
    start: StartArgs,
}

/// Why following a job stopped.
enum FollowEnd {
    /// The job's result.
    Completed(Value),
    /// The reason why the job failed or was cancelled.
    Failed(String),
    /// Ctrl-C detached from the job, which keeps running.
    Detached(Option<String>),
    /// The stack that another command runs went away; the job is resumed when a stack runs again.
    Disconnected(String),
}

impl Ask {
    pub async fn run(mut self) -> Result<ExitStatus> {
        let params: Value = serde_json::from_str(&self.params).context("--params is not JSON")?;
        loop {
            let stack = self.data_dir.find_or_start(&self.start, 0, 0).await?;
            let own = matches!(stack, Stack::Own(_));
            let options = self.start.given_names();
            if !own && !options.is_empty() {
                let (data, options) = (self.data_dir.data.display(), options.join(", "));
                bail!(
                    "a stack already runs on {data}, and {options} can only be given to a stack that is started; stop \
                     that stack, leave the options out, or choose another folder with --data"
                );
            }
            let token = dev_token::for_a_day(&self.data_dir.token_secret()?, &self.user, false)?;
            let end = self.follow(&stack, &token, &params).await;
            stack.stop().await;
            match end? {
                FollowEnd::Completed(result) => {
                    println!("{}", self.render(&result));
                    return Ok(ExitStatus::Success);
                }
                FollowEnd::Failed(reason) => {
                    eprintln!("longhaul: {reason}");
                    return Ok(ExitStatus::JobFailed);
                }
                FollowEnd::Detached(job) => {
                    eprintln!("{}", self.resume_hint(job.as_deref(), own));
                    return Ok(ExitStatus::Success);
                }
                FollowEnd::Disconnected(job) => (self.follow, self.question) = (Some(job), None),
            }
        }
    }

    async fn follow(&self, stack: &Stack, token: &str, params: &Value) -> Result<FollowEnd> {
        let mut client = WebSocketClient::connect(&stack.endpoints().gateway, token).await?;
        let first = match (&self.follow, &self.question) {
            (Some(job), _) => subscribe(job, 0),
            (None, question) => {
                json!({"action": "query", "kind": self.kind, "query": question, "params": params})
            }
        };
        client.send(&first).await?;
        let mut follower = JobFollower::new(self.follow.clone());
        loop {
            let resubscribe = tokio::select! {
                frame = client.next() => match (frame, &follower.job) {
                    (Ok(frame), _) => match follower.handle_frame(&frame)? {
                        FrameOutcome::Failed(reason) => return Ok(FollowEnd::Failed(reason)),
                        FrameOutcome::Completed(event) => {
                            return Ok(FollowEnd::Completed(result::of_event(&event).await?));
                        }
                        FrameOutcome::MoreEvents => true,
                        FrameOutcome::Applied => false,
                    },
                    (Err(_), Some(job)) if matches!(stack, Stack::Running(_)) => {
                        follower.clear_progress();
                        return Ok(FollowEnd::Disconnected(job.clone()));
                    }
                    (Err(error), _) => return Err(error),
                },
                () = tokio::time::sleep(RESUBSCRIBE_AFTER) => true,
                interrupted = tokio::signal::ctrl_c() => {
                    interrupted?;
                    follower.clear_progress();
                    return Ok(FollowEnd::Detached(follower.job));
                }
            };
            if let (true, Some(job)) = (resubscribe, &follower.job) {
                client.send(&subscribe(job, follower.applied)).await?;
            }
        }
    }

    fn render(&self, result: &Value) -> String {
        match result["response"].as_str() {
            Some(markdown) if !self.json => markdown.to_owned(),
            _ => format!("{result:#}"),
        }
    }

    /// What Ctrl-C prints: the command that follows the job again.
    fn resume_hint(&self, job: Option<&str>, own: bool) -> String {
        let Some(job) = job else {
            return "Stopped before the question was submitted.".to_owned();
        };
        let mut command = format!("longhaul ask --follow {job}");
        if self.user != DEFAULT_USER {
            command.push_str(&format!(" --user {}", shell_word(&self.user)));
        }
        command.push_str(&self.data_dir.as_options());
        if own {
            command.push_str(&self.start.as_options());
            return format!(
                "Detached. The job resumes when its stack runs again. To follow it: {command}"
            );
        }
        format!("Detached. The job keeps running. To follow it: {command}")
    }
}

fn subscribe(job: &str, after: u64) -> Value {
    json!({"action": "subscribe", "jobId": job, "after": after})
}
