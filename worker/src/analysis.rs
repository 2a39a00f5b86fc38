//! What an analysis is to the engine, and what the engine offers to it.
//!
//! An [`Analysis`] is registered under its kind. It gets a [`Context`], through which it reports progress, streams text
//! and saves steps, and returns its result.

use std::cell::RefCell;
use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use longhaul_shared::domain::ids::{JobId, SessionId};
pub use longhaul_shared::domain::job::JobErrorCode;
use longhaul_shared::domain::job::Report;
use longhaul_shared::domain::limits;
pub use longhaul_shared::domain::session::HistoryTurn;
use longhaul_shared::store::event_log::StepResult;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::task_local;
use tokio::time::Instant;
use uuid::Uuid;

use crate::analysis_channel::{AnalysisChannel, SavedStep};
pub use crate::failure::Failure;
pub use crate::reported_progress::ReportedProgress;

/// A step's result and its text, in bytes of JSON: an item of DynamoDB has at most 400 KB.
const MAX_STEP_BYTES: usize = 350 * 1024;
/// A step's name, in bytes.
const MAX_STEP_NAME_BYTES: usize = 128;

/// One kind of work.
///
/// It runs on a runtime of its own, so it may block its thread without harm to the job's lease.
///
/// ```
/// use longhaul_worker::analysis::{Analysis, Context, Failure};
/// use serde_json::{Value, json};
///
/// struct WordCount;
///
/// #[async_trait::async_trait]
/// impl Analysis for WordCount {
///     fn kind(&self) -> &str {
///         "word_count"
///     }
///
///     async fn run(&self, context: &Context) -> Result<Value, Failure> {
///         let words = context.query().split_whitespace().count();
///         if words == 0 {
///             return Err(Failure::reject("NO_WORDS", "The query is empty."));
///         }
///         context.progress(90, "Counted");
///         context.stream(&format!("{words} words.")).await;
///         Ok(json!({"words": words}))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # use longhaul_worker::testing;
/// let run = testing::run(&WordCount, testing::question("to be or not to be")).await;
/// assert_eq!(run.result.unwrap()["words"], 6);
/// assert_eq!(run.streamed, "6 words.");
/// # }
/// ```
#[async_trait]
pub trait Analysis: Send + Sync + 'static {
    /// The name that a front end submits it under, such as `finops`.
    fn kind(&self) -> &str;

    /// Does the work and returns the job's result.
    ///
    /// It may be run again: after a crash, after a failure that may pass, and in the next invocation when its time
    /// runs out. What must be done only once, or takes long, belongs into a [`Context::step`].
    ///
    /// # Errors
    /// The work can't be done: [`Failure::Reject`] if never, [`Failure::Retry`] if not now.
    async fn run(&self, context: &Context) -> Result<Value, Failure>;
}

/// A job as its analysis sees it.
pub struct Context {
    input: AnalysisInput,
    channel: Arc<AnalysisChannel>,
}

/// What an analysis is given.
#[derive(Debug, Clone, PartialEq)]
pub struct AnalysisInput {
    /// The job's id.
    pub job: JobId,
    /// The question.
    pub query: String,
    /// A JSON object.
    pub params: Value,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// The turns before this one, oldest first, where the job is a turn of a session.
    pub history: Vec<HistoryTurn>,
    /// The session that the job is a turn of, if it is one.
    pub session: Option<SessionId>,
}

impl AnalysisInput {
    /// A question outside any session, in the job's first attempt.
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
    /// What the running step has streamed.
    static STEP_TEXT: RefCell<String>;
}

impl Context {
    pub(crate) fn new(input: AnalysisInput, channel: Arc<AnalysisChannel>) -> Self {
        Self { input, channel }
    }

    /// The job's id: the same in every attempt.
    pub fn job(&self) -> JobId {
        self.input.job
    }

    /// The whole query, as it was submitted.
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

    /// The turns before this one, oldest first, where the job is a turn of a session: at most 64 KiB of text, without
    /// the oldest turns where there is more.
    pub fn history(&self) -> &[HistoryTurn] {
        &self.input.history
    }

    /// The session that the job is a turn of, if it is one.
    pub fn session(&self) -> Option<SessionId> {
        self.input.session
    }

    /// The same job with another query and history. Progress, text and steps are still the job's.
    pub fn with_question(&self, query: &str, history: Vec<HistoryTurn>) -> Self {
        let input = AnalysisInput {
            query: query.to_owned(),
            history,
            ..self.input.clone()
        };
        Self::new(input, self.channel.clone())
    }

