//! The embedded cloud as the commands use it: started here, or found running.
//!
//! Knows the options that people give; what a stack consists of is the template's business.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use longhaul_local::cloud::{
    CloudOptions, ConsoleOptions, EmbeddedCloud, FunctionPrograms, GatewayOverrides,
};
use longhaul_local::data_folder::{self, DataFolder, Endpoints, LockOutcome};
use longhaul_shared::settings::Environment;
use longhaul_finops as finops;

use crate::functions::TRUST_CLAIMS;
use crate::token::{self, SECRET};

/// The sample bill that answers come from when no bill is given: its rows and its seed.
pub const SAMPLE: (u64, u64) = (20_000, 1);

/// The data folder unless it is said.
pub const DATA: &str = ".longhaul";

/// Where the embedded cloud keeps its state, and what it reads.
#[derive(Args, Clone)]
pub struct Place {
    /// The folder that keeps the embedded cloud's state.
    #[arg(long, default_value = DATA, value_name = "DIR")]
    pub data: PathBuf,
    /// The secret that development tokens are signed with; made and kept in the data folder if none is given.
    #[arg(long, env = "LONGHAUL_JWT_SECRET", hide_env_values = true, hide = true)]
    pub jwt_secret: Option<String>,
}

/// What a stack is started with.
#[derive(Args, Clone)]
pub struct Start {
    /// A FOCUS bill to answer from (CSV, plain or gzipped) in place of the generated sample.
    #[arg(long, value_name = "PATH")]
    pub bill: Option<PathBuf>,
    /// The CloudFormation template to run.
    #[arg(long, value_name = "PATH")]
    pub template: Option<PathBuf>,
    /// A value for one of the template's parameters; may be repeated.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    pub parameters: Vec<(String, String)>,
    /// Let pages of this origin connect, besides those on the gateway's own port; may be repeated.
    #[arg(long = "origin", value_name = "ORIGIN")]
    pub origins: Vec<String>,
    /// Accept claimed identities without a token. For development on this machine only.
    #[arg(long)]
    pub trust_claims: bool,
    /// Append a line for each AWS call to this file.
    #[arg(long, value_name = "FILE")]
    pub wire_log: Option<PathBuf>,
    /// Run what the template schedules so often, in place of its own rates. For tests.
    #[arg(long, value_name = "SECONDS", hide = true, value_parser = clap::value_parser!(u64).range(1..))]
    pub tick_seconds: Option<u64>,
    /// Run the functions from their packages, unpacked into folders of their names in this one, in place
    /// of this program. For tests.
    #[arg(long, value_name = "DIR", hide = true)]
    pub packages: Option<PathBuf>,
    /// Run this program as the worker, with analyses of your own.
    #[arg(long, value_name = "PATH", conflicts_with = "packages")]
    pub worker: Option<PathBuf>,
    /// Let AWS calls go wrong as this file says (JSON; see the README). For tests.
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
}

/// A stack to talk to.
pub enum Stack {
    /// Started by this process; it ends with it.
    Own(Box<EmbeddedCloud>),
    /// Run by another process on the same data folder.
    Running(Endpoints),
}

impl Stack {
    pub fn endpoints(&self) -> &Endpoints {
        match self {
            Self::Own(cloud) => &cloud.endpoints,
            Self::Running(endpoints) => endpoints,
        }
    }

    /// Ends a stack of our own, in order.
    pub async fn stop(self) {
        if let Self::Own(cloud) = self {
            cloud.stop().await;
        }
    }
}

impl Start {
    /// What runs as the functions: this program, unless it is said otherwise.
    fn programs(&self) -> Result<FunctionPrograms> {
        let Some(packages) = &self.packages else {
            let shared = std::env::current_exe().context("finding this program's own file")?;
            let Some(worker) = &self.worker else {
                return Ok(FunctionPrograms::Shared(shared));
            };
            let program = worker
                .canonicalize()
                .with_context(|| format!("the worker {} can't be read", worker.display()))?;
            let handler = "worker".to_owned();
            return Ok(FunctionPrograms::SharedExcept {
                shared,
                handler,
                program,
            });
        };
        let packages = packages.canonicalize();
        let packages = packages.with_context(|| "the folder of --packages can't be read")?;
        Ok(FunctionPrograms::Packages(packages))
    }

