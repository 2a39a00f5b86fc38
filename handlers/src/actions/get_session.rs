//! `getSession`: one of the caller's sessions, open or ended, and a page of its turns, oldest first.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::session::TurnRow;
use longhaul_shared::protocol::{
    ErrorResponse, Fields, PageRequest, SessionReference, rfc3339, session_view,
};
use serde_json::{Value, json};

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

    const NAMES: &'static [&'static str] = &["getSession"];

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
        let turns: Vec<Value> = turns.iter().map(turn_view).collect();
        let mut fields = json!({"session": session_view(&session), "turns": turns});
        if let Some(next) = next.filter(|next| *next <= session.turns) {
            fields["cursor"] = next.to_string().into();
        }
        frame.respond("session", fields)
    }
}

fn turn_view(turn: &TurnRow) -> Value {
    let mut view = json!({
        "turn": turn.number,
        "jobId": turn.job.to_string(),
        "message": turn.message,
        "status": turn.status.map_or("open", |status| status.as_str()),
        "at": rfc3339(turn.at),
    });
    if let Some(answer) = &turn.answer {
        view["answer"] = answer.as_str().into();
    }
    view
}
