//! `getJob`: a job of the caller's, or of the admin's tenant, with its result. The response for another user's
//! job equals that for a job that does not exist.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::JobId;
use longhaul_shared::domain::job::Job;
use longhaul_shared::protocol::request::GetJobRequest;
use longhaul_shared::protocol::{ErrorResponse, Fields, JobReference, JobResponse, Response};

use crate::action::Action;
use crate::app_context::AppContext;
use crate::caller::{can_administer, latest_identity};
use crate::frame::{ActionError, ActionResult, FrameContext};

pub struct GetJob {
    job: JobReference,
}

impl Action for GetJob {
    type Caller = Identity;
    type Request = GetJobRequest;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self { job: fields.job()? })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, caller: &Identity) -> ActionResult {
        let id = match self.job {
            JobReference::Id(id) => id,
            JobReference::Unknown(text) => return respond_gone(frame, &text),
        };
        let row = app.stores.jobs.get(id).await?;
        respond(app, frame, caller, id, row).await
    }
}

/// Responds with the job if the caller may see it.
pub async fn respond(
    app: &AppContext,
    frame: &FrameContext,
    caller: &Identity,
    id: JobId,
    row: Option<Job>,
) -> ActionResult {
    let Some(job) = visible(app, frame, caller, row).await? else {
        return respond_gone(frame, &id.to_string());
    };
    let job = app.stores.event_log.with_result(job).await?;
    frame.respond(Response::Job {
        job: JobResponse::found(&job),
    })
}

/// The job, if the caller may see it.
pub async fn visible(
    app: &AppContext,
    frame: &FrameContext,
    caller: &Identity,
    row: Option<Job>,
) -> Result<Option<Job>, ActionError> {
    // Also for an unknown job, so that the number of calls does not tell it from another user's.
    let latest = match &row {
        Some(job) if job.owner == caller.owner => caller.clone(),
        _ => latest_identity(app, frame, caller).await?,
    };
    Ok(row
        .inspect(|job| frame.log_if_foreign(caller, &job.owner))
        .filter(|job| job.owner == caller.owner || can_administer(&latest, &job.owner))
        .filter(|job| job.expires_at > frame.now))
}

/// The response for a job that has expired, never existed or belongs to another user.
pub fn respond_gone(frame: &FrameContext, id: &str) -> ActionResult {
    frame.respond(Response::Job {
        job: JobResponse::gone(id),
    })
}
