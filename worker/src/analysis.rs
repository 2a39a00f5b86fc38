//! What a job's work looks like to the worker, and what the worker offers to it.
//!
//! An [`Analysis`] is registered under its kind and knows nothing of queues, tables or sockets: it
//! gets a [`Context`], reports, streams and keeps steps through it, and returns its result. Whoever
//! brings an analysis of their own needs this file only.

use std::cell::RefCell;
use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use longhaul_shared::domain::ids::{JobId, SessionId};
use longhaul_shared::domain::job::Report;
use longhaul_shared::domain::limits;
pub use longhaul_shared::domain::session::HistoryTurn;
use longhaul_shared::store::event_log::StepResult;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::task_local;
use uuid::Uuid;

use crate::analysis_channel::AnalysisChannel;

/// A step's result as JSON and its text, in bytes: DynamoDB keeps items of 400 KB.
const STEP_BYTES: usize = 350 * 1024;
/// A step's name, in bytes.
const STEP_NAME_BYTES: usize = 128;

/// One kind of work. It runs on a runtime of its own, so it may block without harm to the lease.
#[async_trait]
pub trait Analysis: Send + Sync + 'static {
    /// The name that a front end submits it under, such as `finops`.
    fn kind(&self) -> &str;

    /// Does the work. It may be run again, after a crash or in the next invocation when its time runs
    /// out; what must be done once, or takes long, belongs into a [`Context::step`].
    async fn run(&self, context: &Context) -> Result<Value, Failure>;
}

/// How an analysis says that it cannot go on. Neither is an `Err` of the worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The work can never succeed: the job fails at once with this code and sentence.
    Reject { code: &'static str, message: String },
    /// The work may succeed later: the job goes back to the queue while it has attempts left.
    Retry { code: &'static str, message: String },
}

impl Failure {
    /// The machine-readable reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Reject { code, .. } | Self::Retry { code, .. } => code,
        }
    }

    /// The sentence for whoever asked.
    pub fn message(&self) -> &str {
        match self {
            Self::Reject { message, .. } | Self::Retry { message, .. } => message,
        }
    }

    /// The work can never succeed.
    pub fn reject(code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Reject { code, message }
    }

    /// What it comes to that every part of the work failed, if there was one: a part that may succeed later is worth
    /// another attempt, whatever is wrong with the others for good; else the first says it.
    pub fn of_all(mut failures: Vec<Self>) -> Option<Self> {
        let passing = |failure: &Self| matches!(failure, Self::Retry { .. });
        let at = failures.iter().position(passing).unwrap_or(0);
        (!failures.is_empty()).then(|| failures.swap_remove(at))
    }
}

/// A job as its analysis sees it.
pub struct Context {
    input: AnalysisInput,
    desk: Arc<AnalysisChannel>,
}

/// What an analysis is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct AnalysisInput {
    /// The job's id.
    pub job: JobId,
    pub query: String,
    /// An object.
    pub params: Value,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// The turns before this one, where the job is a part of a conversation; oldest first.
    pub history: Vec<HistoryTurn>,
    /// The conversation, where it is part of one.
    pub session: Option<SessionId>,
}

impl AnalysisInput {
    /// A question on its own, in the job's first attempt.
    pub fn new(job: JobId, query: String, params: Value) -> Self {
        Self {
            job,
            query,
            params,
            attempt: 1,
            history: vec![],
            session: None,
        }
    }
}

task_local! {
    /// What the step under way has streamed.
    static STREAMED: RefCell<String>;
}

impl Context {
    /// What is said arrives at the desk.
    pub fn new(about: AnalysisInput, desk: Arc<AnalysisChannel>) -> Self {
        Self { input: about, desk }
    }

    /// The job's id: the same in every attempt.
    pub fn job(&self) -> JobId {
        self.input.job
    }

    /// The question, whole, as it was submitted.
    pub fn query(&self) -> &str {
        &self.input.query
    }

    /// The submitted `params`: an object, empty when none were given.
    pub fn params(&self) -> &Value {
        &self.input.params
    }

    /// 1 for the first attempt.
    pub fn attempt(&self) -> u32 {
        self.input.attempt
    }

    /// The turns before this one, oldest first, where the job is a part of a conversation: at most 64 KiB of
    /// text, the oldest left out where there is more.
    pub fn history(&self) -> &[HistoryTurn] {
        &self.input.history
    }

    /// The conversation that the job is a part of, if it is one.
    pub fn session(&self) -> Option<SessionId> {
        self.input.session
    }

