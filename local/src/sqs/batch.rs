//! Shared parts of batch operations: entry ids and the response's two lists.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::error::SqsError;

/// Maximum number of entries of a batch (SQS API reference).
const MAX_ENTRIES: usize = 10;

/// Checks the entry ids of a batch, in SQS's order.
///
/// # Errors
/// `EmptyBatchRequest`, `TooManyEntriesInBatchRequest`, `InvalidBatchEntryId`,
/// `BatchEntryIdsNotDistinct`: each rejects the whole batch.
pub(super) fn check_ids<'a>(ids: impl ExactSizeIterator<Item = &'a str>) -> Result<(), SqsError> {
    match ids.len() {
        0 => return Err(SqsError::empty_batch()),
        1..=MAX_ENTRIES => {}
        count => return Err(SqsError::too_many_batch_entries(count)),
    }
    let mut seen = BTreeSet::new();
    for id in ids {
        let is_valid = (1..=80).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !is_valid {
            return Err(SqsError::invalid_batch_entry_id());
        }
        if !seen.insert(id) {
            return Err(SqsError::batch_ids_not_distinct(id));
        }
    }
    Ok(())
}

/// The response of a batch operation.
#[derive(Debug, Default)]
pub(super) struct BatchResponse {
    successful: Vec<Value>,
    failed: Vec<Value>,
}

impl BatchResponse {
    /// Adds the result of one entry; `entry` is its response if it succeeded.
    pub(super) fn add(&mut self, id: &str, entry: Value, outcome: Result<(), SqsError>) {
        match outcome {
            Ok(()) => self.successful.push(entry),
            Err(error) => self.add_failed(id, &error),
        }
    }

    /// Adds a failed entry.
    pub(super) fn add_failed(&mut self, id: &str, error: &SqsError) {
        self.failed.push(error.batch_entry(id));
    }

    /// The response body. As in AWS, empty lists are omitted.
    pub(super) fn render(self) -> Value {
        let mut response = json!({});
        if !self.successful.is_empty() {
            response["Successful"] = self.successful.into();
        }
        if !self.failed.is_empty() {
            response["Failed"] = self.failed.into();
        }
        response
    }
}
