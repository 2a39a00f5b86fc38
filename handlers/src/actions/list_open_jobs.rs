//! `listOpenJobs`: the open jobs of the admin's tenant, oldest first. The index of open jobs holds all tenants, so
//! it is read to a bound, and the response says whether there is more.

use longhaul_shared::domain::job::{Job, Status};
use longhaul_shared::protocol::request::ListOpenJobsRequest;
use longhaul_shared::protocol::{ErrorResponse, Fields, JobView, Response, jobs_that_fit};

use crate::action::Action;
use crate::app_context::AppContext;
use crate::caller::Admin;
use crate::frame::{ActionResult, FrameContext};

/// Pages of a hundred rows that one frame reads of each shard of the index.
const MAX_PAGES: usize = 2;

pub struct ListOpenJobs {
    status: Option<Status>,
    limit: u32,
}

impl Action for ListOpenJobs {
    type Caller = Admin;
    type Request = ListOpenJobsRequest;

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self {
            status: fields.job_status()?,
            limit: fields.limit()?,
        })
    }

    async fn run(self, app: &AppContext, frame: &FrameContext, admin: &Admin) -> ActionResult {
        let is_listed = |job: &Job| {
            admin.administers(&job.owner)
                && self.status.is_none_or(|status| job.status == status)
                && job.expires_at > frame.now
        };
        let jobs = &app.stores.jobs;
        let found = jobs.oldest_open(is_listed, self.limit as usize, MAX_PAGES, frame.now);
        let found = found.await?;
        let fitting = jobs_that_fit(&found.jobs).min(found.jobs.len());
        frame.respond(Response::OpenJobs {
            jobs: found.jobs[..fitting].iter().map(JobView::new).collect(),
            more: found.more || fitting < found.jobs.len(),
        })
    }
}
