//! What a job's work looks like to the worker, and what the worker offers to it.
//!
//! An [`Analysis`] is registered under its kind and knows nothing of queues, tables or sockets: it
//! gets a [`Context`], reports through it, and returns its result. Whoever brings an analysis of
//! their own needs this file only.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::reports::{Progress, Reports};

/// One kind of work. It runs on a runtime of its own, so it may block without harm to the lease.
#[async_trait]
pub trait Analysis: Send + Sync + 'static {
    /// The name that a front end submits it under, such as `finops`.
    fn kind(&self) -> &'static str;

    /// Does the work once. It may be run again after a crash, so it should do nothing twice that
    /// must be done once.
    async fn run(&self, context: &Context) -> Result<Value, Failure>;
}

/// How an analysis says that it cannot go on. Neither is an `Err` of the worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The work can never succeed: the job fails at once with this code and sentence.
    Reject { code: &'static str, message: String },
    /// The work may succeed later: the job goes back to the queue while it has attempts left.
    Retry { code: &'static str, message: String },
}

impl Failure {
    /// The machine-readable reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Reject { code, .. } | Self::Retry { code, .. } => code,
        }
    }
}

/// A job as its analysis sees it.
pub struct Context {
    query: String,
    params: Value,
    attempt: u32,
    reports: Arc<Reports>,
}

impl Context {
    /// A context of the `attempt`th attempt, and where its reports arrive. `params` is an object.
    pub fn new(query: String, params: Value, attempt: u32) -> (Self, Arc<Reports>) {
        let reports = Arc::new(Reports::default());
        (
            Self {
                query,
                params,
                attempt,
                reports: reports.clone(),
            },
            reports,
        )
    }

    /// The question, whole, as it was submitted.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// The submitted `params`: an object, empty when none were given.
    pub fn params(&self) -> &Value {
        &self.params
    }

    /// 1 for the first attempt.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Reports how far the work is, from 0 to 100. Cheap, never waits. Each step of 5 % is told;
    /// of smaller ones the latest, once a second.
    pub fn progress(&self, percent: u8, message: impl Into<String>) {
        self.reports.push(Progress {
            percent: percent.min(100),
            message: message.into(),
        });
    }
}
