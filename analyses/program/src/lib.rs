//! An analysis in any language: a program that is started for each job and exchanges lines of JSON with the worker.
//!
//! The program reads the job from the first line of its standard input:
//! `{"job","query","params","attempt","history"}`. Each line of its standard output is one message:
//!
//! | line | meaning |
//! | --- | --- |
//! | `{"progress":{"percent":40,"message":"Loading"}}` | reports progress |
//! | `{"chunk":"..."}` | streams the next piece of the answer |
//! | `{"step":{"name":"load","input":...}}` | begins a step; the response `{"kept":...}` is its saved result, or null |
//! | `{"keep":...}` | saves the result of the step whose response was null |
//! | `{"result":...}` | ends the job with its result |
//! | `{"reject":"why"}` | fails the job at once |
//! | `{"retry":"why"}` | fails the attempt; another may succeed |
//!
//! Its standard error goes to the worker's log.
//!
//! ```no_run
//! use longhaul_program::Program;
//! use longhaul_worker::{analyses, run};
//!
//! #[tokio::main]
//! async fn main() -> anyhow::Result<()> {
//!     run(analyses![Program::new("text_statistics", "python3", ["text_statistics.py"])]).await
//! }
//! ```

#![deny(missing_docs)]

use std::ffi::OsString;
use std::process::Stdio;

use async_trait::async_trait;
use longhaul_worker::analysis::{Analysis, Context, Failure, JobErrorCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Take};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

/// One line of output, in bytes: the largest result that a job may have fits.
const MAX_LINE_BYTES: u64 = 80 << 20;

/// An analysis that runs a command for each job of its kind.
///
/// ```
/// use longhaul_program::Program;
/// use longhaul_worker::testing;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let program = Program::new("echo", "sh", ["-c", r#"echo '{"result":{"words":6}}'"#]);
/// let run = testing::run(&program, testing::question("to be or not to be")).await;
/// assert_eq!(run.result.unwrap()["words"], 6);
/// # }
/// ```
pub struct Program {
    kind: &'static str,
    command: OsString,
    arguments: Vec<OsString>,
}

/// A line of a program's output.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum ProgramMessage {
    /// How far it is, from 0 to 100 percent.
    Progress { percent: u8, message: String },
    /// The next piece of the answer.
    Chunk(String),
    /// It begins a step. The response `{"kept":...}` has the result that an earlier attempt saved; after null the
    /// program does the step and sends `keep`.
    Step {
        name: String,
        #[serde(default)]
        input: Value,
    },
    /// The result of the current step.
    Keep(Value),
    /// The end: the job's result.
    Result(Value),
    /// The end: the work can never succeed, for this reason.
    Reject(String),
    /// The end: the work may succeed later.
    Retry(String),
}

/// A running program with its input and output.
struct ProgramIo {
    input: ChildStdin,
    output: Take<BufReader<ChildStdout>>,
    child: Child,
}

impl Program {
    /// An analysis of this kind that runs the command with these arguments. A command without a slash is looked up in
    /// the `PATH`.
    pub fn new<A: Into<OsString>>(
        kind: &'static str,
        command: impl Into<OsString>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        Self {
            kind,
            command: command.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
        }
    }

    fn start(&self) -> Result<ProgramIo, Failure> {
        let started = Command::new(&self.command)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // The program of a cancelled job ends with it.
            .kill_on_drop(true)
            .spawn();
        let mut child =
            started.map_err(|error| died(format!("can't be started: {}", error.kind())))?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => Ok(ProgramIo {
                input,
                output: BufReader::new(output).take(MAX_LINE_BYTES),
                child,
            }),
            _ => Err(died("has no standard input or output".to_owned())),
        }
    }
}

#[async_trait]
impl Analysis for Program {
    fn kind(&self) -> &'static str {
        self.kind
    }

    async fn run(&self, context: &Context) -> Result<Value, Failure> {
        let mut io = self.start()?;
        io.send(&context.to_json()).await?;
        let io = Mutex::new(io);
        loop {
            let message = io.lock().await.receive().await?;
            match message {
                ProgramMessage::Result(result) => return Ok(result),
                ProgramMessage::Step { name, input } => {
                    let mut is_run = false;
                    let work = async {
                        is_run = true;
                        run_step(context, &io).await
                    };
                    let result = context.step(&name, &input, work).await?;
                    if !is_run {
                        io.lock().await.send(&json!({"kept": result})).await?;
                    }
                }
                message => forward(context, message).await?,
            }
        }
    }
}

/// Lets the program run the step that it began, and returns the step's result.
async fn run_step(context: &Context, io: &Mutex<ProgramIo>) -> Result<Value, Failure> {
    let mut io = io.lock().await;
    io.send(&json!({"kept": null})).await?;
    loop {
        match io.receive().await? {
            ProgramMessage::Keep(result) => return Ok(result),
            message => forward(context, message).await?,
        }
    }
}

