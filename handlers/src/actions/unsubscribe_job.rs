//! `unsubscribe` with a job: stops following it. The response is the same whether or not the connection was a
//! follower.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::job::Job;
use longhaul_shared::protocol::request::UnsubscribeJobRequest;
use longhaul_shared::protocol::{ErrorResponse, Fields, JobReference, Response};
use longhaul_shared::store::jobs::CommitOutcome;

use crate::action::Action;
use crate::administration::effective_owner;
use crate::app_context::AppContext;
use crate::frame::{ActionResult, FrameContext};

pub struct UnsubscribeJob {
    job: JobReference,
}

impl Action for UnsubscribeJob {
    type Caller = Identity;
    type Request = UnsubscribeJobRequest;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self { job: fields.job()? })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, caller: &Identity) -> ActionResult {
        let job_id = match self.job {
            JobReference::Id(id) => {
                let owner = effective_owner(app, frame, caller, id).await?;
                let unfollow = Job::unfollow(owner, [&frame.connection]);
                let outcome = app.stores.jobs.commit(id, &unfollow).await?;
                if let CommitOutcome::Refused(Some(job)) = outcome {
                    frame.log_if_foreign(caller, &job.owner);
                }
                id.to_string()
            }
            JobReference::Unknown(text) => text,
        };
        frame.respond(Response::Unsubscribed { job_id })
    }
}
