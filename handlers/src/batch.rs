//! Partial batch responses of functions that a queue invokes.

use aws_lambda_events::sqs::{BatchItemFailure, SqsMessage};

/// The response's entry for a record that the queue shall deliver again.
pub fn failed_record(record: SqsMessage) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = record.message_id.unwrap_or_default();
    failure
}