/// Passes on a message that may come inside and outside of a step. Any other is an error.
async fn forward(context: &Context, message: ProgramMessage) -> Result<(), Failure> {
    match message {
        ProgramMessage::Progress { percent, message } => context.progress(percent, message),
        ProgramMessage::Chunk(piece) => context.stream(&piece).await,
        ProgramMessage::Reject(reason) => {
            return Err(Failure::reject(JobErrorCode::ProgramRejected, reason));
        }
        ProgramMessage::Retry(reason) => {
            return Err(Failure::retry(JobErrorCode::ProgramFailed, reason));
        }
        ProgramMessage::Keep(_) => {
            return Err(died("sent 'keep' without beginning a step".to_owned()));
        }
        ProgramMessage::Step { .. } => return Err(died("began a step within a step".to_owned())),
        ProgramMessage::Result(_) => return Err(died("sent 'result' within a step".to_owned())),
    }
    Ok(())
}

impl ProgramIo {
    async fn send(&mut self, line: &Value) -> Result<(), Failure> {
        let written = self.input.write_all(format!("{line}\n").as_bytes()).await;
        match written {
            Ok(()) => Ok(()),
            // A program need not read its input; that it has died shows when its output is read.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(died(format!("can't be written to: {}", error.kind()))),
        }
    }

    async fn receive(&mut self) -> Result<ProgramMessage, Failure> {
        let mut line = String::new();
        self.output.set_limit(MAX_LINE_BYTES);
        let read = self.output.read_line(&mut line).await;
        let read = read.map_err(|error| died(format!("can't be read from: {}", error.kind())))?;
        if read == 0 {
            let ended = self.child.wait().await;
            let status = ended.map_or_else(
                |error| error.kind().to_string(),
                |status| status.to_string(),
            );
            return Err(died(format!("ended without a result ({status})")));
        }
        serde_json::from_str(&line)
            .map_err(|error| died(format!("sent a line that is not of the protocol: {error}")))
    }
}

fn died(what: String) -> Failure {
    let message = format!("The analysis's program {what}.");
    Failure::retry(JobErrorCode::ProgramDied, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use longhaul_worker::testing;

    /// Runs a shell script.
    async fn run(script: &str) -> Result<Value, Failure> {
        let program = Program::new("shell", "sh", ["-c", script]);
        let question = testing::question("how \"much\"?");
        testing::run(&program, question).await.result
    }

    fn reason(failure: Result<Value, Failure>) -> String {
        match failure.unwrap_err() {
            Failure::Retry { message, .. } => message,
            Failure::Reject { code, message } => format!("{code} {message}"),
        }
    }

    #[tokio::test]
    async fn a_program_reads_the_job_and_writes_the_result() {
        let echo = r#"read -r job; echo '{"progress":{"percent":7,"message":"x"}}'; echo "{\"result\":$job}""#;
        let result = run(echo).await.unwrap();
        assert_eq!(result["query"], "how \"much\"?");
        assert_eq!(
            (&result["params"], &result["attempt"]),
            (&json!({}), &json!(1))
        );
        // A program that does not read its input is not waited for.
        assert_eq!(run(r#"exec <&-; echo '{"result":1}'"#).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_step_is_saved_before_the_program_continues() {
        let script = r#"read -r job; echo '{"step":{"name":"a","input":1}}'; read -r kept
            echo '{"chunk":"piece"}'; echo '{"keep":[5]}'; echo "{\"result\":$kept}""#;
        assert_eq!(run(script).await.unwrap(), json!({"kept": null}));
    }

    #[tokio::test]
    async fn failures_have_a_reason() {
        for (script, expected) in [
            ("exit 3", "ended without a result (exit status: 3)"),
            ("echo hello", "sent a line that is not of the protocol"),
            (
                r#"echo '{"keep":1}'"#,
                "sent 'keep' without beginning a step",
            ),
            (
                r#"echo '{"step":{"name":"a"}}'; echo '{"result":1}'"#,
                "sent 'result' within a step",
            ),
            (
                r#"echo '{"reject":"No such table."}'"#,
                "PROGRAM_REJECTED No such table.",
            ),
            (r#"echo '{"retry":"Busy."}'"#, "Busy."),
        ] {
            let reason = reason(run(script).await);
            assert!(reason.contains(expected), "{script}: {reason}");
        }
        let missing = Program::new("none", "/nowhere/none", [""; 0]);
        let run = testing::run(&missing, testing::question("x")).await;
        assert!(reason(run.result).contains("can't be started"));
    }
}
