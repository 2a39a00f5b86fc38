//! Lambda: functions as real processes that speak the Runtime API, one invocation at a time each,
//! pooled, reused and killed at their timeout. It knows neither what a function does nor who asks.
//!
//! Unlike AWS it does not freeze an environment between invocations.

pub mod api;
mod children;
mod environment;
mod guard;
mod invocation;
mod log;
mod memory;
mod pool;
mod program;
mod runtime_api;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

use crate::plan;
use crate::wire_log::{WireLog, WireLogEntry};
use children::Children;
use environment::{Environment, Ran};
use guard::Guard;
use invocation::Invocation;
use pool::{Admission, Pool, SHORT};
pub use program::Program;

/// An idle environment older than this is killed; AWS names no figure, minutes are usual.
const IDLE: Duration = Duration::from_secs(10 * 60);

/// How the functions of one stack are started.
#[derive(Debug, Clone)]
pub struct Launch {
    pub program: Program,
    /// The arguments of every function's program.
    pub args: Vec<String>,
    /// Added to every function's environment, before the function's own.
    pub environment: BTreeMap<String, String>,
    /// The folder that gets one log file per function; made if missing.
    pub logs: PathBuf,
    /// Invocations at once in the whole account (AWS's default quota is 1000); what functions
    /// reserve is taken from it.
    pub concurrency: u32,
}

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invoked {
    /// The function's response, as it posted it.
    Returned(Bytes),
    /// `payload` is JSON with `errorMessage` and `errorType`, as Lambda gives it to callers.
    Failed {
        kind: FailureKind,
        payload: Bytes,
    },
    /// Refused for concurrency (the function's own or the account's): nothing ran.
    Throttled,
    NoSuchFunction,
}

/// Why an invocation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The function posted an error, or a response over Lambda's 6 MB.
    Unhandled,
    /// Killed at the function's timeout.
    TimedOut,
    /// The process ended in the middle, with this exit code, or `None` after a signal, which is also
    /// the end of one that outgrew its memory.
    Crashed(Option<i32>),
    /// The process never asked for its first invocation.
    Init,
}

/// The functions of one stack. Clones share them.
#[derive(Clone)]
pub struct Lambda {
    host: Arc<Host>,
    log: WireLog,
    /// Who invokes by this clone, for the log.
    caller: &'static str,
}

struct Host {
    functions: BTreeMap<String, Arc<Function>>,
    guard: Guard,
    children: Children,
    /// Held by each environment; when all clones are gone, every child has been reaped.
    alive: Mutex<Option<mpsc::Sender<()>>>,
    gone: Mutex<mpsc::Receiver<()>>,
}

/// A function with its pool: all that an environment is made from.
struct Function {
    spec: plan::Function,
    launch: Arc<Launch>,
    pool: Pool,
}

impl Lambda {
    /// Prepares the functions; no process of theirs is started before its first invocation.
    ///
    /// # Errors
    /// The log folder can't be made, the guard process can't be started, or the functions reserve
    /// all of the account's concurrency.
    pub async fn start(functions: Vec<plan::Function>, launch: Launch) -> anyhow::Result<Lambda> {
        tokio::fs::create_dir_all(&launch.logs)
            .await
            .with_context(|| format!("cannot make the log folder {}", launch.logs.display()))?;
        let admission = Admission::divide(launch.concurrency, &functions)?;
        let launch = Arc::new(launch);
        let functions = functions
            .into_iter()
            .map(|spec| {
                let pool = Pool::new(admission.of(&spec));
                let name = spec.name.clone();
                let launch = launch.clone();
                (name, Arc::new(Function { spec, launch, pool }))
            })
            .collect();
        let (alive, gone) = mpsc::channel(1);
        let host = Arc::new(Host {
            functions,
            guard: Guard::start()?,
            children: Children::default(),
            alive: Mutex::new(Some(alive)),
            gone: Mutex::new(gone),
        });
        pool::reap_idle(Arc::downgrade(&host), IDLE);
        Ok(Lambda {
            host,
            log: WireLog::default(),
            caller: "",
        })
    }

    /// The same functions, for a caller whose invocations are noted in this log.
    pub(crate) fn noted(&self, log: &WireLog, caller: &'static str) -> Lambda {
        Lambda {
            host: self.host.clone(),
            log: log.clone(),
            caller,
        }
    }

    /// Kills the process of this execution environment with SIGKILL; false if it has none any more.
    pub(crate) fn kill(&self, environment: &str) -> bool {
        self.host.children.kill(environment)
    }

