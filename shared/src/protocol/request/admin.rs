//! The frames of admins (PROTOCOL 8). Whether the speaker is one is not known here.

use super::chat::PageRequest;
use super::{Action, Fields, JobReference};
use crate::domain::ids::ConnectionId;
use crate::domain::job::Status;
use crate::domain::limits;
use crate::protocol::ErrorResponse;

/// What an admin asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminAction {
    ListConnections {
        /// None: everybody's.
        user: Option<String>,
        pages: PageRequest<String>,
    },
    SetStatus {
        connection: ConnectionId,
        is_open: bool,
    },
    CloseConnection(ConnectionId),
    /// Those without activity for an hour, a page at a time.
    CleanupConnections {
        after: Option<ConnectionId>,
    },
    Broadcast {
        content: String,
        /// None: everybody, a page at a time.
        user: Option<String>,
        after: Option<ConnectionId>,
    },
    ListOpenJobs {
        status: Option<Status>,
        limit: u32,
    },
    ListDeadLetters,
    ReplayJob {
        job: JobReference,
        /// Whether steps that it kept count no more.
        from_start: bool,
    },
}

pub(super) const ACTIONS: [&str; 8] = [
    "broadcast",
    "cleanupConnections",
    "closeConnection",
    "listConnections",
    "listDeadLetters",
    "listOpenJobs",
    "replayJob",
    "setStatus",
];

impl Fields {
    /// The action of this name, if it is one of admins.
    pub(super) fn admin(&self, name: &str) -> Result<Option<Action>, ErrorResponse> {
        Ok(Some(Action::Admin(match name {
            "listConnections" => AdminAction::ListConnections {
                user: self.of_user()?,
                pages: self.pages(cursor)?,
            },
            "setStatus" => AdminAction::SetStatus {
                connection: self.connection()?,
                is_open: self.connection_status()?,
            },
            "closeConnection" => AdminAction::CloseConnection(self.connection()?),
            "cleanupConnections" => AdminAction::CleanupConnections {
                after: self.after()?,
            },
            "broadcast" => AdminAction::Broadcast {
                content: self.content()?,
                user: self.of_user()?,
                after: self.after()?,
            },
            "listOpenJobs" => AdminAction::ListOpenJobs {
                status: self.job_status()?,
                limit: self.limit()?,
            },
            "listDeadLetters" => AdminAction::ListDeadLetters,
            "replayJob" => AdminAction::ReplayJob {
                job: self.job()?,
                from_start: self.flag("fromStart")?,
            },
            _ => return Ok(None),
        })))
    }

    pub(super) fn of_user(&self) -> Result<Option<String>, ErrorResponse> {
        match self.get("userId")? {
            None => Ok(None),
            Some(_) => self.user("userId").map(Some),
        }
    }

    fn connection(&self) -> Result<ConnectionId, ErrorResponse> {
        let id = self.required("connectionId")?;
        // An id of such a form is nobody's, and says so.
        Ok(ConnectionId(limits::prefix(id, 128).to_owned()))
    }

    fn connection_status(&self) -> Result<bool, ErrorResponse> {
        match self.required("status")? {
            "CONNECTED" => Ok(true),
            "DISCONNECTED" => Ok(false),
            _ => Err(ErrorResponse::field(
                "status",
                "'status' must be CONNECTED or DISCONNECTED.",
            )),
        }
    }

    fn after(&self) -> Result<Option<ConnectionId>, ErrorResponse> {
        let pages = self.pages(cursor)?;
        Ok(pages.cursor.map(ConnectionId))
    }
}

/// A connection's id, with a time for one user's; what it names need not be there any more.
fn cursor(text: &str) -> Option<String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    (plain && !text.is_empty() && text.len() <= 256).then(|| text.to_owned())
}
