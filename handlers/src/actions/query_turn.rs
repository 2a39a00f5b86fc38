//! `query` with a session: submits a job as the session's next turn. Its events are native ones.

use longhaul_shared::auth::Identity;
use longhaul_shared::protocol::request::QueryRequest;
use longhaul_shared::protocol::{ErrorResponse, Fields, SessionReference};
use tracing::Instrument;

use super::query::submit_or_follow;
use crate::action::Action;
use crate::app_context::AppContext;
use crate::frame::{ActionResult, FrameContext};
use crate::session_lookup::named_session;
use crate::submit::{NewJob, Submission, TurnRequest};

pub struct QueryTurn {
    pub(super) session: Option<SessionReference>,
    pub(super) supersede: bool,
    pub(super) submission: Submission,
}

impl Action for QueryTurn {
    type Caller = Identity;
    type Request = QueryRequest;

    fn matches(fields: &Fields) -> bool {
        fields.contains("sessionId")
    }

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        let submission = Submission::parse(fields, fields.required("kind")?, "query")?;
        Ok(Self {
            session: fields.session()?,
            supersede: fields.flag("supersede")?,
            submission,
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, caller: &Identity) -> ActionResult {
        let span = self.submission.span();
        let submitted = async {
            let new_job = NewJob::new(app, frame, caller, self.submission)?;
            let turn = TurnRequest {
                session: self.session.map(named_session).transpose()?,
                dialect: None,
                supersede: self.supersede,
            };
            submit_or_follow(app, frame, caller, new_job, Some(turn)).await
        };
        submitted.instrument(span).await
    }
}