    /// Invokes a function and waits for its end. `trace` is the `X-Amzn-Trace-Id` to hand on; a
    /// new one is made without it. The invocation goes on when the caller stops waiting.
    pub async fn invoke(&self, function: &str, payload: Bytes, trace: Option<String>) -> Invoked {
        self.begin(function, Invocation::new(payload, trace)).await
    }

    /// The same, where a response that the function streams goes to `pieces` as it comes, and is then not in
    /// what this gives.
    pub async fn invoke_streamed(
        &self,
        function: &str,
        payload: Bytes,
        pieces: mpsc::Sender<Bytes>,
    ) -> Invoked {
        let invocation = Invocation {
            pieces: Some(pieces),
            ..Invocation::new(payload, None)
        };
        self.begin(function, invocation).await
    }

    async fn begin(&self, function: &str, invocation: Invocation) -> Invoked {
        let request_bytes = invocation.payload.len();
        let Some(known) = self.host.functions.get(function).cloned() else {
            return self.note(function, request_bytes, Invoked::NoSuchFunction);
        };
        let lambda = self.clone();
        let running = tokio::spawn(async move {
            let place = known.pool.place().await;
            let invoked = match known.pool.admit() {
                Some(_permit) => {
                    let mut running = pin!(run(&lambda.host, &known, invocation));
                    let ended = timeout(SHORT, running.as_mut()).await;
                    drop(place);
                    match ended {
                        Ok(invoked) => invoked,
                        Err(_) => running.await,
                    }
                }
                None => Invoked::Throttled,
            };
            lambda.note(&known.spec.name, request_bytes, invoked)
        });
        running
            .await
            .unwrap_or_else(|_| init_failure("the host is stopping"))
    }

    /// Notes an invocation at its end, and gives it back.
    fn note(&self, function: &str, request_bytes: usize, invoked: Invoked) -> Invoked {
        // Lambda answers 200 for a function's own failure too, and says so in a header.
        let (status, response_bytes) = match &invoked {
            Invoked::Returned(payload) | Invoked::Failed { payload, .. } => (200, payload.len()),
            Invoked::Throttled => (429, 0),
            Invoked::NoSuchFunction => (404, 0),
        };
        self.log.record(&WireLogEntry {
            caller: self.caller,
            operation: "Invoke",
            function,
            status,
            function_error: matches!(invoked, Invoked::Failed { .. }),
            request_bytes,
            response_bytes,
            ..WireLogEntry::new("lambda")
        });
        invoked
    }

    /// Kills every child, waits until all are reaped, and refuses what comes after.
    pub async fn stop(&self) {
        self.host.alive.lock().await.take();
        self.host.guard.kill_all();
        for function in self.host.functions.values() {
            for environment in function.pool.close() {
                environment.reap().await;
            }
        }
        // No one sends here: the channel answers once the last environment has dropped its end.
        self.host.gone.lock().await.recv().await;
    }
}

/// Runs the invocation in the most recently used environment that takes it, or in a new one.
async fn run(host: &Host, function: &Arc<Function>, mut invocation: Invocation) -> Invoked {
    loop {
        let mut environment = match function.pool.take() {
            Some(idle) => idle,
            None => {
                let Some(alive) = host.alive.lock().await.clone() else {
                    return init_failure("the host is stopping");
                };
                match Environment::start(function, &host.guard, &host.children, alive).await {
                    Ok(new) => new,
                    Err(error) => {
                        let reason = format!("{error:#}");
                        tracing::error!(function = function.spec.name, reason, "cold start failed");
                        return init_failure(&reason);
                    }
                }
            }
        };
        // A child that came too late for `stop` would outlive it: the group may have been killed.
        if host.alive.lock().await.is_none() {
            environment.reap().await;
            return init_failure("the host is stopping");
        }
        match environment.run(invocation).await {
            Ran::Ended(invoked) => {
                function.pool.put(environment);
                return invoked;
            }
            Ran::Died(invoked) => {
                environment.reap().await;
                return invoked;
            }
            // An idle child had ended by itself: the invocation never began, so another may have it.
            Ran::NotTaken(untouched) => {
                environment.reap().await;
                invocation = untouched;
            }
        }
    }
}

fn init_failure(reason: &str) -> Invoked {
    Invoked::Failed {
        kind: FailureKind::Init,
        payload: invocation::error_payload("Runtime.InitError", reason),
    }
}
