//! The log of every AWS call on the wire, one JSON line each, from which budgets are counted.
//!
//! Knows calls by service and operation, their sizes and what DynamoDB says they cost; never what
//! is in them.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::Serialize;

use crate::permissions::RequiredPermission;

/// Where calls are noted; one that was opened on no file notes nothing and costs nothing.
#[derive(Clone, Default)]
pub struct WireLog {
    file: Option<Arc<Mutex<BufWriter<File>>>>,
}

/// One call.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WireLogEntry<'a> {
    /// The calling function, as its SDK's user agent names it, or what of the small cloud calls by
    /// itself (`event-source`, `execute-api`, `scheduler`); empty for anyone else.
    pub caller: &'a str,
    /// `dynamodb`, `sqs`, `s3`, `execute-api` or `lambda`.
    pub service: &'a str,
    pub operation: &'a str,
    /// The function that an invocation is of; empty, and left out, for other calls.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub function: &'a str,
    /// What the caller's role must allow; left out for callers that have none.
    #[serde(
        rename = "needs",
        skip_serializing_if = "<[RequiredPermission]>::is_empty"
    )]
    pub required_permissions: &'a [RequiredPermission],
    /// HTTP status of the answer.
    pub status: u16,
    /// Whether an invocation of status 200 was the function's own failure; left out if not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub function_error: bool,
    pub request_bytes: usize,
    pub response_bytes: usize,
    /// DynamoDB's own count; 0 for other services.
    pub write_units: f64,
    pub read_units: f64,
}

impl<'a> WireLogEntry<'a> {
    /// A call of this service of which nothing else is known yet.
    pub fn new(service: &'a str) -> Self {
        Self {
            caller: "",
            service,
            operation: "",
            function: "",
            required_permissions: &[],
            status: 0,
            function_error: false,
            request_bytes: 0,
            response_bytes: 0,
            write_units: 0.0,
            read_units: 0.0,
        }
    }
}

impl WireLog {
    /// Notes calls in the file, behind what is there.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::options().create(true).append(true).open(path);
        let file = file.with_context(|| format!("the wire log {}", path.display()))?;
        Ok(Self {
            file: Some(Arc::new(Mutex::new(BufWriter::new(file)))),
        })
    }

    pub fn is_enabled(&self) -> bool {
        self.file.is_some()
    }

    /// Notes a call, in the file by the time this returns.
    pub fn record(&self, entry: &WireLogEntry<'_>) {
        #[derive(Serialize)]
        struct Line<'a> {
            at: String,
            #[serde(flatten)]
            entry: &'a WireLogEntry<'a>,
        }
        let Some(file) = &self.file else { return };
        let line = Line {
            at: format!("{:.3}", Timestamp::now()),
            entry,
        };
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = serde_json::to_writer(&mut *file, &line)
            .map_err(Into::into)
            .and_then(|()| file.write_all(b"\n"))
            .and_then(|()| file.flush());
        if let Err(error) = outcome {
            tracing::warn!(%error, "a call is missing from the wire log");
        }
    }
}
