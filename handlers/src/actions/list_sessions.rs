//! `listSessions`: the caller's sessions, newest first, by page.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::SessionId;
use longhaul_shared::protocol::request::ListSessionsRequest;
use longhaul_shared::protocol::response::{Response, SessionView};
use longhaul_shared::protocol::{ErrorResponse, Fields, PageRequest};

use crate::action::Action;
use crate::app_context::AppContext;
use crate::frame::{ActionResult, FrameContext};

pub struct ListSessions {
    page: PageRequest<SessionId>,
}

impl Action for ListSessions {
    type Caller = Identity;
    type Request = ListSessionsRequest;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self {
            page: fields.page(SessionId::parse)?,
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, caller: &Identity) -> ActionResult {
        let PageRequest { limit, cursor } = self.page;
        let page = app
            .stores
            .sessions
            .page(&caller.owner, limit, cursor, frame.now);
        let (sessions, next) = page.await?;
        frame.respond(Response::Sessions {
            sessions: sessions.iter().map(SessionView::new).collect(),
            cursor: next.map(|next| next.to_string()),
        })
    }
}