    /// The options that started it, for a command to paste.
    pub fn options(&self) -> String {
        let mut options = String::new();
        let paths = [
            ("bill", &self.bill),
            ("template", &self.template),
            ("worker", &self.worker),
        ];
        for (name, path) in paths {
            if let Some(path) = path {
                options.push_str(&format!(" --{name} {}", path.display()));
            }
        }
        for origin in &self.origins {
            options.push_str(&format!(" --origin {origin}"));
        }
        for (name, value) in &self.parameters {
            options.push_str(&format!(" --parameter {name}={value}"));
        }
        options
    }
}

impl Place {
    /// The options that lead here, for a command to paste; none for the default place.
    pub fn options(&self) -> String {
        if self.data == Path::new(DATA) {
            return String::new();
        }
        format!(" --data {}", self.data.display())
    }

    /// The running stack on this data folder, or else one started on these ports (0: any).
    pub async fn stack(&self, start: &Start, port: u16, aws_port: u16) -> Result<Stack> {
        match DataFolder::lock(&self.data)? {
            LockOutcome::Locked(folder) => Ok(Stack::Own(Box::new(
                self.start(folder, start, port, aws_port, GatewayOverrides::default())
                    .await?,
            ))),
            LockOutcome::InUse => Ok(Stack::Running(self.running()?)),
        }
    }

    /// Starts a stack on this data folder, which nobody else may be using.
    pub async fn own(
        &self,
        start: &Start,
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
                    .running()
                    .map(|running| format!(" (process {})", running.process_id))
                    .unwrap_or_default();
                bail!(
                    "the data folder {} is in use by another stack{process}",
                    self.data.display()
                )
            }
        }
    }

    /// Where the stack answers that another process runs on this data folder.
    pub fn found(&self) -> Result<Endpoints> {
        let in_use =
            self.data.is_dir() && matches!(DataFolder::lock(&self.data)?, LockOutcome::InUse);
        ensure!(
            in_use,
            "no embedded cloud runs on {}; start it with: longhaul up{}",
            self.data.display(),
            self.options()
        );
        self.running()
    }

    fn running(&self) -> Result<Endpoints> {
        data_folder::read_endpoints(&self.data)
            .context("another stack is only just starting on this data folder; try again")
    }

    async fn start(
        &self,
        folder: DataFolder,
        start: &Start,
        port: u16,
        aws_port: u16,
        overrides: GatewayOverrides,
    ) -> Result<EmbeddedCloud> {
        let mut defaults = BTreeMap::from([("NoopEnabled".to_owned(), "true".to_owned())]);
        let (bill, sample) = match &start.bill {
            Some(bill) => (bill.clone(), false),
            None => (sample_bill(&folder)?, true),
        };
        let secret = match &self.jwt_secret {
            Some(secret) => secret.clone(),
            None => folder.get_or_create_secret(SECRET)?,
        };
        let bill = bill
            .canonicalize()
            .with_context(|| format!("the bill {} can't be read", bill.display()))?;
        defaults.insert("BillLocation".to_owned(), bill.display().to_string());
        defaults.insert("BillIsSample".to_owned(), sample.to_string());
        if let Some(worker) = &start.worker {
            defaults.insert("OwnKinds".to_owned(), kinds_of(worker)?);
        }
        let origins = start.origins.clone();
        let options = CloudOptions {
            template: start
                .template
                .clone()
                .unwrap_or_else(|| in_source("cloudformation/template.yaml")),
            parameters: start.parameters.iter().cloned().collect(),
            parameter_defaults: Box::new(move |endpoints| {
                let mut defaults = defaults.clone();
                let allowed = allowed_origins(&endpoints.gateway, &origins);
                defaults.insert("AllowedOrigins".to_owned(), allowed);
                defaults
            }),
            secrets: token::secrets(self.jwt_secret.as_deref()),
            port,
            aws_port,
            programs: start.programs()?,
            environment: environment(start),
            wire_log: start.wire_log.clone(),
            gateway_overrides: overrides,
            schedule_period: start.tick_seconds.map(Duration::from_secs),
            faults: start.faults.clone(),
            console: ConsoleOptions {
                folder: console(),
                issue_token: Arc::new(move |user, admin| token::for_a_day(&secret, user, admin)),
            },
        };
        EmbeddedCloud::start(folder, options).await
    }

    /// The secret that signs the tokens of the stack on this data folder, running or yet to be started.
    pub fn secret(&self) -> Result<String> {
        if let Some(secret) = &self.jwt_secret {
            return Ok(secret.clone());
        }
        if let Some(secret) = data_folder::read_secret(&self.data, SECRET)? {
            return Ok(secret);
        }
        match DataFolder::lock(&self.data)? {
            LockOutcome::Locked(folder) => folder.get_or_create_secret(SECRET),
            LockOutcome::InUse => {
                bail!("another stack is only just starting on this data folder; try again")
            }
        }
    }
}

