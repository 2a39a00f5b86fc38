//! One frame of a client while it is handled, and what comes of it.

use jiff::Timestamp;
use longhaul_shared::auth::{Identity, TokenError};
use longhaul_shared::domain::ids::{ConnectionId, Owner};
use longhaul_shared::protocol::request::Warning;
use longhaul_shared::protocol::{ErrorResponse, Response};

use crate::caller_identity;

/// Where a frame came from, and when.
pub struct FrameContext {
    pub connection: ConnectionId,
    pub request_id: Option<String>,
    /// About fields that the action does not know. Its direct response has them.
    pub warnings: Vec<Warning>,
    /// The client's IP address.
    pub address: Option<String>,
    /// The time of the frame, which counts for everything that it causes.
    pub now: Timestamp,
    pub connected_at: Timestamp,
    /// The identity that the authorizer found at `$connect`.
    pub authorized: Option<Identity>,
}

/// The response that an action returns directly, if it has one; or why it was not done.
pub type ActionResult = Result<Option<String>, ActionError>;

/// Why an action was not done.
pub enum ActionError {
    /// The client is at fault and gets this response.
    Rejected(ErrorResponse),
    /// A token is not valid. The log has the reason; the client gets the part of it that is safe to tell.
    InvalidToken(TokenError),
    /// We are at fault. The log has the error; the client gets the id of its log line.
    Internal(anyhow::Error),
}

impl From<ErrorResponse> for ActionError {
    fn from(error: ErrorResponse) -> Self {
        Self::Rejected(error)
    }
}

impl From<anyhow::Error> for ActionError {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

impl FrameContext {
    /// A direct response to this frame, with its `requestId`.
    pub fn respond(&self, response: Response) -> ActionResult {
        Ok(Some(response.frame(
            self.request_id.as_deref(),
            &self.warnings,
            self.now,
        )))
    }

    /// Writes to the audit log that a frame was rejected.
    pub fn log_rejection(&self, reason: &str) {
        tracing::info!(connection = %self.connection, address = self.address, reason, "a frame was rejected");
    }

    /// Writes to the audit log that a job of another user was asked for. The client is not told.
    pub fn log_if_foreign(&self, caller: &Identity, owner: &Owner) {
        if caller.owner != *owner {
            let user = caller_identity::name_for_logs(caller);
            tracing::info!(connection = %self.connection, address = self.address, user, "a user asked for another user's job");
        }
    }
}
