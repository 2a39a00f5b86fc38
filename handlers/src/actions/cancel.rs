//! `cancel`: ends an open job of the caller's, or of the admin's tenant; the response for an ended job is its
//! state.
//!
//! The end is written here and the worker is not asked: a queued job never runs, and the worker of a running
//! job finds its lease superseded.

use longhaul_shared::auth::Identity;
use longhaul_shared::domain::job::{Job, OPERATOR, Status};
use longhaul_shared::protocol::request::CancelRequest;
use longhaul_shared::protocol::{ErrorResponse, Fields, JobReference, Response};
use longhaul_shared::store::jobs::CommitOutcome;

use super::get_job;
use crate::action::Action;
use crate::administration::effective_owner;
use crate::app_context::AppContext;
use crate::frame::{ActionResult, FrameContext};

pub struct Cancel {
    job: JobReference,
}

impl Action for Cancel {
    type Caller = Identity;
    type Request = CancelRequest;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self { job: fields.job()? })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, caller: &Identity) -> ActionResult {
        let id = match self.job {
            JobReference::Id(id) => id,
            JobReference::Unknown(text) => return get_job::respond_gone(frame, &text),
        };
        let owner = effective_owner(app, frame, caller, id).await?;
        let by = match owner == caller.owner {
            true => owner.user.clone(),
            false => OPERATOR.to_owned(),
        };
        let cancel = Job::cancel_as(by, owner.clone(), frame.now, app.retention);
        let mut job = match app.stores.jobs.commit(id, &cancel).await? {
            CommitOutcome::Applied(job) => *job,
            // The write was repeated because its response was lost, and met its own first try.
            CommitOutcome::Refused(Some(job))
                if job.status == Status::Cancelled
                    && job.owner == owner
                    && job.finished_at == Some(frame.now) =>
            {
                *job
            }
            CommitOutcome::Refused(row) => {
                return get_job::respond(app, frame, caller, id, row.map(|row| *row)).await;
            }
        };
        let job_id = id.to_string();
        // Pushed and not returned, so that it comes before `job_cancelled`, which the caller receives too.
        if let Some(cancelling) = frame.respond(Response::Cancelling { job_id })? {
            app.pusher.post(&frame.connection, &cancelling).await;
        }
        job.followers.insert(frame.connection.clone());
        if let Err(error) = app.job_end_notifier.notify(job, frame.now).await {
            tracing::warn!(job = %id, error = format!("{error:#}"), "pushing a cancel failed; the sweep will repeat it");
        }
        Ok(None)
    }
}