/// The SDK's own variables for where services are that the embedded cloud doesn't have. Those that it has are
/// asked nowhere else.
const ELSEWHERE: [&str; 5] = [
    "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE",
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    "AWS_ENDPOINT_URL_COST_EXPLORER",
    "AWS_ENDPOINT_URL_COST_OPTIMIZATION_HUB",
    "AWS_ENDPOINT_URL_TRUSTEDADVISOR",
];

/// What each function's process is given besides what the template says.
fn environment(start: &Start) -> BTreeMap<String, String> {
    let own = Environment::from_env();
    let elsewhere = ELSEWHERE.into_iter().filter_map(|name| {
        let url = own.optional(name)?;
        Some((name.to_owned(), url.to_owned()))
    });
    let mut environment: BTreeMap<_, _> = elsewhere.collect();
    environment.insert(TRUST_CLAIMS.to_owned(), start.trust_claims.to_string());
    environment
}

/// The kinds of analyses that a worker's program brings, as it says itself.
fn kinds_of(worker: &Path) -> Result<String> {
    let asked = std::process::Command::new(worker).arg("--kinds").output();
    let asked = asked.with_context(|| format!("the worker {} can't be run", worker.display()))?;
    if !asked.status.success() {
        bail!(
            "the worker {} does not say its kinds: its main must be longhaul_worker::run",
            worker.display()
        );
    }
    let kinds = String::from_utf8(asked.stdout).context("the worker's kinds are no text")?;
    Ok(kinds.trim().to_owned())
}

/// The pages that may connect: those of the gateway's own port on this machine, and those that were named.
fn allowed_origins(gateway: &str, named: &[String]) -> String {
    let port = gateway.rsplit(':').next().unwrap_or_default();
    let own = ["localhost", "127.0.0.1"].map(|host| format!("http://{host}:{port}"));
    [&own, named].concat().join(",")
}

/// Where the built console is, if it is built.
pub fn console() -> PathBuf {
    in_source("web/console/dist")
}

/// A path in the source tree: the one that this is started in, else the one that the binary is built from.
fn in_source(path: &str) -> PathBuf {
    let here = Path::new("cloudformation/template.yaml").exists();
    let root = if here {
        ""
    } else {
        concat!(env!("CARGO_MANIFEST_DIR"), "/..")
    };
    Path::new(root).join(path)
}

/// What `write_sample` writes for the same rows and seed: raised when that changes.
const SAMPLE_VERSION: u32 = 2;

/// The sample bill, written once: the same rows and seed give the same bytes.
fn sample_bill(folder: &DataFolder) -> Result<PathBuf> {
    let (rows, seed) = SAMPLE;
    let bills = folder.subfolder("bills")?;
    let (aside, path) = (
        bills.join("sample.new"),
        bills.join(format!("sample-{SAMPLE_VERSION}-{rows}-{seed}.csv")),
    );
    if !path.exists() {
        let written = File::create(&aside)
            .map_err(Into::into)
            .and_then(|file| finops::write_sample(rows, seed, std::io::BufWriter::new(file)));
        written.context("writing the sample bill")?;
        std::fs::rename(&aside, &path)?;
    }
    Ok(path)
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
