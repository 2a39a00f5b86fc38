//! `noop`: for load tests and canaries. Reports `params.steps` times, `params.stepMs` apart, returns
//! `params.bytes` bytes, and does nothing else; with `params.text` it streams so many bytes at each step,
//! with `params.vary` another in each attempt, and with `params.keep` each step is kept.
//!
//! To try what happens to a job that fails: in its first `params.failures` attempts of a run (in all
//! of them if left out) it ends with `params.fail` (`retry` or `reject`), or with `params.crash` ends
//! its worker's process.

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use longhaul_worker::analysis::{Analysis, Context, Failure};

/// More would outlast any lease for nothing.
const MOST_STEPS: u32 = 1000;
const LONGEST_STEP: u64 = 60_000;
/// A step's text.
const MOST_TEXT: usize = 1 << 20;
/// More than the largest result that a job may have, so that its refusal can be seen too.
const MOST_BYTES: usize = 65 << 20;

pub struct Noop;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Params {
    steps: u32,
    step_ms: u64,
    bytes: usize,
    text: usize,
    vary: bool,
    keep: bool,
    fail: Option<Fail>,
    crash: bool,
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
        if params.steps > MOST_STEPS
            || params.step_ms > LONGEST_STEP
            || params.text > MOST_TEXT
            || params.bytes > MOST_BYTES
        {
            return Err(reject(format!(
                "'params' ask for too much: at most {MOST_STEPS} steps, {LONGEST_STEP} ms between them, {MOST_TEXT} bytes of text at each and {MOST_BYTES} bytes in the end."
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
            // The last step is not the end, so that it stays apart from it: 4 steps are 20, 40, 60, 80.
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
    /// Fails as it was asked to, if it was.
    fn fail(&self) -> Result<(), Failure> {
        if self.crash {
            // As the system ends a process that outgrows its memory: no unwinding, no last words.
            std::process::abort();
        }
        let message = "It was asked to fail.".to_owned();
        match self.fail {
            None => Ok(()),
            Some(Fail::Retry) => Err(Failure::Retry {
                code: "NOOP_FAILED",
                message,
            }),
            Some(Fail::Reject) => Err(Failure::Reject {
                code: "NOOP_REJECTED",
                message,
            }),
        }
    }
}

/// A line of text of so many bytes that tells one step from another.
fn line(word: &str, bytes: usize) -> String {
    let mut line = format!("{word} ").repeat(bytes / 2);
    line.truncate(bytes - 1);
    line.push('\n');
    line
}

fn reject(message: String) -> Failure {
    Failure::Reject {
        code: "BAD_PARAMS",
        message,
    }
}