    /// The input as JSON, for a program or a function that does the work: `job`, `query`, `params`, `attempt` and
    /// `history`.
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

    /// Reports how far the work is, from 0 to 100 percent. Cheap, and never waits. Each step of 5 % reaches the front
    /// end; of smaller ones the latest, about once a second.
    pub fn progress(&self, percent: u8, message: impl Into<String>) {
        let message = message.into();
        self.channel.progress.push(Report {
            percent,
            message: limits::prefix(&message, limits::MESSAGE_BYTES).to_owned(),
        });
    }

    /// Streams the next piece of the answer. Pieces are merged into chunks, stored, and pushed in order; it waits only
    /// while more than 256 KiB is not stored yet. An analysis that runs again streams its text from the beginning:
    /// text that equals what was already streamed is suppressed.
    pub async fn stream(&self, piece: &str) {
        // Outside of a step there is no step's text to add to.
        let _ = STEP_TEXT.try_with(|text| text.borrow_mut().push_str(piece));
        self.channel.stream.push(piece).await;
    }

    /// Does a part of the work once. Its result is saved, with the text that it streamed; every later attempt gets
    /// both instead of doing the work again.
    ///
    /// The name and the input identify a step, so a step that depends on an earlier one should have that one's result
    /// in its input. Steps may run side by side within one task, but then only one of them should stream.
    ///
    /// # Errors
    /// The work's own failure; a name that is empty or longer than 128 bytes; a result and text of more than 350 KiB;
    /// an input or result that is not JSON.
    ///
    /// ```
    /// # use longhaul_worker::analysis::{Analysis, Context, Failure};
    /// # use serde_json::{Value, json};
    /// # async fn load(table: &str) -> Result<Vec<u64>, Failure> { Ok(vec![1, 2]) }
    /// # async fn run(context: &Context) -> Result<Value, Failure> {
    /// let rows = context.step("load", "sales", load("sales")).await?;
    /// let sum = context.step("sum", &rows, async { Ok(rows.iter().sum::<u64>()) }).await?;
    /// # Ok(json!(sum))
    /// # }
    /// ```
    pub async fn step<T, I, W>(&self, name: &str, input: &I, work: W) -> Result<T, Failure>
    where
        T: Serialize + DeserializeOwned,
        I: Serialize + ?Sized,
        W: Future<Output = Result<T, Failure>>,
    {
        let key = step_key(name, input)?;
        // A result that another version saved in another form is computed again.
        if let Some(saved) = self.channel.load_step(&key).await
            && let Ok(result) = serde_json::from_str(&saved.result)
        {
            self.stream(&saved.streamed_text).await;
            return Ok(result);
        }
        let started = Instant::now();
        let (result, streamed) = STEP_TEXT
            .scope(RefCell::default(), async {
                let result = work.await;
                (result, STEP_TEXT.with(RefCell::take))
            })
            .await;
        // The text of a step within a step is also the outer one's.
        let _ = STEP_TEXT.try_with(|outer| outer.borrow_mut().push_str(&streamed));
        let result = result?;
        let took = started.elapsed();
        let saved = StepResult {
            result: step_json(&result)?,
            streamed_text: streamed,
        };
        if saved.result.len() + saved.streamed_text.len() > MAX_STEP_BYTES {
            let message = format!(
                "The result and text of the step '{name}' are larger than {MAX_STEP_BYTES} bytes."
            );
            return Err(Failure::reject(JobErrorCode::StepTooLarge, message));
        }
        let name = name.to_owned();
        let step = SavedStep {
            key,
            name,
            took,
            result: saved,
        };
        self.channel.save_step(step).await;
        Ok(result)
    }
}

/// One key for each name and input.
fn step_key(name: &str, input: &(impl Serialize + ?Sized)) -> Result<String, Failure> {
    if name.is_empty() || name.len() > MAX_STEP_NAME_BYTES {
        let message = format!("A step's name has 1 to {MAX_STEP_NAME_BYTES} bytes.");
        return Err(Failure::reject(JobErrorCode::StepName, message));
    }
    let input = step_json(input)?;
    Ok(format!(
        "{name}#{}",
        Uuid::new_v5(&Uuid::NAMESPACE_OID, input.as_bytes())
    ))
}

fn step_json(value: &(impl Serialize + ?Sized)) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| {
        let message = format!("A step's input or result can't be written as JSON: {error}.");
        Failure::reject(JobErrorCode::StepNotJson, message)
    })
}
