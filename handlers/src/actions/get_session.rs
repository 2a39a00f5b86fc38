//! `getSession`: one of the caller's sessions, open or ended, and a page of its turns, oldest first.

use longhaul_shared::auth::Identity;
use longhaul_shared::protocol::request::GetSessionRequest;
use longhaul_shared::protocol::response::{Response, SessionView, TurnView};
use longhaul_shared::protocol::{ErrorResponse, Fields, PageRequest, SessionReference};

use crate::action::Action;
use crate::app_context::AppContext;
use crate::frame::{ActionResult, FrameContext};
use crate::session_lookup::{named_session, own_session, unknown_session};

pub struct GetSession {
    /// `None` for the connection's own session.
    session: Option<SessionReference>,
    /// The cursor is the number of the page's first turn.
    page: PageRequest<u32>,
}

impl Action for GetSession {
    type Caller = Identity;
    type Request = GetSessionRequest;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self {
            session: fields.session()?,
            page: fields.page(|text| text.parse().ok())?,
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, caller: &Identity) -> ActionResult {
        let id = match self.session {
            Some(reference) => named_session(reference)?,
            None => own_session(app, frame, false).await?,
        };
        let sessions = &app.stores.sessions;
        let session = sessions.get(id, &caller.owner, frame.now).await?;
        let session = session.ok_or_else(unknown_session)?;
        let first = self.page.cursor.unwrap_or(1).max(1);
        let page = sessions.turns(id, first, self.page.limit, frame.now);
        let (turns, next) = page.await?;
        let next = next.filter(|next| *next <= session.turns);
        frame.respond(Response::Session {
            session: SessionView::new(&session),
            turns: turns.iter().map(TurnView::new).collect(),
            cursor: next.map(|next| next.to_string()),
        })
    }
}
