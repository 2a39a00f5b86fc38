//! How the functions' processes are started.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::stack_spec::Function;

/// How the functions of one stack are started.
#[derive(Clone)]
pub struct LaunchOptions {
    pub programs: FunctionPrograms,
    /// Arguments of every function's program.
    pub arguments: Vec<String>,
    /// Environment variables of every function. The function's own take precedence.
    pub environment: BTreeMap<String, String>,
    /// The secret access key of every function. Only URLs that functions presign are verified with it.
    pub secret_access_key: String,
    /// The folder with one log file per function; created if missing.
    pub log_folder: PathBuf,
    /// Concurrent invocations in the whole account, including reserved ones (AWS's default quota is 1,000).
    pub account_concurrency: u32,
}

/// The programs that run as functions.
#[derive(Debug, Clone)]
pub enum FunctionPrograms {
    /// The same program for all functions; `_HANDLER` distinguishes them.
    Shared(PathBuf),
    /// The `bootstrap` of each function's unpacked package. This folder contains one folder per package, named
    /// like the `S3Key` in the template's `Code` without `.zip`.
    Packages(PathBuf),
    /// A shared program for all functions except those with `handler`, which run `program`.
    SharedExcept {
        shared: PathBuf,
        handler: String,
        program: PathBuf,
    },
}

impl FunctionPrograms {
    /// The handler that has a program of its own.
    pub fn own_handler(&self) -> Option<&str> {
        match self {
            FunctionPrograms::SharedExcept { handler, .. } => Some(handler),
            FunctionPrograms::Shared(_) | FunctionPrograms::Packages(_) => None,
        }
    }

    /// # Errors
    /// The programs come from packages, and the template names no package for the function.
    pub(super) fn path_for(&self, function: &Function) -> Result<PathBuf> {
        match self {
            FunctionPrograms::Shared(program) => Ok(program.clone()),
            FunctionPrograms::SharedExcept {
                handler, program, ..
            } if *handler == function.handler => Ok(program.clone()),
            FunctionPrograms::SharedExcept { shared, .. } => Ok(shared.clone()),
            FunctionPrograms::Packages(folder) => {
                let package = function.package.as_deref();
                let package = package
                    .with_context(|| format!("the Code of {} has no S3Key", function.name))?;
                let name = package.strip_suffix(".zip").unwrap_or(package);
                Ok(folder.join(name).join("bootstrap"))
            }
        }
    }
}
