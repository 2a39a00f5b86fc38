//! The embedded cloud as the commands use it: started by this process, or found running on a data folder.

mod dead_workers;
mod start_args;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use longhaul_local::cloud::{CloudOptions, ConsoleOptions, EmbeddedCloud, GatewayOverrides};
use longhaul_local::data_folder::{self, DataFolder, Endpoints, LockOutcome};
use longhaul_local::secret_folder::SecretFolder;
use longhaul_shared::settings::Environment;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::dev_token::{self, SECRET};
use crate::functions::TRUST_CLAIMS;
use crate::sample_bill;
use crate::source_tree;
use crate::terminal::shell_word;

pub use start_args::StartArgs;

pub const DEFAULT_DATA_DIR: &str = ".longhaul";

/// The error while another process starts on the same data folder.
const STARTING: &str = "another stack is starting on this data folder; try again";

/// How long a worker program may take to print its kinds.
const KINDS_TIMEOUT: Duration = Duration::from_secs(10);
/// More than the template's parameter `OwnKinds` may have.
const MAX_KINDS_BYTES: u64 = 4096;

/// Options that select the embedded cloud's data folder.
#[derive(Args, Clone)]
pub struct DataDirArgs {
    /// Folder that stores the embedded cloud's state.
    #[arg(long, default_value = DEFAULT_DATA_DIR, value_name = "DIR")]
    pub data: PathBuf,
    /// Secret that signs development tokens. Default: one that is generated and stored in the data folder.
    #[arg(long, env = "LONGHAUL_JWT_SECRET", hide_env_values = true, hide = true)]
    pub jwt_secret: Option<String>,
}

/// A stack on a data folder.
pub enum Stack {
    /// Started by this process, and stopped with it.
    Own(Box<EmbeddedCloud>),
    /// Run by another process.
    Running(Endpoints),
}

impl Stack {
    pub fn endpoints(&self) -> &Endpoints {
        match self {
            Self::Own(cloud) => &cloud.endpoints,
            Self::Running(endpoints) => endpoints,
        }
    }

    /// Stops a stack that this process started.
    pub async fn stop(self) {
        if let Self::Own(cloud) = self {
            cloud.stop().await;
        }
    }
}

impl DataDirArgs {
    /// The options that select this folder, for a command to paste; empty for the default folder.
    pub fn as_options(&self) -> String {
        if self.data == Path::new(DEFAULT_DATA_DIR) {
            return String::new();
        }
        format!(" --data {}", shell_word(&self.data.display().to_string()))
    }

    /// The stack that runs on this data folder, or one started on these ports (0: any free port).
    pub async fn find_or_start(
        &self,
        start: &StartArgs,
        port: u16,
        aws_port: u16,
    ) -> Result<Stack> {
        match DataFolder::lock(&self.data)? {
            LockOutcome::Locked(folder) => Ok(Stack::Own(Box::new(
                self.start(folder, start, port, aws_port, GatewayOverrides::default())
                    .await?,
            ))),
            LockOutcome::InUse => Ok(Stack::Running(self.read_endpoints()?)),
        }
    }

    /// Starts a stack on this data folder.
    ///
    /// # Errors
    /// Another process uses the folder.
    pub async fn start_new(
        &self,
        start: &StartArgs,
        port: u16,
        aws_port: u16,
        overrides: GatewayOverrides,
    ) -> Result<EmbeddedCloud> {
        match DataFolder::lock(&self.data)? {
            LockOutcome::Locked(folder) => {
                self.start(folder, start, port, aws_port, overrides).await
            }
            LockOutcome::InUse => {
                let process = self
                    .read_endpoints()
                    .map(|running| format!(" (process {})", running.process_id))
                    .unwrap_or_default();
                bail!(
                    "the data folder {} is in use by another stack{process}",
                    self.data.display()
                )
            }
        }
    }

    /// The endpoints of the stack that another process runs on this data folder.
    ///
    /// # Errors
    /// No stack runs on it.
    pub fn running_endpoints(&self) -> Result<Endpoints> {
        let in_use =
            self.data.is_dir() && matches!(DataFolder::lock(&self.data)?, LockOutcome::InUse);
        ensure!(
            in_use,
            "no embedded cloud runs on {}; start it with: longhaul up{}",
            self.data.display(),
            self.as_options()
        );
        self.read_endpoints()
    }

    fn read_endpoints(&self) -> Result<Endpoints> {
        data_folder::read_endpoints(&self.data).context(STARTING)
    }

