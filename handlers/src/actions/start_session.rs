//! `startSession`: a session for the connection's messages from now on, new or an earlier one of the user's. A
//! kept session lasts beyond the connection.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::session::Session;
use longhaul_shared::protocol::request::StartSessionRequest;
use longhaul_shared::protocol::{ErrorResponse, Fields, Response, SessionReference};

use crate::action::Action;
use crate::app_context::AppContext;
use crate::frame::{ActionResult, FrameContext};
use crate::quota::admit_action;
use crate::session_lookup::{begin_session, named_session, set_own_session, unknown_session};

pub struct StartSession {
    /// An earlier session; `None` for a new one.
    session: Option<SessionReference>,
    keep: bool,
}

impl Action for StartSession {
    type Caller = Identity;
    type Request = StartSessionRequest;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self {
            session: fields.session()?,
            keep: fields.flag("keep")?,
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, caller: &Identity) -> ActionResult {
        admit_action(app, frame, &caller.owner).await?;
        let mut keep = self.keep;
        let sessions = &app.stores.sessions;
        let id = match self.session {
            Some(reference) => {
                let id = named_session(reference)?;
                let session = sessions.get(id, &caller.owner, frame.now).await?;
                let open = session.filter(|session| session.ended_at.is_none());
                let session = open.ok_or_else(unknown_session)?;
                if keep && !session.keep && !sessions.make_lasting(id, &caller.owner).await? {
                    return Err(unknown_session().into());
                }
                keep |= session.keep;
                set_own_session(app, frame, id).await?
            }
            None => {
                let id = begin_session(app, frame).await?;
                let expires_at = frame.now + app.retention;
                let (owner, connection) = (caller.owner.clone(), frame.connection.clone());
                let session = Session {
                    keep,
                    ..Session::new(id, owner, connection, frame.now, expires_at)
                };
                sessions.start(&session).await?;
                id
            }
        };
        let session_id = id.to_string();
        frame.respond(Response::SessionStarted { session_id, keep })
    }
}
