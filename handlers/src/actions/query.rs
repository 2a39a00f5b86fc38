//! `query` without a session, and `finops_query`: submits a job of its own.

use longhaul_shared::auth::Identity;
use longhaul_shared::protocol::request::QueryRequest;
use longhaul_shared::protocol::{ErrorResponse, Fields};
use tracing::Instrument;

use super::subscribe_job::follow;
use crate::action::Action;
use crate::app_context::AppContext;
use crate::frame::{ActionResult, FrameContext};
use crate::submit::{NewJob, Submission, Submitted, TurnRequest, submit};

#[derive(Debug, PartialEq)]
pub struct Query {
    submission: Submission,
}

impl Action for Query {
    type Caller = Identity;
    type Request = QueryRequest;

    const NAMES: &'static [&'static str] = &["finops_query", "query"];

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        let kind = match fields.action() {
            Some("finops_query") => "finops",
            _ => fields.required("kind")?,
        };
        Ok(Self {
            submission: Submission::parse(fields, kind, "query")?,
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, caller: &Identity) -> ActionResult {
        let span = self.submission.span();
        let submitted = async {
            let new_job = NewJob::new(app, frame, caller, self.submission)?;
            submit_or_follow(app, frame, caller, new_job, None).await
        };
        submitted.instrument(span).await
    }
}

/// Submits the job; or follows the one that an earlier submit under the same idempotency key created.
pub async fn submit_or_follow(
    app: &AppContext,
    frame: &FrameContext,
    caller: &Identity,
    new_job: NewJob,
    turn: Option<TurnRequest>,
) -> ActionResult {
    match submit(app, frame, new_job, turn).await? {
        Submitted::New => Ok(None),
        Submitted::Existing(id) => follow(app, frame, caller, id, 0).await,
    }
}
