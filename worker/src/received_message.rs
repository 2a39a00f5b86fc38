//! The SQS message that names a job.

use std::time::Duration;

use longhaul_shared::messaging::job_queue::JobQueue;

/// A message that was received and not deleted yet.
pub struct ReceivedMessage<'a> {
    pub queue: &'a JobQueue,
    pub receipt_handle: &'a str,
    /// As SQS numbered it when it was sent: a duplicate that was sent later has another.
    pub id: &'a str,
}

impl ReceivedMessage<'_> {
    /// Sets the visibility timeout. Best effort: a message that becomes visible early finds the lease, and one that
    /// becomes visible late is overtaken by the sweep's.
    pub async fn set_visibility_timeout(&self, timeout: Duration) {
        let changed = self
            .queue
            .set_visibility_timeout(self.receipt_handle, timeout);
        if let Err(error) = changed.await {
            tracing::warn!(
                message = self.id,
                error = format!("{error:#}"),
                "a message's visibility timeout was not changed"
            );
        }
    }
}
