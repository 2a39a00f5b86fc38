//! The frames of messages between users and of what waits in an inbox.

use super::chat::PageRequest;
use super::{Action, Fields};
use crate::domain::ids::NotificationId;
use crate::domain::limits;
use crate::protocol::ErrorResponse;

/// What is asked about messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InboxAction {
    Send {
        /// A user's id, or a room's.
        recipient: String,
        content: String,
        kind: String,
    },
    Typing {
        recipient: String,
        is_typing: bool,
    },
    /// An id that can't be one is as unknown as another's.
    Acknowledge(Option<NotificationId>),
    List {
        /// Not what was read.
        unread_only: bool,
        pages: PageRequest<InboxCursor>,
    },
}

/// Where a page of an inbox ends: what is unread comes first, then what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxCursor {
    pub is_read: bool,
    /// The page's last entry; none where it has none of these.
    pub after: Option<NotificationId>,
}

impl InboxCursor {
    /// `None` for anything that is not a cursor of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let (shelf, after) = text.split_once('~').unwrap_or((text, ""));
        let is_read = match shelf {
            "unread" => false,
            "read" => true,
            _ => return None,
        };
        let after = match after {
            "" => None,
            id => Some(NotificationId::parse(id)?),
        };
        Some(Self { is_read, after })
    }
}

impl std::fmt::Display for InboxCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_read { "read" } else { "unread" })?;
        self.after.map_or(Ok(()), |id| write!(f, "~{id}"))
    }
}

/// The actions that are read here alone, by name; `sendMessage` is one of a conversation too.
pub(super) const ACTIONS: [&str; 3] = ["listNotifications", "notificationAck", "typing_indicator"];

impl Fields {
    /// The action of this name, if it is about messages between users.
    pub(super) fn inbox_action(&self, name: &str) -> Result<Option<Action>, ErrorResponse> {
        Ok(Some(Action::Inbox(match name {
            "sendMessage" if self.get("recipientId")?.is_some() => InboxAction::Send {
                recipient: self.user("recipientId")?,
                content: self.content()?,
                kind: self.message_type()?,
            },
            "typing_indicator" => InboxAction::Typing {
                recipient: self.user("recipientId")?,
                is_typing: self.flag("isTyping")?,
            },
            "notificationAck" => {
                InboxAction::Acknowledge(NotificationId::parse(self.required("notificationId")?))
            }
            "listNotifications" => InboxAction::List {
                unread_only: self.flag("unread")?,
                pages: self.pages(InboxCursor::parse)?,
            },
            _ => return Ok(None),
        })))
    }

    /// A user's id, as a token could name one.
    pub(super) fn user(&self, field: &str) -> Result<String, ErrorResponse> {
        let user = self.required(field)?;
        if user.len() > limits::USER_BYTES || user.chars().any(char::is_control) {
            let most = limits::USER_BYTES;
            let sentence =
                format!("'{field}' may be at most {most} bytes long, without control characters.");
            return Err(ErrorResponse::field(field, sentence));
        }
        Ok(user.to_owned())
    }

    /// What is said to others.
    pub(super) fn content(&self) -> Result<String, ErrorResponse> {
        let content = self.required("content")?;
        if content.len() > limits::QUERY_BYTES {
            let (is, most) = (content.len(), limits::QUERY_BYTES);
            let sentence = format!("'content' is {is} bytes long; {most} are allowed.");
            return Err(ErrorResponse::field("content", sentence));
        }
        Ok(content.to_owned())
    }

    /// Inside `data` only, as a frame's own `type` may name its action.
    fn message_type(&self) -> Result<String, ErrorResponse> {
        let most = limits::MESSAGE_TYPE_CHARS;
        match self.data.get("type").map(|value| value.as_str()) {
            None => Ok("text".to_owned()),
            Some(Some(kind)) if !kind.is_empty() && kind.chars().nth(most).is_none() => {
                Ok(kind.to_owned())
            }
            Some(_) => Err(ErrorResponse::field(
                "type",
                format!("'type' must be a text of 1 to {most} characters."),
            )),
        }
    }
}
