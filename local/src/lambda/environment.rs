//! An execution environment: one process with its Runtime API and its log. It runs one invocation at a time.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

use super::function_log::FunctionLog;
use super::invocation::{Invocation, ProcessExit, error_payload};
use super::launch::LaunchOptions;
use super::memory_monitor::MemoryMonitor;
use super::outcome::{FailureKind, InvokeOutcome};
use super::process_group::ProcessGroup;
use super::process_registry::{ProcessRegistry, Registration};
use super::runtime_api::{InvocationResult, PendingInvocation, RuntimeApi};
use crate::caller::ACCESS_KEY_PREFIX;
use crate::stack_spec::{Function, REGION};

/// Lambda's limit for the init phase, before it repeats it under the function's own timeout.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of a process's output explains why it did not start.
const OUTPUT_LINES: usize = 5;

/// One process and what belongs to it. Dropping it kills the process.
pub(super) struct Environment {
    function: Arc<Function>,
    process: Child,
    api: RuntimeApi,
    log: FunctionLog,
    memory: MemoryMonitor,
    started_at: Instant,
    /// Whether the process has requested its first invocation.
    initialized: bool,
    /// Serves the Runtime API; aborted when the environment is dropped.
    api_task: JoinHandle<()>,
    _alive: mpsc::Sender<()>,
    _registration: Registration,
}

/// The outcome of an invocation, and the state of its environment.
pub(super) enum RunOutcome {
    /// The environment can run another invocation.
    Completed(InvokeOutcome),
    /// The process is dead.
    Died(InvokeOutcome),
    /// The process is dead and never received the invocation.
    NotStarted(Invocation),
}

impl Environment {
    /// Starts the process. An error in its init phase is reported by its first [`Environment::run`].
    ///
    /// # Errors
    /// The Runtime API has no port, or the log file or the program cannot be opened or executed.
    pub(super) async fn start(
        function: &Arc<Function>,
        launch: &LaunchOptions,
        process_group: &ProcessGroup,
        processes: &ProcessRegistry,
        alive: mpsc::Sender<()>,
    ) -> anyhow::Result<Environment> {
        let id = Uuid::new_v4().simple().to_string();
        let path = launch.log_folder.join(format!("{}.log", function.name));
        let (log, output) = FunctionLog::open(&path, &id[..8])
            .with_context(|| format!("cannot log to {}", path.display()))?;
        let api = RuntimeApi::new(log.clone(), function);
        let (address, api_task) = api.listen().await?;
        let program = launch.programs.path_for(function)?;
        let errors = output
            .try_clone()
            .context("cannot share the function's log")?;
        let process = Command::new(&program)
            .args(&launch.arguments)
            .env_clear()
            .envs(environment_variables(
                function,
                launch,
                &address.to_string(),
                &id,
            ))
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(process_group.id())
            .kill_on_drop(true)
            .spawn();
        if process.is_err() {
            api_task.abort();
        }
        let process = process.with_context(|| format!("cannot start {}", program.display()))?;
        let registration = processes.register(&id, process.id());
        Ok(Environment {
            function: function.clone(),
            memory: MemoryMonitor::new(process.id(), function.memory_mib),
            process,
            api,
            log,
            started_at: Instant::now(),
            initialized: false,
            api_task,
            _alive: alive,
            _registration: registration,
        })
    }

    /// Waits until the process requests its first invocation.
    ///
    /// # Errors
    /// Why it did not: it ended, it reported an error, or Lambda's limits for the init phase are exceeded.
    pub(super) async fn initialize(&mut self) -> Result<(), String> {
        let failure = tokio::select! {
            biased;
            outcome = self.api.initialized() => match outcome {
                Ok(()) => {
                    self.initialized = true;
                    return Ok(());
                }
                Err(payload) => format!("it reported {}", String::from_utf8_lossy(&payload)),
            },
            exit = self.process.wait() => process_exit(exit).describe(),
            () = self.memory.limit_exceeded() => "it exceeded the function's memory".to_owned(),
            () = tokio::time::sleep(INIT_TIMEOUT) => {
                format!("it did not within {} s", INIT_TIMEOUT.as_secs())
            }
        };
        self.kill().await;
        Err(failure)
    }

