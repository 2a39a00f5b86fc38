//! What all batch requests share: their ids, and the two lists of their answer.
//!
//! It knows nothing of what the entries ask for.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::error::SqsError;

/// A batch has at most so many entries (SQS API reference).
const MAX_ENTRIES: usize = 10;

/// Checks the ids of a batch, in the order in which SQS does.
///
/// # Errors
/// `EmptyBatchRequest`, `TooManyEntriesInBatchRequest`, `InvalidBatchEntryId`,
/// `BatchEntryIdsNotDistinct`: each refuses the whole batch.
pub(super) fn check_ids<'a>(ids: impl ExactSizeIterator<Item = &'a str>) -> Result<(), SqsError> {
    match ids.len() {
        0 => return Err(SqsError::empty_batch()),
        1..=MAX_ENTRIES => {}
        more => return Err(SqsError::batch_too_many(more)),
    }
    let mut seen = BTreeSet::new();
    for id in ids {
        let fits = (1..=80).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !fits {
            return Err(SqsError::batch_entry_id());
        }
        if !seen.insert(id) {
            return Err(SqsError::batch_not_distinct(id));
        }
    }
    Ok(())
}

/// The answer to a batch, as it comes together.
#[derive(Debug, Default)]
pub(super) struct Report {
    successful: Vec<Value>,
    failed: Vec<Value>,
}

impl Report {
    /// Notes one entry's fate; `answer` is what it gets if it went well.
    pub(super) fn add(&mut self, id: &str, answer: Value, fate: Result<(), SqsError>) {
        match fate {
            Ok(()) => self.successful.push(answer),
            Err(refusal) => self.failed(id, &refusal),
        }
    }

    /// Notes an entry that was refused.
    pub(super) fn failed(&mut self, id: &str, refusal: &SqsError) {
        self.failed.push(refusal.entry(id));
    }

    /// The response body. AWS leaves `Failed` out where nothing failed, and so do we.
    pub(super) fn render(self) -> Value {
        let mut answer = json!({});
        if !self.successful.is_empty() {
            answer["Successful"] = self.successful.into();
        }
        if !self.failed.is_empty() {
            answer["Failed"] = self.failed.into();
        }
        answer
    }
}
