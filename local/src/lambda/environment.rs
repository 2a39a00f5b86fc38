//! An execution environment: one child process, its Runtime API and its log, from cold start to
//! death. It runs one invocation at a time and knows nothing of pools.

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

use super::children::{Children, Entry};
use super::guard::Guard;
use super::invocation::{Exit, Invocation, error_payload};
use super::log::Log;
use super::memory::Memory;
use super::runtime_api::{Delivery, Reply, RuntimeApi};
use super::{FailureKind, Function, Invoked};
use crate::caller::ACCESS_KEY_PREFIX;
use crate::plan;

/// Lambda's limit for the init phase before it starts over under the function's own timeout.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// One child process and what belongs to it; dropping it kills the child.
pub(super) struct Environment {
    function: Arc<Function>,
    child: Child,
    api: RuntimeApi,
    log: Log,
    memory: Memory,
    born: Instant,
    /// Whether the child ever asked for an invocation.
    initialised: bool,
    /// The Runtime API's listener; ends with the environment.
    listener: JoinHandle<()>,
    _alive: mpsc::Sender<()>,
    _entry: Entry,
}

/// What became of an invocation and of the environment that was to run it.
pub(super) enum Ran {
    /// The environment is free for the next one.
    Ended(Invoked),
    /// The child is dead.
    Died(Invoked),
    /// The child is dead and never saw the invocation.
    NotTaken(Invocation),
}

impl Environment {
    /// Starts the child. It may still fail its init: that shows in its first `run`.
    ///
    /// # Errors
    /// No port, no log file, no program, or one that can't be executed.
    pub(super) async fn start(
        function: &Arc<Function>,
        guard: &Guard,
        children: &Children,
        alive: mpsc::Sender<()>,
    ) -> anyhow::Result<Environment> {
        let id = Uuid::new_v4().simple().to_string();
        let path = function
            .launch
            .logs
            .join(format!("{}.log", function.spec.name));
        let (log, output) = Log::open(&path, &id[..8])
            .with_context(|| format!("cannot log to {}", path.display()))?;
        let api = RuntimeApi::new(log.clone(), &function.spec);
        let (address, listener) = api.listen().await?;
        let program = function.launch.program.of(&function.spec)?;
        let errors = output
            .try_clone()
            .context("cannot share the function's log")?;
        let child = Command::new(&program)
            .args(&function.launch.args)
            .env_clear()
            .envs(variables(function, &address.to_string(), &id))
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(guard.group())
            .kill_on_drop(true)
            .spawn();
        if child.is_err() {
            listener.abort();
        }
        let child = child.with_context(|| format!("cannot start {}", program.display()))?;
        let entry = children.enter(&id, child.id());
        Ok(Environment {
            function: function.clone(),
            memory: Memory::of(child.id(), function.spec.memory),
            child,
            api,
            log,
            born: Instant::now(),
            initialised: false,
            listener,
            _alive: alive,
            _entry: entry,
        })
    }

    /// Hands the invocation over and waits for its end, at most for the function's timeout and as
    /// long as the child stays within its memory.
    pub(super) async fn run(&mut self, invocation: Invocation) -> Ran {
        let (delivery, taken, reply) = Delivery::of(invocation.clone());
        if !self.api.offer(delivery) {
            return Ran::NotTaken(invocation);
        }
        let timeout = self.function.spec.timeout;
        let waiting = INIT_LIMIT.max(timeout);
        let begun = tokio::select! {
            biased;
            Ok(at) = taken => at,
            Some(payload) = self.api.init_error() => {
                return Ran::Died(Invoked::Failed { kind: FailureKind::Init, payload });
            }
            exit = self.child.wait() => return self.died_early(invocation, exit_of(exit)),
            () = self.memory.outgrown() => {
                self.kill().await;
                return self.died_early(invocation, Exit::KILLED);
            }
            () = tokio::time::sleep(waiting) => {
                self.kill().await;
                if self.initialised {
                    return Ran::NotTaken(invocation);
                }
                let message = format!("Error: Init phase timed out after {:.2} seconds", waiting.as_secs_f64());
                let payload = error_payload("Sandbox.Timedout", &message);
                return Ran::Died(Invoked::Failed { kind: FailureKind::Init, payload });
            }
        };
        let init = (!self.initialised).then(|| begun - self.born);
        self.initialised = true;
        // A reply that stands when the child exits or the clock runs out is a reply all the same.
        let ran = tokio::select! {
            biased;
            Ok(reply) = reply => Ran::Ended(match reply {
                Reply::Response(payload) => Invoked::Returned(payload),
                Reply::Error(payload) => Invoked::Failed { kind: FailureKind::Unhandled, payload },
            }),
            exit = self.child.wait() => {
                let exit = exit_of(exit);
                Ran::Died(Invoked::Failed {
                    kind: FailureKind::Crashed(exit.code),
                    payload: invocation.crashed(&exit),
                })
            }
            () = self.memory.outgrown() => {
                self.kill().await;
                Ran::Died(Invoked::Failed {
                    kind: FailureKind::Crashed(None),
                    payload: invocation.crashed(&Exit::KILLED),
                })
            }
            () = tokio::time::sleep_until(begun + timeout) => {
                self.kill().await;
                Ran::Died(Invoked::Failed {
                    kind: FailureKind::TimedOut,
                    payload: invocation.timed_out(timeout),
                })
            }
        };
        self.report(&invocation, begun.elapsed(), init).await;
        ran
    }

