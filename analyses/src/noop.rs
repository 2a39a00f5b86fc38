//! `noop`: an analysis for load tests and canaries. It reports progress and returns text, and can fail on demand.

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use longhaul_worker::analysis::{Analysis, Context, Failure, JobErrorCode};

const MAX_STEPS: u32 = 1000;
const MAX_STEP_MS: u64 = 60_000;
/// The text of one step, in bytes.
const MAX_TEXT_BYTES: usize = 1 << 20;
/// Larger than the largest result that a job may have, so that its rejection can be tested.
const MAX_RESULT_BYTES: usize = 65 << 20;

/// The analysis of the kind `noop`.
pub struct Noop;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Params {
    /// Number of progress reports. Default: 4.
    steps: u32,
    /// Milliseconds before each report. Default: 0.
    step_ms: u64,
    /// Bytes of the result's `response`. Default: 0.
    bytes: usize,
    /// Bytes of text that each step streams. Default: 0.
    text: usize,
    /// Whether the text differs in each attempt.
    vary: bool,
    /// Whether each step is saved.
    keep: bool,
    /// How the job fails, if it does.
    fail: Option<Fail>,
    /// Whether the analysis ends its worker's process.
    crash: bool,
    /// In how many attempts of a run it fails or crashes. Default: in all.
    failures: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Fail {
    Retry,
    Reject,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            steps: 4,
            step_ms: 0,
            bytes: 0,
            text: 0,
            vary: false,
            keep: false,
            fail: None,
            crash: false,
            failures: u32::MAX,
        }
    }
}

#[async_trait]
impl Analysis for Noop {
    fn kind(&self) -> &'static str {
        "noop"
    }

    async fn run(&self, context: &Context) -> Result<Value, Failure> {
        let params = Params::deserialize(context.params())
            .map_err(|error| reject(format!("'params' do not fit noop: {error}.")))?;
        if params.steps > MAX_STEPS
            || params.step_ms > MAX_STEP_MS
            || params.text > MAX_TEXT_BYTES
            || params.bytes > MAX_RESULT_BYTES
        {
            return Err(reject(format!(
                "'params' exceed a limit: at most {MAX_STEPS} 'steps', {MAX_STEP_MS} 'stepMs', {MAX_TEXT_BYTES} bytes of 'text' and {MAX_RESULT_BYTES} 'bytes'."
            )));
        }
        for step in 1..=params.steps {
            let work = async {
                tokio::time::sleep(Duration::from_millis(params.step_ms)).await;
                if params.text > 0 {
                    let word = match params.vary {
                        true => format!("{step}/{}", context.attempt()),
                        false => step.to_string(),
                    };
                    context.stream(&line(&word, params.text)).await;
                }
                Ok(())
            };
            match params.keep {
                true => context.step("noop", &step, work).await?,
                false => work.await?,
            }
            // The last step is less than 100 %, so that it differs from the end: 4 steps are 20, 40, 60 and 80 %.
            context.progress(
                (step * 100 / (params.steps + 1)) as u8,
                format!("Step {step} of {}", params.steps),
            );
        }
        if context.attempt() <= params.failures {
            params.fail()?;
        }
        Ok(json!({"agent": "noop", "query": context.query(), "response": "x".repeat(params.bytes)}))
    }
}

impl Params {
    /// Fails or crashes, if the params say so.
    fn fail(&self) -> Result<(), Failure> {
        if self.crash {
            // Like a process that runs out of memory: no unwinding, no output.
            std::process::abort();
        }
        let message = "It was asked to fail.";
        match self.fail {
            None => Ok(()),
            Some(Fail::Retry) => Err(Failure::retry(JobErrorCode::NoopFailed, message)),
            Some(Fail::Reject) => Err(Failure::reject(JobErrorCode::NoopRejected, message)),
        }
    }
}

/// A line of this many bytes that repeats the word, so that steps differ.
fn line(word: &str, bytes: usize) -> String {
    let mut line = format!("{word} ").repeat(bytes / 2);
    line.truncate(bytes - 1);
    line.push('\n');
    line
}

fn reject(message: String) -> Failure {
    Failure::reject(JobErrorCode::BadParams, message)
}