    /// The same job with another question, after these turns: what is reported, streamed and kept is the job's.
    pub fn with_question(&self, query: &str, history: Vec<HistoryTurn>) -> Self {
        let about = AnalysisInput {
            query: query.to_owned(),
            history,
            ..self.input.clone()
        };
        Self::new(about, self.desk.clone())
    }

    /// The job as it is told to a program that is not this one.
    pub fn to_json(&self) -> Value {
        let turns = self.history().iter();
        let history: Vec<Value> = turns
            .map(|turn| json!({"message": turn.message, "answer": turn.answer}))
            .collect();
        json!({
            "job": self.job().to_string(), "query": self.query(), "params": self.params(),
            "attempt": self.attempt(), "history": history,
        })
    }

    /// Reports how far the work is, from 0 to 100. Cheap, never waits. Each step of 5 % is told;
    /// of smaller ones the latest, about once a second.
    pub fn progress(&self, percent: u8, message: impl Into<String>) {
        let message = message.into();
        self.desk.reports.push(Report {
            percent,
            message: limits::prefix(&message, limits::MESSAGE_BYTES).to_owned(),
        });
    }

    /// Streams the next piece of the answer. Pieces are merged, made durable and told in order; waits
    /// only while the log is far behind. After a crash the text is said again from its beginning: what
    /// equals the former text is told once only.
    pub async fn stream(&self, piece: &str) {
        // Outside a step there is none to note it for.
        let _ = STREAMED.try_with(|streamed| streamed.borrow_mut().push_str(piece));
        self.desk.stream.push(piece).await;
    }

    /// Does a part of the work once: its result is kept, and every later attempt gets it, together with
    /// what the part streamed, instead of doing the work again. The name and the input tell one step
    /// from another, so a step that depends on an earlier one should have its result as input. Names
    /// have up to 128 bytes; result and text up to 350 KiB of JSON. Steps may run side by side, within
    /// one task, but then only one of them should stream.
    pub async fn step<T, I, W>(&self, name: &str, input: &I, work: W) -> Result<T, Failure>
    where
        T: Serialize + DeserializeOwned,
        I: Serialize + ?Sized,
        W: Future<Output = Result<T, Failure>>,
    {
        let key = step_key(name, input)?;
        let kept = self.desk.load_step(&key).await;
        if let Some(kept) = kept {
            // One of another version's making is done again.
            if let Ok(result) = serde_json::from_str(&kept.result) {
                self.stream(&kept.streamed).await;
                return Ok(result);
            }
        }
        let (result, streamed) = STREAMED
            .scope(RefCell::default(), async {
                let result = work.await;
                (result, STREAMED.with(RefCell::take))
            })
            .await;
        let _ = STREAMED.try_with(|outer| outer.borrow_mut().push_str(&streamed));
        let result = result?;
        let kept = StepResult {
            result: json(&result)?,
            streamed,
        };
        if kept.result.len() + kept.streamed.len() > STEP_BYTES {
            let message = format!("The result of the step '{name}' is too large to be kept.");
            return Err(Failure::reject("STEP_TOO_LARGE", message));
        }
        self.desk.save_step(key, kept).await;
        Ok(result)
    }
}

/// One key for each name and input.
fn step_key(name: &str, input: &(impl Serialize + ?Sized)) -> Result<String, Failure> {
    if name.is_empty() || name.len() > STEP_NAME_BYTES {
        let message = format!("A step's name has 1 to {STEP_NAME_BYTES} bytes.");
        return Err(Failure::reject("STEP_NAME", message));
    }
    let input = json(input)?;
    Ok(format!(
        "{name}#{}",
        Uuid::new_v5(&Uuid::NAMESPACE_OID, input.as_bytes())
    ))
}

fn json(value: &(impl Serialize + ?Sized)) -> Result<String, Failure> {
    serde_json::to_string(value)
        .map_err(|error| Failure::reject("STEP_NOT_JSON", format!("A step is no JSON: {error}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_succeed_later_is_worth_another_attempt() {
        let refused = || Failure::reject("REFUSED", "The bill a is refused.");
        let throttled = || Failure::Retry {
            code: "BILL_UNREACHABLE",
            message: "The bill b is not there now.".to_owned(),
        };
        let of_all = Failure::of_all;
        assert_eq!(of_all(vec![refused(), throttled()]), Some(throttled()));
        assert_eq!(of_all(vec![throttled(), refused()]), Some(throttled()));
        assert_eq!(of_all(vec![refused(), refused()]), Some(refused()));
        assert_eq!(of_all(Vec::new()), None);
    }
}
