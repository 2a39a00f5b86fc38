//! Fields that several actions share: jobs, sessions, users, connections, pages.

use super::Fields;
use crate::domain::ids::{ConnectionId, JobId, SessionId};
use crate::domain::job::Status;
use crate::domain::limits;
use crate::protocol::ErrorResponse;

/// The job that a frame names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobReference {
    Id(JobId),
    /// The beginning of a text that is no job's id. It is answered like the id of an unknown job.
    Unknown(String),
}

/// The session that a frame names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionReference {
    Id(SessionId),
    /// A text that is no session's id. It is answered like the id of an unknown session.
    Unknown,
}

/// Who the client says it is: compared with the verified identity and never used in its place, except in local
/// development.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClaimedIdentity {
    pub user_id: Option<String>,
    pub username: Option<String>,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest<C> {
    pub limit: u32,
    /// Where the page begins; `None` for the first page.
    pub cursor: Option<C>,
}

impl Fields {
    /// The job in `jobId`.
    pub fn job(&self) -> Result<JobReference, ErrorResponse> {
        let id = self.required("jobId")?;
        let unknown = || JobReference::Unknown(limits::prefix(id, 64).to_owned());
        Ok(JobId::parse(id).map_or_else(unknown, JobReference::Id))
    }

    /// The session in `sessionId`, if there is one.
    pub fn session(&self) -> Result<Option<SessionReference>, ErrorResponse> {
        let reference =
            |id: &str| SessionId::parse(id).map_or(SessionReference::Unknown, SessionReference::Id);
        Ok(self.text("sessionId")?.map(reference))
    }

    /// The session in `sessionId`, which is required.
    pub fn required_session(&self) -> Result<SessionReference, ErrorResponse> {
        let id = self.required("sessionId")?;
        Ok(SessionId::parse(id).map_or(SessionReference::Unknown, SessionReference::Id))
    }

    pub fn claimed_identity(&self) -> Result<ClaimedIdentity, ErrorResponse> {
        Ok(ClaimedIdentity {
            user_id: self.text("userId")?.map(Into::into),
            username: self.text("username")?.map(Into::into),
        })
    }

    /// A user's id, in the form that tokens have.
    pub fn user(&self, name: &str) -> Result<String, ErrorResponse> {
        let user = self.required(name)?;
        if user.len() > limits::USER_BYTES || user.chars().any(char::is_control) {
            let max = limits::USER_BYTES;
            let message =
                format!("'{name}' may be at most {max} bytes long, without control characters.");
            return Err(ErrorResponse::field(name, message));
        }
        Ok(user.to_owned())
    }

    /// The user in `userId`, if there is one.
    pub fn optional_user(&self) -> Result<Option<String>, ErrorResponse> {
        match self.get("userId")? {
            None => Ok(None),
            Some(_) => self.user("userId").map(Some),
        }
    }

    /// The connection in `connectionId`. The beginning of an id that is too long names no connection either.
    pub fn connection(&self) -> Result<ConnectionId, ErrorResponse> {
        let id = self.required("connectionId")?;
        Ok(ConnectionId(limits::prefix(id, 128).to_owned()))
    }

    /// The job status in `status`, if there is one.
    pub fn job_status(&self) -> Result<Option<Status>, ErrorResponse> {
        let unknown = |text: &str| {
            let statuses = Status::ALL.map(Status::as_str).to_vec();
            let message = format!("There is no status '{}'.", limits::prefix(text, 64));
            ErrorResponse::field("status", message).with("statuses", statuses)
        };
        self.text("status")?
            .map(|text| Status::parse(text).ok_or_else(|| unknown(text)))
            .transpose()
    }

    /// The page in `limit` and `cursor`, of a cursor that `parse` accepts.
    pub fn page<C>(
        &self,
        parse: impl Fn(&str) -> Option<C>,
    ) -> Result<PageRequest<C>, ErrorResponse> {
        let limit = self.limit()?;
        let cursor = self.text("cursor")?.map(|text| {
            let invalid = || ErrorResponse::field("cursor", "'cursor' is not one of ours.");
            parse(text).ok_or_else(invalid)
        });
        Ok(PageRequest {
            limit,
            cursor: cursor.transpose()?,
        })
    }

    /// The page of connections in `limit` and `cursor`. A cursor names a connection that may be closed by now.
    pub fn connections_page(&self) -> Result<PageRequest<String>, ErrorResponse> {
        let parse = |text: &str| {
            let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
            (is_plain && !text.is_empty() && text.len() <= 256).then(|| text.to_owned())
        };
        self.page(parse)
    }

    /// How many entries a page may have; [`limits::PAGE`] where that is left out.
    pub fn limit(&self) -> Result<u32, ErrorResponse> {
        let limit = self.number("limit")?.unwrap_or(limits::PAGE.into());
        if limit == 0 || limit > limits::PAGE.into() {
            let message = format!("'limit' must be between 1 and {}.", limits::PAGE);
            return Err(ErrorResponse::field("limit", message));
        }
        Ok(limit as u32)
    }
}
