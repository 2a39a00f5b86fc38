//! An analysis in any language: a program that is started for each job and speaks in lines of JSON.
//!
//! Its first line of input is the job; each line of its output is one of [`Said`]. What it writes to standard
//! error goes to the worker's log as it is. What it computes is not known here.

use std::ffi::OsString;
use std::process::Stdio;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Take};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use longhaul_worker::analysis::{Analysis, Context, Failure};

/// Bytes of one line. The largest result that a job may have fits.
const LONGEST_LINE: u64 = 80 << 20;

/// Runs this command for each job of its kind.
pub struct Program {
    kind: &'static str,
    command: OsString,
    arguments: Vec<OsString>,
}

/// What a program says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Said {
    /// How far it is, from 0 to 100.
    Progress { percent: u8, message: String },
    /// The next piece of the answer.
    Chunk(String),
    /// It begins a part of the work that is kept. It is answered with `{"kept":...}`: what the part gave in an
    /// earlier attempt, else null; then it does the part, and says `keep`.
    Step {
        name: String,
        #[serde(default)]
        input: Value,
    },
    /// What the part under way gave.
    Keep(Value),
    /// The end: the job's result.
    Result(Value),
    /// The end: the work can never succeed, for this reason.
    Reject(String),
    /// The end: it may succeed later.
    Retry(String),
}

/// A program at work.
struct Talk {
    input: ChildStdin,
    output: Take<BufReader<ChildStdout>>,
    child: Child,
}

impl Program {
    /// `kind` is what front ends ask for; `command` is looked up in the `PATH` if it is a bare name.
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

    fn start(&self) -> Result<Talk, Failure> {
        let started = Command::new(&self.command)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A job that is cancelled takes its program with it.
            .kill_on_drop(true)
            .spawn();
        let mut child =
            started.map_err(|error| died(format!("can't be started: {}", error.kind())))?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => Ok(Talk {
                input,
                output: BufReader::new(output).take(LONGEST_LINE),
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
        let mut talk = self.start()?;
        talk.tell(&context.to_json()).await?;
        let talk = Mutex::new(talk);
        loop {
            let said = talk.lock().await.hear().await?;
            match said {
                Said::Result(result) => return Ok(result),
                Said::Step { name, input } => {
                    let mut done = false;
                    let part = async {
                        done = true;
                        let mut talk = talk.lock().await;
                        talk.tell(&json!({"kept": null})).await?;
                        loop {
                            match talk.hear().await? {
                                Said::Keep(value) => return Ok(value),
                                said => report(context, said).await?,
                            }
                        }
                    };
                    let value = context.step(&name, &input, part).await?;
                    if !done {
                        talk.lock().await.tell(&json!({"kept": value})).await?;
                    }
                }
                said => report(context, said).await?,
            }
        }
    }
}

/// What is said in a step and out of it.
async fn report(context: &Context, said: Said) -> Result<(), Failure> {
    match said {
        Said::Progress { percent, message } => context.progress(percent, message),
        Said::Chunk(piece) => context.stream(&piece).await,
        Said::Reject(message) => {
            let code = "PROGRAM_REJECTED";
            return Err(Failure::Reject { code, message });
        }
        Said::Retry(message) => {
            let code = "PROGRAM_FAILED";
            return Err(Failure::Retry { code, message });
        }
        Said::Keep(_) => return Err(died("kept a step that it had not begun".to_owned())),
        Said::Step { .. } => return Err(died("began a step within a step".to_owned())),
        Said::Result(_) => return Err(died("ended within a step".to_owned())),
    }
    Ok(())
}

impl Talk {
    async fn tell(&mut self, line: &Value) -> Result<(), Failure> {
        let written = self.input.write_all(format!("{line}\n").as_bytes()).await;
        match written {
            Ok(()) => Ok(()),
            // It need not read what it does not want; that it has died is found out when it is heard.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(died(format!("can't be told anything: {}", error.kind()))),
        }
    }

    async fn hear(&mut self) -> Result<Said, Failure> {
        let mut line = String::new();
        self.output.set_limit(LONGEST_LINE);
        let read = self.output.read_line(&mut line).await;
        let read = read.map_err(|error| died(format!("can't be heard: {}", error.kind())))?;
        if read == 0 {
            let ended = self.child.wait().await;
            let how = ended.map_or_else(
                |error| error.kind().to_string(),
                |status| status.to_string(),
            );
            return Err(died(format!("ended without a result ({how})")));
        }
        serde_json::from_str(&line)
            .map_err(|error| died(format!("said what is no line of the protocol: {error}")))
    }
}

fn died(why: String) -> Failure {
    Failure::Retry {
        code: "PROGRAM_DIED",
        message: format!("The analysis's program {why}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longhaul_worker::testing;

    /// What a shell script's lines come to.
    async fn run(script: &str) -> Result<Value, Failure> {
        let program = Program::new("shell", "sh", ["-c", script]);
        let question = testing::question("how \"much\"?");
        testing::run(&program, question).await.result
    }

    fn why(failure: Result<Value, Failure>) -> String {
        match failure.unwrap_err() {
            Failure::Retry { message, .. } => message,
            Failure::Reject { code, message } => format!("{code} {message}"),
        }
    }

    #[tokio::test]
    async fn it_is_given_the_job_and_gives_the_result() {
        let echo = r#"read -r job; echo '{"progress":{"percent":7,"message":"x"}}'; echo "{\"result\":$job}""#;
        let result = run(echo).await.unwrap();
        assert_eq!(result["query"], "how \"much\"?");
        assert_eq!(
            (&result["params"], &result["attempt"]),
            (&json!({}), &json!(1))
        );
        // Whoever does not read is not waited for.
        assert_eq!(run(r#"exec <&-; echo '{"result":1}'"#).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_step_is_kept_before_the_program_goes_on() {
        let script = r#"read -r job; echo '{"step":{"name":"a","input":1}}'; read -r kept
            echo '{"chunk":"piece"}'; echo '{"keep":[5]}'; echo "{\"result\":$kept}""#;
        assert_eq!(run(script).await.unwrap(), json!({"kept": null}));
    }

    #[tokio::test]
    async fn what_goes_wrong_is_said() {
        for (script, said) in [
            ("exit 3", "ended without a result (exit status: 3)"),
            ("echo hello", "no line of the protocol"),
            (r#"echo '{"keep":1}'"#, "kept a step that it had not begun"),
            (
                r#"echo '{"step":{"name":"a"}}'; echo '{"result":1}'"#,
                "ended within a step",
            ),
            (
                r#"echo '{"reject":"No such table."}'"#,
                "PROGRAM_REJECTED No such table.",
            ),
            (r#"echo '{"retry":"Busy."}'"#, "Busy."),
        ] {
            let why = why(run(script).await);
            assert!(why.contains(said), "{script}: {why}");
        }
        let missing = Program::new("none", "/nowhere/none", [""; 0]);
        let run = testing::run(&missing, testing::question("x")).await;
        assert!(why(run.result).contains("can't be started"));
    }
}
