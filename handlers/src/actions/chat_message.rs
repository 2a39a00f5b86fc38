//! `sendMessage` without a recipient, `chat_message` and `text_message`: submits a message as the next turn of
//! its session. The connection receives the job's events in the dialect of that name.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::dialect::Dialect;
use longhaul_shared::protocol::request::ChatMessageRequest;
use longhaul_shared::protocol::{ErrorResponse, Fields, SessionReference};
use tracing::Instrument;

use crate::action::Action;
use crate::app_context::AppContext;
use crate::frame::{ActionError, ActionResult, FrameContext};
use crate::session_lookup::named_session;
use crate::submit::{NewJob, Submission, TurnRequest, submit};

pub struct ChatMessage {
    dialect: Dialect,
    /// `None` for the connection's own session.
    session: Option<SessionReference>,
    /// Whether it cancels the session's open turns instead of waiting for them.
    supersede: bool,
    submission: Submission,
}

impl Action for ChatMessage {
    type Caller = Identity;
    type Request = ChatMessageRequest;

    const NAMES: &'static [&'static str] = &["chat_message", "sendMessage", "text_message"];

    const IS_OF_DIALECT: bool = true;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        let (dialect, field) = match fields.action() {
            Some("sendMessage") => (Dialect::SendMessage, "message"),
            Some("text_message") => (Dialect::TextMessage, "text"),
            _ if fields.get("message")?.is_none() && fields.get("content")?.is_some() => {
                (Dialect::ChatMessage, "content")
            }
            _ => (Dialect::ChatMessage, "message"),
        };
        let kind = fields.text("kind")?.unwrap_or("chat");
        Ok(Self {
            dialect,
            session: fields.session()?,
            supersede: fields.flag("supersede")?,
            // Each message is a job of its own, whatever key it has.
            submission: Submission {
                idempotency_key: None,
                ..Submission::parse(fields, kind, field)?
            },
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, caller: &Identity) -> ActionResult {
        let span = self.submission.span();
        let submitted = async {
            let new_job = NewJob::new(app, frame, caller, self.submission)?;
            let turn = TurnRequest {
                session: self.session.map(named_session).transpose()?,
                dialect: Some(self.dialect),
                supersede: self.supersede,
            };
            let submitted = submit(app, frame, new_job, Some(turn)).await;
            submitted.map_err(|error| in_dialect(self.dialect, error))?;
            Ok(None)
        };
        submitted.instrument(span).await
    }
}

/// Front ends of `chat_message` read in every error whether a retry may help.
fn in_dialect(dialect: Dialect, error: ActionError) -> ActionError {
    match error {
        ActionError::Rejected(error) if dialect == Dialect::ChatMessage => {
            ActionError::Rejected(ErrorResponse {
                retryable: Some(error.retry_after.is_some()),
                ..error
            })
        }
        error => error,
    }
}