    /// The last lines that the process printed.
    pub(super) async fn last_output(&self) -> Vec<String> {
        // The host's lines are written after all output of the process.
        self.log.write_lines(vec![]).await;
        self.log.last_lines(OUTPUT_LINES)
    }

    /// Runs the invocation until its result, the function's timeout or memory limit, or the end of the process.
    pub(super) async fn run(&mut self, invocation: Invocation) -> RunOutcome {
        let (pending, progress) = PendingInvocation::new(invocation.clone());
        if !self.api.offer(pending) {
            return RunOutcome::NotStarted(invocation);
        }
        let timeout = self.function.timeout;
        let init_timeout = INIT_TIMEOUT.max(timeout);
        let begun = tokio::select! {
            biased;
            Ok(at) = progress.started => at,
            Some(payload) = self.api.init_error() => {
                return RunOutcome::Died(InvokeOutcome::Failed { kind: FailureKind::Init, payload });
            }
            exit = self.process.wait() => return self.ended_before_start(invocation, process_exit(exit)),
            () = self.memory.limit_exceeded() => {
                self.kill().await;
                return self.ended_before_start(invocation, ProcessExit::KILLED);
            }
            () = tokio::time::sleep(init_timeout) => {
                self.kill().await;
                if self.initialized {
                    return RunOutcome::NotStarted(invocation);
                }
                let seconds = init_timeout.as_secs_f64();
                let message = format!("Error: Init phase timed out after {seconds:.2} seconds");
                let payload = error_payload("Sandbox.Timedout", &message);
                return RunOutcome::Died(InvokeOutcome::Failed { kind: FailureKind::Init, payload });
            }
        };
        let init = (!self.initialized).then(|| begun - self.started_at);
        self.initialized = true;
        // Biased: a result that is already posted counts even if the process exits or times out.
        let outcome = tokio::select! {
            biased;
            Ok(result) = progress.result => RunOutcome::Completed(match result {
                InvocationResult::Response(payload) => InvokeOutcome::Returned(payload),
                InvocationResult::Error(payload) => {
                    InvokeOutcome::Failed { kind: FailureKind::Unhandled, payload }
                }
            }),
            exit = self.process.wait() => {
                let exit = process_exit(exit);
                RunOutcome::Died(InvokeOutcome::Failed {
                    kind: FailureKind::Crashed(exit.code),
                    payload: invocation.exit_error(&exit),
                })
            }
            () = self.memory.limit_exceeded() => {
                self.kill().await;
                RunOutcome::Died(InvokeOutcome::Failed {
                    kind: FailureKind::Crashed(None),
                    payload: invocation.exit_error(&ProcessExit::KILLED),
                })
            }
            () = tokio::time::sleep_until(begun + timeout) => {
                self.kill().await;
                RunOutcome::Died(InvokeOutcome::Failed {
                    kind: FailureKind::TimedOut,
                    payload: invocation.timeout_error(timeout),
                })
            }
        };
        self.log_report(&invocation, begun.elapsed(), init).await;
        outcome
    }

    /// Whether the process still runs. Asks the kernel, because nothing waits for an idle process.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Kills the process, if it still runs, and reaps it.
    pub(super) async fn reap(mut self) {
        self.kill().await;
    }

    async fn kill(&mut self) {
        if let Err(error) = self.process.kill().await {
            tracing::debug!(%error, "the process had already ended");
        }
    }

    fn ended_before_start(&self, invocation: Invocation, exit: ProcessExit) -> RunOutcome {
        if self.initialized {
            return RunOutcome::NotStarted(invocation);
        }
        RunOutcome::Died(InvokeOutcome::Failed {
            kind: FailureKind::Init,
            payload: invocation.exit_error(&exit),
        })
    }

