//! An analysis in any language: a program that is started for each job and exchanges lines of JSON with the worker.
//!
//! The program reads the job from the first line of its standard input:
//! `{"job","query","params","attempt","history"}`. Each line of its standard output is one message:
//!
//! | line | meaning |
//! | --- | --- |
//! | `{"progress":{"percent":40,"message":"Loading"}}` | reports progress |
//! | `{"chunk":"..."}` | streams the next piece of the answer |
//! | `{"step":{"name":"load","input":...}}` | begins a step; the response `{"kept":...,"done":true}` has its saved result, `{"kept":null,"done":false}` asks the program to do it |
//! | `{"keep":...}` | saves the result of the step that was not done |
//! | `{"result":...}` | ends the job with its result |
//! | `{"reject":"why"}` | fails the job at once |
//! | `{"retry":"why"}` | fails the attempt; another may succeed |
//!
//! Any other line is the program's own output: it goes to the worker's log, as its standard error does. One
//! that begins like a message and can't be read fails the job at once, since the program would write it again.
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
use longhaul_worker::analysis::{Analysis, Context, Failure, JobErrorCode, ReportedProgress};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Take};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

/// One line of output, in bytes: the largest result that a job may have fits.
const MAX_LINE_BYTES: u64 = 80 << 20;
/// How much of a line is shown in an error or in the log, in characters.
const SHOWN_CHARACTERS: usize = 120;

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
    /// How far it is.
    Progress(ReportedProgress),
    /// The next piece of the answer.
    Chunk(String),
    /// It begins a step. The response has the result that an earlier attempt saved, or asks the program to do the step
    /// and send `keep`.
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

/// The names of [`ProgramMessage`]'s variants in JSON.
const MESSAGE_NAMES: [&str; 7] = [
    "progress", "chunk", "step", "keep", "result", "reject", "retry",
];

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
        // A program that reads only `kept` does a step again whose saved result is null.
        let mut may_keep_again = false;
        loop {
            let message = io.lock().await.receive().await?;
            match message {
                ProgramMessage::Result(result) => return Ok(result),
                ProgramMessage::Keep(_) if may_keep_again => may_keep_again = false,
                ProgramMessage::Step { name, input } => {
                    let mut is_run = false;
                    let work = async {
                        is_run = true;
                        run_step(context, &io).await
                    };
                    let result = context.step(&name, &input, work).await?;
                    may_keep_again = !is_run && result.is_null();
                    if !is_run {
                        let done = json!({"kept": result, "done": true});
                        io.lock().await.send(&done).await?;
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
    io.send(&json!({"kept": null, "done": false})).await?;
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
        ProgramMessage::Progress(progress) => context.progress(progress.percent, progress.message),
        ProgramMessage::Chunk(piece) => context.stream(&piece).await,
        ProgramMessage::Reject(reason) => {
            return Err(Failure::reject(JobErrorCode::ProgramRejected, reason));
        }
        ProgramMessage::Retry(reason) => {
            return Err(Failure::retry(JobErrorCode::ProgramFailed, reason));
        }
        ProgramMessage::Keep(_) => {
            return Err(unreadable("sent 'keep' without beginning a step"));
        }
        ProgramMessage::Step { .. } => return Err(unreadable("began a step within a step")),
        ProgramMessage::Result(_) => return Err(unreadable("sent 'result' within a step")),
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

    /// The next message. The program's own output goes to the log.
    async fn receive(&mut self) -> Result<ProgramMessage, Failure> {
        loop {
            let mut line = vec![];
            self.output.set_limit(MAX_LINE_BYTES);
            let read = self.output.read_until(b'\n', &mut line).await;
            let read =
                read.map_err(|error| died(format!("can't be read from: {}", error.kind())))?;
            if read == 0 {
                return Err(self.ended().await);
            }
            let error = match serde_json::from_slice(&line) {
                Ok(message) => return Ok(message),
                Err(error) => error,
            };
            let line = String::from_utf8_lossy(&line);
            let shown: String = line.trim().chars().take(SHOWN_CHARACTERS).collect();
            if is_meant_as_message(&line) {
                tracing::warn!(line = shown, %error, "a program's line could not be read");
                return Err(unreadable(&format!(
                    "sent a line that can't be read ({error}): {shown}"
                )));
            }
            tracing::info!(line = shown, "a program's output");
        }
    }

    async fn ended(&mut self) -> Failure {
        let status = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.kind().to_string(),
        };
        died(format!("ended without a result ({status})"))
    }
}

/// Whether a line that is not a message begins like one.
fn is_meant_as_message(line: &str) -> bool {
    let Some(inside) = line.trim_start().strip_prefix('{') else {
        return false;
    };
    let name = inside.trim_start().strip_prefix('"');
    let name = name.and_then(|name| name.split_once('"'));
    name.is_some_and(|(name, _)| MESSAGE_NAMES.contains(&name))
}

/// The program would do the same again.
fn unreadable(what: &str) -> Failure {
    let message = format!("The analysis's program {what}.");
    Failure::reject(JobErrorCode::ProgramDied, message)
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
        assert_eq!(
            run(script).await.unwrap(),
            json!({"kept": null, "done": false})
        );
    }

    #[tokio::test]
    async fn a_programs_numbers_and_its_own_output_fail_nothing() {
        let script = r#"echo 'Loading {the} model'; echo '{"other":1}'; echo
            echo '{"progress":{"percent":33.3}}'; echo '{"progress":{"percent":300,"message":"x"}}'
            echo '{"result":1}'"#;
        let program = Program::new("shell", "sh", ["-c", script]);
        let run = testing::run(&program, testing::question("x")).await;
        assert_eq!(run.result.unwrap(), 1);
        let reports: Vec<_> = run.reports.iter().map(|report| report.percent).collect();
        assert_eq!(reports, [33, 100]);
    }

    #[tokio::test]
    async fn failures_have_a_reason() {
        for (script, expected) in [
            ("exit 3", "ended without a result (exit status: 3)"),
            (
                "echo hello; exit 3",
                "ended without a result (exit status: 3)",
            ),
            (
                r#"echo '{"keep":1}'"#,
                "PROGRAM_DIED The analysis's program sent 'keep' without beginning a step",
            ),
            (
                r#"echo '{"step":{"name":"a"}}'; echo '{"result":1}'"#,
                "PROGRAM_DIED The analysis's program sent 'result' within a step",
            ),
            (
                r#"echo '{"result":NaN}'"#,
                r#"PROGRAM_DIED The analysis's program sent a line that can't be read (expected value at line 1 column 11): {"result":NaN}"#,
            ),
            (
                r#"echo '{"chunk":"\ud83e"}'"#,
                "PROGRAM_DIED The analysis's program sent a line that can't be read",
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
