//! The wire log: one JSON line for each AWS call, with service, operation, sizes and consumed capacity.
//!
//! Request and response contents are never logged. Call budgets are computed from it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::Serialize;

use crate::permissions::RequiredPermission;

/// The log file; without a file nothing is recorded. Clones share it.
#[derive(Clone, Default)]
pub struct WireLog {
    file: Option<Arc<Mutex<BufWriter<File>>>>,
}

/// One line of the log: a call.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WireLogEntry<'a> {
    /// The calling function by its SDK's user agent, or the calling part of the embedded cloud
    /// (`event-source`, `execute-api`, `scheduler`); empty for any other caller.
    pub caller: &'a str,
    /// `dynamodb`, `sqs`, `s3`, `execute-api` or `lambda`.
    pub service: &'a str,
    pub operation: &'a str,
    /// The invoked function; empty and omitted for other calls.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub function: &'a str,
    /// The permissions that the call needs; omitted for callers without a role.
    #[serde(
        rename = "needs",
        skip_serializing_if = "<[RequiredPermission]>::is_empty"
    )]
    pub required_permissions: &'a [RequiredPermission],
    /// HTTP status of the response.
    pub status: u16,
    /// Whether an invocation with status 200 failed inside the function; omitted if not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub function_error: bool,
    pub request_bytes: usize,
    pub response_bytes: usize,
    /// As reported by DynamoDB; 0 for other services.
    pub write_units: f64,
    pub read_units: f64,
}

impl<'a> WireLogEntry<'a> {
    /// An entry for this service with all other fields empty.
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
    /// Appends to the file.
    ///
    /// # Errors
    /// The file can't be opened.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::options().create(true).append(true).open(path);
        let file = file.with_context(|| format!("opening the wire log {}", path.display()))?;
        Ok(Self {
            file: Some(Arc::new(Mutex::new(BufWriter::new(file)))),
        })
    }

    pub fn is_enabled(&self) -> bool {
        self.file.is_some()
    }

    /// Appends an entry; it is flushed to the file when this returns.
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
            tracing::warn!(%error, "writing a wire log entry failed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_the_field_names_of_existing_logs() {
        let needs = [RequiredPermission {
            action: "sqs:SendMessage".to_owned(),
            resource: "arn".to_owned(),
            prefix: None,
        }];
        let entry = WireLogEntry {
            operation: "SendMessage",
            required_permissions: &needs,
            status: 200,
            ..WireLogEntry::new("sqs")
        };
        let line = r#"{"caller":"","service":"sqs","operation":"SendMessage","needs":[{"action":"sqs:SendMessage","resource":"arn"}],"status":200,"requestBytes":0,"responseBytes":0,"writeUnits":0.0,"readUnits":0.0}"#;
        assert_eq!(serde_json::to_string(&entry).unwrap(), line);
    }
}
