//! `voice_start`: begins a recording in a session.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::{JobId, SessionId};
use longhaul_shared::domain::limits;
use longhaul_shared::domain::session::Session;
use longhaul_shared::protocol::request::VoiceStartRequest;
use longhaul_shared::protocol::response::{VoiceResponse, VoiceSession};
use longhaul_shared::protocol::{ErrorResponse, Fields, SessionReference};
use longhaul_shared::store::sessions::Recording;

use crate::action::Action;
use crate::app_context::AppContext;
use crate::frame::{ActionError, ActionResult, FrameContext};
use crate::quota::admit_action;
use crate::session_lookup::{begin_session, named_session, own_session, unknown_session};

pub struct VoiceStart {
    /// `None` for the connection's own session.
    session: Option<SessionReference>,
    /// As the client names it, such as `wav` or `pcm`.
    format: String,
}

impl Action for VoiceStart {
    type Caller = Identity;
    type Request = VoiceStartRequest;

    const IS_OF_DIALECT: bool = true;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        let session = fields.session()?;
        let format = fields.short_text("format", limits::FORMAT_CHARS)?;
        Ok(Self {
            session,
            format: format.unwrap_or_else(|| "wav".to_owned()),
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, caller: &Identity) -> ActionResult {
        let named = self.session.map(named_session).transpose()?;
        admit_action(app, frame, &caller.owner).await?;
        let session = open_session(app, frame, caller, named).await?;
        let recording = Recording {
            job: JobId::new(frame.now, &app.random.id_bytes()),
            format: self.format,
        };
        let expires_at = frame.now + limits::RECORDING_RETENTION;
        let sessions = &app.stores.sessions;
        sessions
            .record(session, &caller.owner, &recording, expires_at)
            .await?;
        let session_id = session.to_string();
        let data = VoiceSession { session_id };
        let response = VoiceResponse::VoiceStarted { data };
        let request_id = frame.request_id.as_deref();
        Ok(Some(response.frame(request_id, frame.now)))
    }
}

/// The named session, which must be open; otherwise the connection's own, or a new one where that has ended.
async fn open_session(
    app: &AppContext,
    frame: &FrameContext,
    caller: &Identity,
    named: Option<SessionId>,
) -> Result<SessionId, ActionError> {
    let id = match named {
        Some(id) => id,
        None => own_session(app, frame, true).await?,
    };
    let found = app
        .stores
        .sessions
        .get(id, &caller.owner, frame.now)
        .await?;
    let has_ended = match (found, named) {
        (Some(session), _) if session.ended_at.is_none() => return Ok(id),
        (_, Some(_)) => return Err(unknown_session().into()),
        (found, None) => found.is_some(),
    };
    let id = match has_ended {
        true => begin_session(app, frame).await?,
        false => id,
    };
    let expires_at = frame.now + app.retention;
    let (owner, connection) = (caller.owner.clone(), frame.connection.clone());
    let session = Session::new(id, owner, connection, frame.now, expires_at);
    app.stores.sessions.start(&session).await?;
    Ok(id)
}
