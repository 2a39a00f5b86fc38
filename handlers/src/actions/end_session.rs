//! `endSession`: the session accepts no more turns. Its running turn goes on.

use longhaul_shared::auth::Identity;
use longhaul_shared::protocol::request::EndSessionRequest;
use longhaul_shared::protocol::{ErrorResponse, Fields, Response, SessionReference};

use crate::action::Action;
use crate::app_context::AppContext;
use crate::caller_identity;
use crate::frame::{ActionResult, FrameContext};
use crate::session_log;
use crate::session_lookup::{named_session, own_session, unknown_session};

pub struct EndSession {
    /// `None` for the connection's own session.
    session: Option<SessionReference>,
}

impl Action for EndSession {
    type Caller = Identity;
    type Request = EndSessionRequest;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self {
            session: fields.session()?,
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, caller: &Identity) -> ActionResult {
        let id = match self.session {
            Some(reference) => named_session(reference)?,
            None => own_session(app, frame, false).await?,
        };
        let ended = app.stores.sessions.end(id, &caller.owner, frame.now);
        if !ended.await? {
            return Err(unknown_session().into());
        }
        let user = Some(caller_identity::name_for_logs(caller));
        session_log::ended(id, &frame.connection, user, "endSession", frame.now);
        let session_id = id.to_string();
        frame.respond(Response::SessionEnded { session_id })
    }
}
