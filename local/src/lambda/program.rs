//! Which program runs as a function.
//!
//! It does not know how programs are started, nor how packages are made or unpacked.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::plan::Function;

/// Where the functions' programs are.
#[derive(Debug, Clone)]
pub enum Program {
    /// One for all; `_HANDLER` tells them apart.
    One(PathBuf),
    /// The `bootstrap` of each function's unpacked package: a folder below this one with the name of the
    /// package in the template's `Code`, without its `.zip`.
    Packages(PathBuf),
    /// One for all but those with this handler, which run another.
    Except {
        one: PathBuf,
        handler: String,
        program: PathBuf,
    },
}

impl Program {
    /// # Errors
    /// The template names no package for the function.
    pub(super) fn of(&self, function: &Function) -> Result<PathBuf> {
        match self {
            Program::One(program) => Ok(program.clone()),
            Program::Except {
                handler, program, ..
            } if *handler == function.handler => Ok(program.clone()),
            Program::Except { one, .. } => Ok(one.clone()),
            Program::Packages(folder) => {
                let package = function.package.as_deref();
                let package = package.with_context(|| format!("{} has no S3Key", function.name))?;
                let name = package.strip_suffix(".zip").unwrap_or(package);
                Ok(folder.join(name).join("bootstrap"))
            }
        }
    }
}
