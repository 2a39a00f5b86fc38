//! A message that was received from a queue.

use jiff::Timestamp;

#[derive(Debug, Clone)]
pub struct QueueMessage {
    pub id: String,
    pub body: String,
    pub sent_at: Timestamp,
    /// SQS's receipt handle, with which the message is deleted or released.
    pub(crate) receipt_handle: String,
}
