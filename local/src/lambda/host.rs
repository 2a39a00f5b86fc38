//! All functions of a stack with their environments: runs an invocation in an idle or a new environment.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::sync::{Mutex, mpsc};

use super::concurrency::ConcurrencyLimits;
use super::environment::{Environment, RunOutcome};
use super::invocation::Invocation;
use super::launch::LaunchOptions;
use super::outcome::InvokeOutcome;
use super::pool::EnvironmentPool;
use super::process_group::ProcessGroup;
use super::process_registry::ProcessRegistry;
use crate::stack_spec::Function;

/// Idle environments are killed after this time. AWS documents no value; minutes are usual.
const MAX_IDLE: Duration = Duration::from_secs(10 * 60);
/// The reason in the error of an invocation during or after [`Host::stop`].
pub(super) const STOPPING: &str = "the host is stopping";

pub(super) struct Host {
    pub(super) functions: BTreeMap<String, Arc<HostedFunction>>,
    pub(super) process_group: ProcessGroup,
    processes: ProcessRegistry,
    /// Every environment holds a clone. `None` once the host stops.
    alive: Mutex<Option<mpsc::Sender<()>>>,
    /// Closed when every environment was reaped.
    all_reaped: Mutex<mpsc::Receiver<()>>,
}

/// A function with its pool and everything that is needed to start an environment.
pub(super) struct HostedFunction {
    pub(super) spec: Arc<Function>,
    launch: Arc<LaunchOptions>,
    pub(super) pool: EnvironmentPool,
}

impl Host {
    /// Prepares the functions. Processes are started on demand.
    ///
    /// # Errors
    /// The log folder cannot be created, the guard process cannot be started, or the functions reserve the
    /// whole account's concurrency.
    pub(super) async fn start(
        functions: Vec<Function>,
        launch: LaunchOptions,
    ) -> anyhow::Result<Arc<Host>> {
        let log_folder = &launch.log_folder;
        tokio::fs::create_dir_all(log_folder)
            .await
            .with_context(|| format!("cannot create the log folder {}", log_folder.display()))?;
        let limits = ConcurrencyLimits::new(launch.account_concurrency, &functions)?;
        let launch = Arc::new(launch);
        let hosted = |spec: Function| {
            let function = HostedFunction {
                pool: EnvironmentPool::new(limits.limit_for(&spec)),
                spec: Arc::new(spec),
                launch: launch.clone(),
            };
            (function.spec.name.clone(), Arc::new(function))
        };
        let (alive, all_reaped) = mpsc::channel(1);
        let host = Arc::new(Host {
            functions: functions.into_iter().map(hosted).collect(),
            process_group: ProcessGroup::start()?,
            processes: ProcessRegistry::default(),
            alive: Mutex::new(Some(alive)),
            all_reaped: Mutex::new(all_reaped),
        });
        start_idle_reaper(Arc::downgrade(&host));
        Ok(host)
    }

    /// Runs the invocation in the most recently used idle environment, or in a new one.
    pub(super) async fn run(
        &self,
        function: &HostedFunction,
        mut invocation: Invocation,
    ) -> InvokeOutcome {
        loop {
            let mut environment = match function.pool.pop() {
                Some(idle) => idle,
                None => match self.cold_start(function).await {
                    Ok(new) => new,
                    Err(outcome) => return outcome,
                },
            };
            // `stop` may already have killed the process group, so a process that was started late would
            // outlive it.
            if self.alive.lock().await.is_none() {
                environment.reap().await;
                return InvokeOutcome::init_failure(STOPPING);
            }
            match environment.run(invocation).await {
                RunOutcome::Completed(outcome) => {
                    function.pool.push(environment);
                    return outcome;
                }
                RunOutcome::Died(outcome) => {
                    environment.reap().await;
                    return outcome;
                }
                // An idle process had ended by itself. The invocation did not start, so another environment
                // can run it.
                RunOutcome::NotStarted(unstarted) => {
                    environment.reap().await;
                    invocation = unstarted;
                }
            }
        }
    }

    /// Starts an environment of each function with this handler, which is then idle.
    ///
    /// # Errors
    /// Its program did not ask for work. The error has the last lines of the program's output.
    pub(super) async fn warm_up(&self, handler: &str) -> anyhow::Result<()> {
        let alive = self.alive.lock().await.clone().context(STOPPING)?;
        for function in self.functions.values() {
            if function.spec.handler != handler {
                continue;
            }
            let program = function.launch.programs.path_for(&function.spec)?;
            let mut environment = Environment::start(
                &function.spec,
                &function.launch,
                &self.process_group,
                &self.processes,
                alive.clone(),
            )
            .await?;
            let Err(reason) = environment.initialize().await else {
                function.pool.push(environment);
                continue;
            };
            let output = environment.last_output().await.join(" | ");
            environment.reap().await;
            let (program, name) = (program.display(), &function.spec.name);
            match output.as_str() {
                "" => {
                    bail!("{program} never asked for work as {name}: {reason}; it printed nothing")
                }
                _ => bail!(
                    "{program} never asked for work as {name}: {reason}; it printed: {output}"
                ),
            }
        }
        Ok(())
    }

    async fn cold_start(&self, function: &HostedFunction) -> Result<Environment, InvokeOutcome> {
        let Some(alive) = self.alive.lock().await.clone() else {
            return Err(InvokeOutcome::init_failure(STOPPING));
        };
        let started = Environment::start(
            &function.spec,
            &function.launch,
            &self.process_group,
            &self.processes,
            alive,
        );
        started.await.map_err(|error| {
            let reason = format!("{error:#}");
            tracing::error!(function = function.spec.name, reason, "cold start failed");
            InvokeOutcome::init_failure(&reason)
        })
    }

    /// Sends SIGKILL to the process of this environment; false if it no longer runs.
    pub(super) fn kill(&self, environment_id: &str) -> bool {
        self.processes.kill(environment_id)
    }

    /// Kills all processes, waits until they are reaped, and rejects later invocations.
    pub(super) async fn stop(&self) {
        self.alive.lock().await.take();
        self.process_group.kill_all();
        for function in self.functions.values() {
            for environment in function.pool.close() {
                environment.reap().await;
            }
        }
        // Nothing is ever sent: this returns when the last environment has dropped its sender.
        self.all_reaped.lock().await.recv().await;
    }
}

/// Kills idle environments periodically for as long as the host exists.
fn start_idle_reaper(host: Weak<Host>) {
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(MAX_IDLE / 20);
        loop {
            ticks.tick().await;
            let Some(host) = host.upgrade() else { return };
            for function in host.functions.values() {
                function.pool.kill_idle(MAX_IDLE);
            }
        }
    });
}
