//! The options with which the embedded cloud is started.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use longhaul_local::cloud::FunctionPrograms;

#[derive(Args, Clone)]
pub struct StartArgs {
    /// FOCUS bill to answer from (CSV, plain or gzipped). Default: a generated sample.
    #[arg(long, value_name = "PATH")]
    pub bill: Option<PathBuf>,
    /// CloudFormation template to run. Default: the one of this source tree.
    #[arg(long, value_name = "PATH")]
    pub template: Option<PathBuf>,
    /// Value of a template parameter. Repeatable.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parse_parameter)]
    pub parameters: Vec<(String, String)>,
    /// Origin whose pages may connect, besides those on the gateway's own port. Repeatable.
    #[arg(long = "origin", value_name = "ORIGIN")]
    pub origins: Vec<String>,
    /// Accept claimed identities without a token. For development on this machine only.
    #[arg(long)]
    pub trust_claims: bool,
    /// File to which a line for each AWS call is appended.
    #[arg(long, value_name = "FILE")]
    pub wire_log: Option<PathBuf>,
    /// Interval of the template's schedules, in seconds, instead of their own rates. For tests.
    #[arg(long, value_name = "SECONDS", hide = true, value_parser = clap::value_parser!(u64).range(1..))]
    pub tick_seconds: Option<u64>,
    /// Leave the leases of dead workers to run out, as in AWS. For tests.
    #[arg(long, hide = true)]
    pub leave_leases: bool,
    /// Folder with the unpacked function packages, one folder for each function, to run instead of this
    /// program. For tests.
    #[arg(long, value_name = "DIR", hide = true)]
    pub packages: Option<PathBuf>,
    /// Program to run as the worker, with analyses of your own. Default: this program.
    #[arg(long, value_name = "PATH", conflicts_with = "packages")]
    pub worker: Option<PathBuf>,
    /// JSON file with the AWS calls that fail, and how (see docs/testing.md). For tests.
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
}

impl StartArgs {
    /// The programs that run as the functions.
    pub(super) fn programs(&self) -> Result<FunctionPrograms> {
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
        let packages = packages
            .canonicalize()
            .with_context(|| format!("the folder {} can't be read", packages.display()))?;
        Ok(FunctionPrograms::Packages(packages))
    }

    /// The options that start the same stack, for a command to paste.
    pub fn as_options(&self) -> String {
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

fn parse_parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
