//! The frames of a conversation: what is said in it, and where it begins and ends.

use super::{Action, Fields, Submission};
use crate::domain::dialect::Dialect;
use crate::domain::ids::SessionId;
use crate::domain::limits;
use crate::protocol::ErrorResponse;

/// A session's id as the client gave it: one that can't be an id is unknown like any other.
pub type SessionReference = Result<SessionId, String>;

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatMessage {
    /// `None`: its connection hears PROTOCOL 3, like everyone else.
    pub dialect: Option<Dialect>,
    /// The session that it goes on with; none is that of its connection.
    pub session: Option<SessionReference>,
    /// Whether it ends what is being answered, rather than waits for it.
    pub supersede: bool,
    pub submission: Submission,
}

/// A page of sessions, or of one's turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest<C> {
    pub limit: u32,
    pub cursor: Option<C>,
}

/// What `startSession` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionStart {
    /// To go on with an earlier one; none begins a new one.
    pub session: Option<SessionReference>,
    /// Whether it lasts beyond its connection.
    pub keep: bool,
}

/// The actions that are read here, by name.
pub(super) const ACTIONS: [&str; 7] = [
    "chat_message",
    "endSession",
    "getSession",
    "listSessions",
    "sendMessage",
    "startSession",
    "text_message",
];

impl Fields {
    /// The action of this name, if it is one of a conversation's.
    pub(super) fn conversation(&self, name: &str) -> Result<Option<Action>, ErrorResponse> {
        Ok(Some(match name {
            "sendMessage" => self.message(Dialect::SendMessage, "message")?,
            "chat_message" => {
                let field = match self.get("message")? {
                    None if self.get("content")?.is_some() => "content",
                    _ => "message",
                };
                self.message(Dialect::ChatMessage, field)?
            }
            "text_message" => self.message(Dialect::TextMessage, "text")?,
            "startSession" => Action::StartSession(SessionStart {
                session: self.session()?,
                keep: self.flag("keep")?,
            }),
            "endSession" => Action::EndSession {
                session: self.session()?,
            },
            "listSessions" => Action::ListSessions(self.pages(SessionId::parse)?),
            "getSession" => Action::GetSession {
                session: self.session()?,
                pages: self.pages(|text| text.parse().ok())?,
            },
            _ => return Ok(None),
        }))
    }

    /// A job of its own; or the next turn of the session that it names.
    pub(super) fn query(&self) -> Result<Action, ErrorResponse> {
        let submission = self.submission(self.required("kind")?, "query")?;
        let Some(session) = self.session()? else {
            return Ok(Action::Submit(submission));
        };
        Ok(Action::ChatMessage(ChatMessage {
            dialect: None,
            session: Some(session),
            supersede: self.flag("supersede")?,
            submission,
        }))
    }

    fn message(&self, dialect: Dialect, field: &str) -> Result<Action, ErrorResponse> {
        let kind = self.text("kind")?.unwrap_or("chat");
        Ok(Action::ChatMessage(ChatMessage {
            dialect: Some(dialect),
            session: self.session()?,
            supersede: self.flag("supersede")?,
            // Each message is one of its own.
            submission: Submission {
                idempotency_key: None,
                ..self.submission(kind, field)?
            },
        }))
    }

    pub(super) fn session(&self) -> Result<Option<SessionReference>, ErrorResponse> {
        let reference =
            |id: &str| SessionId::parse(id).ok_or_else(|| limits::prefix(id, 64).to_owned());
        Ok(self.text("sessionId")?.map(reference))
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, ErrorResponse> {
        match self.get(name)? {
            None => Ok(false),
            Some(value) => value.as_bool().ok_or_else(|| {
                ErrorResponse::field(name, format!("'{name}' must be true or false."))
            }),
        }
    }

    pub(super) fn pages<C>(
        &self,
        read: impl Fn(&str) -> Option<C>,
    ) -> Result<PageRequest<C>, ErrorResponse> {
        let cursor = |text: &str| {
            read(text).ok_or_else(|| ErrorResponse::field("cursor", "'cursor' is not one of ours."))
        };
        Ok(PageRequest {
            limit: self.limit()?,
            cursor: self.text("cursor")?.map(cursor).transpose()?,
        })
    }
}