    /// Whether the child still runs. Only the kernel knows: no one waits for an idle child.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Kills the child, if it still runs, and collects it.
    pub(super) async fn reap(mut self) {
        self.kill().await;
    }

    async fn kill(&mut self) {
        if let Err(error) = self.child.kill().await {
            tracing::debug!(%error, "the child had ended before it was killed");
        }
    }

    fn died_early(&self, invocation: Invocation, exit: Exit) -> Ran {
        if self.initialised {
            return Ran::NotTaken(invocation);
        }
        Ran::Died(Invoked::Failed {
            kind: FailureKind::Init,
            payload: invocation.crashed(&exit),
        })
    }

    /// The lines that Lambda ends an invocation with.
    async fn report(&self, invocation: &Invocation, took: Duration, init: Option<Duration>) {
        let id = &invocation.id;
        let millis = took.as_secs_f64() * 1e3;
        // Lambda bills the init phase too, in whole milliseconds.
        let billed = (took + init.unwrap_or_default()).as_secs_f64() * 1e3;
        let init = init.map_or(String::new(), |init| {
            format!("\tInit Duration: {:.2} ms", init.as_secs_f64() * 1e3)
        });
        let memory = self.function.spec.memory;
        let used = self.memory.peak().map_or(String::new(), |peak| {
            format!("\tMax Memory Used: {peak} MB")
        });
        self.log
            .mark(vec![
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
        self.listener.abort();
    }
}

/// The child's whole environment: nothing of the user's shell but PATH.
fn variables(function: &Function, api: &str, id: &str) -> BTreeMap<String, String> {
    let spec = &function.spec;
    let date = jiff::Timestamp::now().strftime("%Y/%m/%d");
    let defaults = [
        ("PATH", std::env::var("PATH").unwrap_or_default()),
        ("LANG", "en_US.UTF-8".into()),
        ("TZ", ":UTC".into()),
        // Names the environment on each of its calls.
        ("AWS_ACCESS_KEY_ID", format!("{ACCESS_KEY_PREFIX}{id}")),
        ("AWS_SECRET_ACCESS_KEY", "local".into()),
        ("AWS_SDK_UA_APP_ID", spec.name.clone()),
    ];
    // Lambda refuses functions that set these themselves, so they come last.
    let reserved = [
        ("AWS_LAMBDA_RUNTIME_API", api.into()),
        ("_HANDLER", spec.handler.clone()),
        ("AWS_REGION", plan::REGION.into()),
        ("AWS_DEFAULT_REGION", plan::REGION.into()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".into()),
        ("AWS_LAMBDA_FUNCTION_NAME", spec.name.clone()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", spec.memory.to_string()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".into()),
        (
            "AWS_LAMBDA_LOG_GROUP_NAME",
            format!("/aws/lambda/{}", spec.name),
        ),
        (
            "AWS_LAMBDA_LOG_STREAM_NAME",
            format!("{date}/[$LATEST]{id}"),
        ),
    ];
    let owned = |(name, value): (&str, String)| (name.to_owned(), value);
    let mut all: BTreeMap<_, _> = defaults.into_iter().map(owned).collect();
    all.extend(function.launch.environment.clone());
    all.extend(spec.environment.clone());
    all.extend(reserved.into_iter().map(owned));
    all
}

fn exit_of(waited: std::io::Result<std::process::ExitStatus>) -> Exit {
    use std::os::unix::process::ExitStatusExt;
    // Without a status there is nothing to tell but that the child is gone.
    waited.map_or(
        Exit {
            code: None,
            signal: None,
        },
        |status| Exit {
            code: status.code(),
            signal: status.signal(),
        },
    )
}