    /// Writes the lines with which Lambda ends an invocation.
    async fn log_report(&self, invocation: &Invocation, took: Duration, init: Option<Duration>) {
        let id = &invocation.id;
        let millis = took.as_secs_f64() * 1e3;
        // Lambda bills the init phase too, in whole milliseconds.
        let billed = (took + init.unwrap_or_default()).as_secs_f64() * 1e3;
        let init = init.map_or(String::new(), |init| {
            format!("\tInit Duration: {:.2} ms", init.as_secs_f64() * 1e3)
        });
        let memory = self.function.memory_mib;
        let used = self.memory.peak_mib().map_or(String::new(), |peak| {
            format!("\tMax Memory Used: {peak} MB")
        });
        self.log
            .write_lines(vec![
                format!("END RequestId: {id}"),
                format!(
                    "REPORT RequestId: {id}\tDuration: {millis:.2} ms\tBilled Duration: {:.0} ms\t\
                     Memory Size: {memory} MB{used}{init}",
                    billed.ceil()
                ),
            ])
            .await;
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.api_task.abort();
    }
}

/// The variables of libfaketime, which shows another date to a whole stack that is started under it.
const FAKE_CLOCK: [&str; 4] = [
    "LD_PRELOAD",
    "FAKETIME",
    "FAKETIME_DONT_FAKE_MONOTONIC",
    "NO_FAKE_STAT",
];

/// All environment variables of the process. Of the host's own, only PATH and those of libfaketime are passed on.
fn environment_variables(
    function: &Function,
    launch: &LaunchOptions,
    runtime_api: &str,
    id: &str,
) -> BTreeMap<String, String> {
    let date = jiff::Timestamp::now().strftime("%Y/%m/%d");
    let defaults = [
        ("PATH", std::env::var("PATH").unwrap_or_default()),
        ("LANG", "en_US.UTF-8".into()),
        ("TZ", ":UTC".into()),
        // Identifies the environment in each of its AWS calls.
        ("AWS_ACCESS_KEY_ID", format!("{ACCESS_KEY_PREFIX}{id}")),
        ("AWS_SECRET_ACCESS_KEY", launch.secret_access_key.clone()),
        ("AWS_SDK_UA_APP_ID", function.name.clone()),
    ];
    // Last, because Lambda does not let functions set these variables.
    let reserved = [
        ("AWS_LAMBDA_RUNTIME_API", runtime_api.into()),
        ("_HANDLER", function.handler.clone()),
        ("AWS_REGION", REGION.into()),
        ("AWS_DEFAULT_REGION", REGION.into()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".into()),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
        (
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            function.memory_mib.to_string(),
        ),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".into()),
        (
            "AWS_LAMBDA_LOG_GROUP_NAME",
            format!("/aws/lambda/{}", function.name),
        ),
        (
            "AWS_LAMBDA_LOG_STREAM_NAME",
            format!("{date}/[$LATEST]{id}"),
        ),
    ];
    let owned = |(name, value): (&str, String)| (name.to_owned(), value);
    let fake_clock = FAKE_CLOCK
        .iter()
        .filter_map(|name| Some((*name, std::env::var(name).ok()?)));
    let mut all: BTreeMap<_, _> = defaults.into_iter().chain(fake_clock).map(owned).collect();
    all.extend(launch.environment.clone());
    all.extend(function.environment.clone());
    all.extend(reserved.into_iter().map(owned));
    all
}

fn process_exit(waited: std::io::Result<std::process::ExitStatus>) -> ProcessExit {
    use std::os::unix::process::ExitStatusExt;
    // Without a status, all that is known is that the process has ended.
    waited.map_or(
        ProcessExit {
            code: None,
            signal: None,
        },
        |status| ProcessExit {
            code: status.code(),
            signal: status.signal(),
        },
    )
}
