//! Lambda: runs functions as real processes behind the Runtime API. Each process handles one invocation at a
//! time, is reused for later ones, and is killed at the function's timeout.
//!
//! Unlike in AWS, environments are not frozen between invocations.

mod concurrency;
mod environment;
mod function_log;
mod host;
mod invocation;
pub mod invoke_api;
mod launch;
mod memory_monitor;
mod outcome;
mod pool;
mod process_group;
mod process_registry;
mod runtime_api;
mod service;
#[cfg(test)]
pub(crate) mod tests;

pub use launch::{FunctionPrograms, LaunchOptions};
pub use outcome::{FailureKind, InvokeOutcome};
pub use service::Lambda;