    async fn start(
        &self,
        folder: DataFolder,
        start: &StartArgs,
        port: u16,
        aws_port: u16,
        overrides: GatewayOverrides,
    ) -> Result<EmbeddedCloud> {
        start.check_parameters()?;
        let mut defaults = BTreeMap::from([("NoopEnabled".to_owned(), "true".to_owned())]);
        let (bill, is_sample) = match &start.bill {
            Some(bill) => (bill.clone(), false),
            None => (sample_bill::in_folder(&folder)?, true),
        };
        let (given, secrets) = (self.jwt_secret.clone(), folder.secrets());
        let bill = bill
            .canonicalize()
            .with_context(|| format!("the bill {} can't be read", bill.display()))?;
        defaults.insert("BillLocation".to_owned(), bill.display().to_string());
        defaults.insert("BillIsSample".to_owned(), is_sample.to_string());
        if let Some(worker) = &start.worker {
            defaults.insert("OwnKinds".to_owned(), kinds_of(worker).await?);
        }
        let origins = start.origins.clone();
        let options = CloudOptions {
            template: start.template.clone().unwrap_or_else(source_tree::template),
            parameters: start.parameters.iter().cloned().collect(),
            parameter_defaults: Box::new(move |endpoints| {
                let mut defaults = defaults.clone();
                let allowed = allowed_origins(&endpoints.gateway, &origins);
                defaults.insert("AllowedOrigins".to_owned(), allowed);
                defaults
            }),
            secrets: dev_token::given_secrets(self.jwt_secret.as_deref()),
            port,
            aws_port,
            programs: start.programs()?,
            environment: function_environment(start),
            wire_log: start.wire_log.clone(),
            on_process_end: (!start.leave_leases).then(dead_workers::on_process_end),
            gateway_overrides: overrides,
            schedule_period: start.tick_seconds.map(Duration::from_secs),
            faults: start.faults.clone(),
            console: ConsoleOptions {
                folder: source_tree::console(),
                // Read each time: the secret may be replaced while the cloud runs.
                issue_token: Arc::new(move |user, admin| {
                    let secret = given
                        .clone()
                        .map_or_else(|| secrets.get_or_create(SECRET), Ok);
                    dev_token::for_a_day(&secret?, user, admin)
                }),
            },
        };
        EmbeddedCloud::start(folder, options).await
    }

    /// The secret that signs the tokens of this data folder's stack. It is generated before the first start.
    pub fn token_secret(&self) -> Result<String> {
        if let Some(secret) = &self.jwt_secret {
            return Ok(secret.clone());
        }
        if let Some(secret) = SecretFolder::of(&self.data).current(SECRET)? {
            return Ok(secret);
        }
        match DataFolder::lock(&self.data)? {
            LockOutcome::Locked(folder) => folder.secrets().get_or_create(SECRET),
            LockOutcome::InUse => bail!(STARTING),
        }
    }
}

/// The SDK's variables for the endpoints of services that the embedded cloud lacks. They are passed on to the
/// functions; all other services are those of the embedded cloud.
const EXTERNAL_ENDPOINTS: [&str; 5] = [
    "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE",
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    "AWS_ENDPOINT_URL_COST_EXPLORER",
    "AWS_ENDPOINT_URL_COST_OPTIMIZATION_HUB",
    "AWS_ENDPOINT_URL_TRUSTEDADVISOR",
];

/// The environment of each function, besides what the template says.
fn function_environment(start: &StartArgs) -> BTreeMap<String, String> {
    let settings = Environment::from_env();
    let endpoints = EXTERNAL_ENDPOINTS.into_iter().filter_map(|name| {
        let url = settings.optional(name)?;
        Some((name.to_owned(), url.to_owned()))
    });
    let mut environment: BTreeMap<_, _> = endpoints.collect();
    environment.insert(TRUST_CLAIMS.to_owned(), start.trust_claims.to_string());
    environment
}

/// The kinds of analyses that a worker program has: what it prints with `--kinds`.
async fn kinds_of(worker: &Path) -> Result<String> {
    let name = worker.display();
    let mut process = Command::new(worker)
        .arg("--kinds")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("the worker {name} can't be run"))?;
    let mut kinds = String::new();
    let stdout = process.stdout.take().context("it has no output")?;
    let read = async {
        stdout
            .take(MAX_KINDS_BYTES)
            .read_to_string(&mut kinds)
            .await?;
        process.wait().await
    };
    let ended = tokio::time::timeout(KINDS_TIMEOUT, read).await;
    let is_done = matches!(&ended, Ok(Ok(status)) if status.success());
    let kinds = kinds.trim();
    let is_kind = |kind: &str| {
        !kind.is_empty() && !kind.starts_with('-') && !kind.chars().any(char::is_control)
    };
    let is_list = !kinds.is_empty() && kinds.split(',').all(is_kind);
    ensure!(
        is_done && is_list,
        "the worker {name} does not print its kinds with --kinds: its main must call longhaul_worker::run"
    );
    Ok(kinds.to_owned())
}

/// The origins of pages that may connect: the gateway's own port on this machine, and the given ones.
fn allowed_origins(gateway: &str, given: &[String]) -> String {
    let port = gateway.rsplit(':').next().unwrap_or_default();
    let own = ["localhost", "127.0.0.1"].map(|host| format!("http://{host}:{port}"));
    [&own, given].concat().join(",")
}
